"""Gradients of the samples against what is true in them: positive, null and reversed; communes and zones."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rnc_epi.cells.build import CellBuilder, Selection
from rnc_epi.extracts.embedded import embedded_sample
from rnc_epi.extracts.opening import Extract, open_extract
from rnc_epi.extracts.sample import write_large_sample
from rnc_epi.extracts.sample.extent import regional_extent
from rnc_epi.inequality import deprivation_groups, gradients
from rnc_epi.vocabulary.periods import Period
from tests.deprivation_cells import asked, row_of

INDEX = {"index": "synthetic_edi", "vintage": "synthetic_2021"}
FEW = {
    "measures": ["rate_ratio", "relative_index", "excess_events"], "models": ["multiplicative"],
    "transforms": [], "trend": False, "by_age": False, "by_site": False, "shrink": False,
}  # fmt: skip


def gradients_of(extract: Extract, geo_level: str, selection: Selection) -> pd.DataFrame:
    builder = CellBuilder(extract)
    cut = deprivation_groups(
        extract.areas_table("deprivation"), builder.areas(), geo_level=geo_level, **INDEX
    )
    return gradients(builder.grouped(selection, cut.table), asked(**FEW)).results


@pytest.fixture(scope="module")
def embedded() -> Iterator[Extract]:
    extract = open_extract(embedded_sample())
    yield extract
    extract.close()


@pytest.fixture(scope="module")
def deaths(embedded: Extract) -> pd.DataFrame:
    sites = ("lung", "lip_oral_pharynx", "pancreas", "colorectum", "breast", "prostate")
    selection = Selection(sites, (1, 2), ("death",), ("france_entiere",), pooled=(Period(2016, 2021),))
    return gradients_of(embedded, "zone", selection)


@pytest.fixture(scope="module")
def true_ratios() -> pd.DataFrame:
    truth = pd.read_parquet(Path(__file__).parents[2] / "data_samples" / "rnc_sample_truth.parquet")
    return truth[truth["quantity"].eq("mortality_ratio_extreme_fifths")]


def test_the_true_ratio_of_mortality_between_extreme_fifths_is_found_for_every_site(deaths, true_ratios):
    scores = []
    for row in true_ratios[true_ratios["site"].ne("all_cancers")].itertuples():
        if (row.site, row.sex) == ("breast", 1):
            continue
        found = row_of(deaths, "rate_ratio", site=row.site, sex=row.sex, comparator="Q5/Q1")
        scores.append(np.log(found["value"] / row.value) / (found["se"] / found["value"]))
    assert len(scores) >= 10
    # Eleven standard normal scores: 3.5 is passed once in two hundred times, and their mean square once in a
    # thousand above 2.9. Truth weighs all ages as they are, the rate as the world standard does: a few
    # thousandths, below the errors.
    assert np.abs(scores).max() < 3.5
    assert np.mean(np.square(scores)) < 2.9


@pytest.mark.parametrize(("site", "sex", "sign"), [("lung", 1, 1), ("breast", 2, 0), ("prostate", 1, -1)])
def test_positive_null_and_reversed_gradients_are_told_apart(deaths, site, sex, sign):
    row = row_of(deaths, "relative_index", site=site, sex=sex)
    seen = int(row["lower"] > 1) - int(row["upper"] < 1)
    assert seen == sign
    excess = row_of(deaths, "excess_events", site=site, sex=sex)
    # A negative excess is kept, not clipped at zero.
    assert sign == 0 or np.sign(excess["value"]) == sign


@pytest.fixture(scope="module")
def regional(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Extract]:
    leaves = frozenset({"lung", "larynx", "melanoma_skin", "kidney"})
    extent = dataclasses.replace(regional_extent(), leaves=leaves)
    path = write_large_sample(tmp_path_factory.mktemp("regional") / "r.duckdb", extent, seed=0)
    extract = open_extract(path)
    yield extract
    extract.close()


@pytest.mark.slow
def test_published_relative_risks_are_found_between_communes_and_diluted_between_zones(regional):
    selection = Selection(
        ("lung", "larynx", "melanoma_skin", "kidney"), (1, 2), ("incidence",), ("registry_zone",),
        pooled=(Period(2014, 2019), Period(2019, 2024)),
    )  # fmt: skip
    logs: dict[str, dict[tuple[str, int], tuple[float, float]]] = {}
    for level in ("commune", "zone"):
        results = gradients_of(regional, level, selection)
        rows = results[
            results["indicator"].eq("rate_ratio") & results["comparator"].eq("Q5/Q1")
            & results["geo_code"].eq("ALL") & results["status"].eq("estimated")
        ]  # fmt: skip
        # Both periods together: inverse-variance mean of the logs.
        logs[level] = {}
        for key, part in rows.groupby(["site", "sex"]):
            error = (part["se"] / part["value"]).to_numpy(float)
            weight = error**-2 / (error**-2).sum()
            logs[level][key] = (
                float(weight @ np.log(part["value"].to_numpy(float))),
                float((error**-2).sum() ** -0.5),
            )
    # Bryere 2018, men: lung 1.59, larynx 1.67; melanoma reversed and kidney flat in the sample. Four errors,
    # and 6 %: fifths of the people of one region are not those of the nation.
    for site, ratio in (("lung", 1.59), ("larynx", 1.67), ("melanoma_skin", 0.70), ("kidney", 1.0)):
        value, error = logs["commune"][(site, 1)]
        assert abs(value - np.log(ratio)) < 4 * error + 0.06, site
    between_communes, between_zones = logs["commune"][("lung", 1)][0], logs["zone"][("lung", 1)][0]
    assert abs(between_zones) < 0.92 * abs(between_communes)
    # A rarer site of one region is one draw, whose two estimates differ by as much as the dilution itself:
    # the reversed gradient keeps its sign, and is diluted with the others, both sexes together.
    sums = dict.fromkeys(logs, 0.0)
    for site, sex in ((site, sex) for site in ("lung", "larynx", "melanoma_skin") for sex in (1, 2)):
        value, error = logs["commune"][(site, sex)]
        for level in logs:
            sums[level] += np.sign(value) * logs[level][(site, sex)][0] / error**2
    assert sums["zone"] < 0.92 * sums["commune"]
    assert logs["zone"][("melanoma_skin", 1)][0] < 0 > logs["commune"][("melanoma_skin", 1)][0]
