"""The synthetic extract: the same for a seed, clean under the contract, true to what it was drawn from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rnc_epi.cells.build import CellBuilder, Selection
from rnc_epi.extracts.check_report import check_extract
from rnc_epi.extracts.embedded import embedded_sample
from rnc_epi.extracts.opening import open_extract
from rnc_epi.extracts.sample import make_sample
from rnc_epi.extracts.sample.codes import typical_code
from rnc_epi.extracts.sample.reference import rates
from rnc_epi.indicators.rates import standardised_rates
from rnc_epi.vocabulary.errors import FileProblem, InputError
from rnc_epi.vocabulary.periods import Period
from rnc_epi.vocabulary.sites import leaves, site_of_icdo3


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_sample(tmp_path_factory.mktemp("sample") / "s.duckdb", seed=0)


def test_the_embedded_sample_is_what_its_command_makes(made: Path) -> None:
    with open_extract(made) as again, open_extract(embedded_sample()) as embedded:
        assert again.fingerprint() == embedded.fingerprint()


def test_another_seed_gives_another_content(made: Path, tmp_path: Path) -> None:
    other = make_sample(tmp_path / "other.duckdb", seed=1)
    with open_extract(made) as first, open_extract(other) as second:
        assert first.fingerprint() != second.fingerprint()


def test_the_sample_has_no_defect_and_says_that_it_is_synthetic(made: Path) -> None:
    report = check_extract(made)
    assert report.accepted
    assert report.codes == ()
    with open_extract(made) as extract:
        assert extract.sources()["synthetic"].all()


def test_the_typical_code_of_each_site_is_read_back_as_that_site() -> None:
    for leaf in {leaf for leaf, _ in rates()} & set(leaves("all_cancers")):
        topography, morphology = typical_code(leaf)
        assert site_of_icdo3(topography, morphology, 3) == leaf


def test_standardised_rates_of_registries_agree_with_the_truth(made: Path, project_root: Path) -> None:
    truth = pd.read_csv(project_root / "data_samples/rnc_sample_truth.csv", dtype={"geo_code": "str"})
    with open_extract(made) as extract:
        (cells,) = CellBuilder(extract).cells(
            Selection(
                sites=("all_cancers", "lung", "colorectum", "breast"),
                sexes=(1, 2),
                event_types=("incidence",),
                geo_levels=("departement",),
                pooled=(Period(2016, 2021),),
            )
        )
    table = standardised_rates(cells, "world").merge(truth, on=["site", "sex", "geo_code"])
    table = table[table["events"] >= 100]
    assert len(table) > 80
    z = (table["value"] - table["incidence_asr_world"]) / table["se"]
    # Rows of unknown age (one in a thousand) pull the rate down by less than a tenth of a standard error; the
    # mean of n standard normals is within 4/sqrt(n), their spread within 25 % for n of a hundred or so.
    assert abs(z.mean()) < 4 / np.sqrt(len(z))
    assert 0.75 < z.std() < 1.25


def test_deaths_of_all_cancers_are_those_of_its_sites_and_of_others(made: Path) -> None:
    with open_extract(made) as extract:
        cells = extract.store.read(
            "SELECT site = 'all_cancers' AS whole, sex, geo_code, period_from, age_from, "
            "sum(events) AS events FROM death_cells GROUP BY ALL"
        )
    keys = ["sex", "geo_code", "period_from", "age_from"]
    table = cells.pivot_table(index=keys, columns="whole", values="events", fill_value=0)
    assert (table[True] >= table[False]).all()


def test_an_existing_file_is_never_overwritten_and_an_unknown_size_is_refused(
    made: Path, tmp_path: Path
) -> None:
    with pytest.raises(FileProblem, match="F001"):
        make_sample(made)
    with pytest.raises(InputError, match="M005"):
        make_sample(tmp_path / "x.duckdb", size="enormous")
