"""The importer of published tables, on two small files of its own: what it keeps, sets aside and refuses."""

from __future__ import annotations

import gzip

import pytest

from rnc_epi.extracts.published_tables import CI5_FILE, DEATHS_FILE, published_extract
from rnc_epi.vocabulary.errors import ExtractRefused, FileProblem
from rnc_epi.vocabulary.sites import SITES, ci5_control_totals

#: One registry, men, two bands and unknown age: three colons and one lung, no other cancer.
FIGURES = {("colon", "0-4"): 1, ("colon", "85+"): 2, ("lung", "85+"): 1, ("lung", "unknown"): 1}


def ci5(figures=FIGURES, *, total=None, person_years="1000"):
    """Return the text of a CI5 table: every entity of the site table, then its two totals."""
    lines = ["registry_code,registry,period,sex,site_code,site,age_band,cases,person_years"]
    entities = {site.ci5_code: slug for slug, site in SITES.items() if site.ci5_code is not None}
    for age in ("0-4", "85+", "unknown"):
        years = "" if age == "unknown" else "1000"
        for code, slug in sorted(entities.items()):
            own = person_years if (slug, age) == ("lung", "85+") else years
            lines.append(f"9,Essai,2013-2016,1,{code},x,{age},{figures.get((slug, age), 0)},{own}")
        counted = sum(n for (_, at), n in figures.items() if at == age)
        for code in ci5_control_totals():
            lines.append(f"9,Essai,2013-2016,1,{code},x,{age},{counted if total is None else total},{years}")
    return "\n".join(lines) + "\n"


DEATHS = """proxy,departement,age_mid,proxy_count,person_years
M,01,82.5,3,1500.5
M,01,88.5,4,900
M,971,88.5,2,NA
A,01,88.5,99,900
"""


def folder(path, table):
    for name, text in ((CI5_FILE, table), (DEATHS_FILE, DEATHS)):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        content = gzip.compress(text.encode()) if name.endswith(".gz") else text.encode()
        (path / name).write_bytes(content)
    return path


def test_cells_of_the_registry_are_kept_and_its_totals_set_aside(tmp_path):
    tables = published_extract(folder(tmp_path, ci5()))
    cells = tables["incidence_cells"]
    assert cells["events"].sum() == sum(FIGURES.values())
    colon = cells[(cells["site"] == "colon") & (cells["age_from"] == 85)]
    assert colon[["events", "period_from", "period_until"]].to_numpy().tolist() == [[2, 2013, 2017]]
    assert colon["age_until"].isna().all()
    unknown = cells[(cells["site"] == "lung") & (cells["age_status"] == "unknown")]
    assert unknown["events"].tolist() == [1]
    # Men have no cervix: a structural zero is no cell, and no scope.
    assert "cervix_uteri" not in set(cells["site"])
    assert "cervix_uteri" not in set(tables["cells_scope"]["site"])
    # One population, given once a band whatever the number of sites.
    own = tables["person_years"][tables["person_years"]["source"] == "ci5_xii"]
    assert own["age_from"].tolist() == [0, 85]


def test_deaths_keep_every_code_and_only_real_person_years(tmp_path):
    tables = published_extract(folder(tmp_path, ci5()))
    deaths = tables["death_cells"]
    assert sorted(zip(deaths["geo_code"], deaths["age_from"], deaths["events"], strict=True)) == [
        ("01", 80, 3), ("01", 85, 4), ("971", 85, 2),
    ]  # fmt: skip
    assert set(tables["person_years"].query("source == 'insee_calibinc'")["geo_code"]) == {"01"}
    thresholds = tables["sources"].set_index("source")["disclosure_threshold"]
    assert (thresholds["ci5_xii"], thresholds["calibinc_deaths"]) == (0, 11)


def test_sites_that_do_not_add_up_to_the_printed_total_are_refused(tmp_path):
    with pytest.raises(ExtractRefused) as caught:
        published_extract(folder(tmp_path, ci5(total=7)))
    assert caught.value.code == "F002"


def test_a_site_with_person_years_of_its_own_is_refused(tmp_path):
    with pytest.raises(ExtractRefused) as caught:
        published_extract(folder(tmp_path, ci5(person_years="999")))
    assert caught.value.code == "F003"


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(FileProblem) as caught:
        published_extract(tmp_path)
    assert caught.value.code == "D001"
