"""The importer of calibration tables, on two small files of its own."""

from __future__ import annotations

import pytest

from rnc_epi.extracts.published_calibration import (
    FOLDER,
    LIP_ORAL_PHARYNX,
    PANCREAS,
    calibration_extract,
    write_calibration_extract,
)
from rnc_epi.extracts.published_together import extract_of_all, write_extract_of_all
from rnc_epi.vocabulary.errors import FileProblem
from tests.unit.test_published_tables import ci5
from tests.unit.test_published_tables import folder as published_folder

DISTRICTS = """district,proxy,age_mid,incident_cases,proxy_count,person_years,world_standard
d_1,A,2.5,0,1,1000,12000
d_1,A,82.5,5,4,500.5,500
d_1,A,88.5,7,6,300,500
d_1,M,2.5,0,0,1000,12000
d_1,M,82.5,5,5,500.5,500
d_1,M,88.5,7,8,300,500
"""
DEPARTEMENTS = """departement,proxy,age_mid,proxy_count,person_years,world_standard
01,A,82.5,40,5000,500
01,A,88.5,60,3000,500
01,M,88.5,70,3000,500
971,A,88.5,2,NA,500
"""
MERGED = """district,age_mid,incident_cases,proxy_count,person_years
d.1,23.05,3,3,330156.5
d.1,88.5,4,5,900
"""
CORSICA = """departement,age_mid,proxy_count,person_years,world_standard
2A,88.5,4,100,500
2B,88.5,3,150.5,500
01,88.5,9,400,500
"""


def folder(path, name, districts, departements):
    target = path / FOLDER
    target.mkdir(parents=True, exist_ok=True)
    (target / f"{name}_registry_cells.csv").write_text(districts)
    (target / f"{name}_departement_cells.csv").write_text(departements)
    return path


def test_each_count_is_taken_once_and_each_correlate_apart(tmp_path):
    tables = calibration_extract(folder(tmp_path, "pancreas_men", DISTRICTS, DEPARTEMENTS))
    incidence = tables["incidence_cells"]
    # Incident cases stand in the file once for each correlate.
    assert incidence["events"].tolist() == [0, 5, 7]
    assert incidence["age_from"].tolist() == [0, 80, 85]
    assert incidence["age_until"].isna().tolist() == [False, False, True]
    proxies = tables["proxy_cells"].groupby(["geo_level", "proxy"])["events"].sum()
    assert proxies["registry_district", "M"] == 13
    assert proxies["departement_sante", "A"] == 102
    person_years = tables["person_years"]
    assert set(person_years["geo_code"]) == {"d_1", "01"}
    assert not person_years.duplicated(["geo_level", "geo_code", "age_from"]).any()


def test_what_the_authors_altered_is_said(tmp_path):
    tables = calibration_extract(folder(tmp_path, "pancreas_men", DISTRICTS, DEPARTEMENTS))
    altered = tables["sources"].set_index("source").loc["calibinc_pancreas", "altered"]
    assert "altered" in altered
    assert set(tables["sources"]["disclosure_threshold"]) == {11}


def test_merged_young_ages_and_the_two_halves_of_corsica(tmp_path):
    files = folder(tmp_path, "lip_oral_pharynx_men", MERGED, CORSICA)
    tables = calibration_extract(files, LIP_ORAL_PHARYNX)
    assert tables["incidence_cells"][["age_from", "age_until"]].iloc[0].tolist() == [0, 30]
    corsica = tables["proxy_cells"].query("geo_code == '20'")
    assert corsica["events"].tolist() == [7]
    at_risk = tables["person_years"].query("geo_code == '20'")["person_years"].astype(float)
    assert at_risk.tolist() == [250.5]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileProblem, match="D001"):
        calibration_extract(tmp_path, PANCREAS)


def test_the_extract_is_written_anew(tmp_path):
    files = folder(tmp_path / "in", "pancreas_men", DISTRICTS, DEPARTEMENTS)
    first = write_calibration_extract(files, tmp_path / "internal")
    assert write_calibration_extract(files, tmp_path / "internal") == first
    assert first.stat().st_size > 0


def every_table(path):
    published_folder(path, ci5())
    folder(path, "lip_oral_pharynx_men", MERGED, CORSICA)
    return folder(path, "pancreas_men", DISTRICTS, DEPARTEMENTS)


def test_one_extract_holds_every_table_and_each_keeps_the_populations_of_its_period(tmp_path):
    tables = extract_of_all(every_table(tmp_path))
    keys = {"pancreas": "calibinc_pancreas", "lip_oral_pharynx": "calibinc_lip_oral_pharynx"}
    for site, source in keys.items():
        own = tables["proxy_cells"][tables["proxy_cells"]["site"].eq(site)]
        assert set(own["source"]) == {source}
        at_risk = tables["person_years"].query("source == @source")
        assert set(at_risk["period_until"]) == set(own["period_until"])
    deaths = tables["person_years"].query("geo_level == 'departement_sante' and source == 'calibinc_deaths'")
    assert deaths["person_years"].tolist() == ["3000"]
    assert set(tables["sources"]["source"]) == {"ci5_xii", "calibinc_deaths", *keys.values()}
    # The areas of France and what holds them are said once.
    areas = tables["areas"]
    assert not areas.duplicated(["geo_level", "geo_code", "geo_vintage"]).any()
    assert {"registry_zone", "registry_district", "departement_sante"} <= set(areas["geo_level"])
    assert (
        not tables["membership"]
        .duplicated(["child_level", "child_code", "parent_level", "parent_code"])
        .any()
    )


def test_the_extract_of_every_table_is_written_anew(tmp_path):
    files = every_table(tmp_path / "in")
    first = write_extract_of_all(files, tmp_path / "internal")
    assert write_extract_of_all(files, tmp_path / "internal") == first
