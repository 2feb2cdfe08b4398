"""Stages by group and scopes of a study file, from an extract of six zones to the rows kept inside."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from rnc_epi.flow import run
from rnc_epi.vocabulary.errors import InputError
from tests.extract_builder import VINTAGE, minimal_tables, write_extract

ZONES = [f"38{place}" for place in range(1, 7)]
STUDY = """
schema = 1
title = "Essai"
extract = "x.duckdb"

[select]
sites = ["colorectum"]
geo_levels = ["registry_zone"]
years = []
pooled = ["2016-2018"]

[inequality]
index = "edi"
vintage = "2021"
groups = 3
events = ["incidence"]
geo_levels = ["registry_zone"]
measures = ["rate_ratio", "slope_index"]
"""


def tables_by_zone() -> dict[str, pd.DataFrame]:
    """Return the small extract with the people and cases of Isère in six zones, and scores from 1 to 6."""
    tables = minimal_tables()
    years = tables["person_years"]
    isere = years["geo_code"].eq("38")
    parts = [
        years[isere].assign(
            geo_level="zone", geo_code=code, person_years=years.loc[isere, "person_years"].astype(float) / 6
        )
        for code in ZONES
    ]
    tables["person_years"] = pd.concat([years[~isere], *parts], ignore_index=True)
    areas = tables["areas"]
    zones = [
        areas.iloc[[0]].assign(geo_level="zone", geo_code=code, name_fr=code, name_en=code, population=1_000)
        for code in ZONES
    ]
    tables["areas"] = pd.concat([areas, *zones], ignore_index=True)
    links = tables["membership"]
    tables["membership"] = pd.concat(
        [
            links,
            *(
                links.iloc[[0]].assign(
                    child_level="zone", child_code=code, parent_level="departement", parent_code="38"
                )
                for code in ZONES
            ),
        ],
        ignore_index=True,
    )
    tumours = tables["tumours"]
    place = tumours["tumour_key"].astype(int) % 6
    # From the first zone to the last, ever more of the cases are found late.
    late = (tumours["tumour_key"].astype(int) * 7 // 6) % 10 < 2 + place
    tables["tumours"] = tumours.assign(
        geo_level="zone", geo_code=place.map(dict(enumerate(ZONES))), stage=late.map({True: "IV", False: "I"})
    )
    area = {"geo_level": "zone", "geo_vintage": VINTAGE}
    tables["deprivation"] = pd.DataFrame(
        [
            {"index": "edi", "vintage": "2021", **area, "geo_code": code, "score": float(score),
             "higher_is": "more_deprived"}
            for score, code in enumerate(ZONES, start=1)
        ]
    )  # fmt: skip
    return tables


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("zones")
    write_extract(path / "x.duckdb", tables_by_zone())
    return path


def ran(folder: Path, out: Path, keys: str) -> Path:
    study = folder / "STUDY.toml"
    study.write_text(STUDY + keys, encoding="utf-8")
    return run(study, out, threads=1)


def test_shares_found_late_are_those_of_the_rows(folder: Path, tmp_path: Path) -> None:
    staged = ran(folder, tmp_path, 'late_stages = ["IV"]\n')
    rows = pd.read_parquet(tmp_path / "internal" / staged.name / "results.parquet")
    found = rows[rows["indicator"].eq("late_stage_share") & rows["sex"].eq(1)].set_index("stratum")
    tumours = tables_by_zone()["tumours"]
    men = tumours[tumours["topography"].eq("C18.7") & tumours["sex"].eq(1)]
    group = men["geo_code"].map({code: f"Q{1 + place // 2}" for place, code in enumerate(ZONES)})
    shares = men["stage"].eq("IV").groupby(group).mean()
    assert sorted(shares.index) == ["Q1", "Q2", "Q3"]
    for stratum, share in shares.items():
        assert found.loc[stratum, "value"] == pytest.approx(100 * share, rel=1e-9)  # a ratio of counts


@pytest.mark.parametrize(
    ("keys", "code", "words"),
    [
        ('late_stages = ["T9"]\n', "I038", "T9"),
        ('area_model_level = "departement"\n', "I037", "zone"),
        ('scope = "region"\nscope_areas = ["84", "ZZ"]\n', "I039", "ZZ"),
        ('scope = "region"\nscope_areas = ["28"]\n', "I039", "84"),
    ],
)
def test_what_the_extract_does_not_hold_is_named(
    folder: Path, tmp_path: Path, keys: str, code: str, words: str
) -> None:
    with pytest.raises(InputError, match=code) as refused:
        ran(folder, tmp_path, keys)
    assert words in str(refused.value)


def test_a_scope_is_kept_to_the_areas_named(folder: Path, tmp_path: Path) -> None:
    named = ran(folder, tmp_path / "a", 'scope = "region"\nscope_areas = ["84"]\n')
    whole = ran(folder, tmp_path / "b", 'scope = "region"\n')
    tables = [pd.read_parquet(staged / "indicators.parquet") for staged in (named, whole)]
    # All scores lie in the one region: naming it changes no figure.
    pd.testing.assert_frame_equal(*tables)
