"""Layouts that the package knows: the ENCR-JRC call there and back, deaths of CépiDc, CNAM open data."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rnc_epi.extracts.check_report import check_extract
from rnc_epi.extracts.importers import KINDS, columns, export_encr, import_files, read_mapping
from rnc_epi.store import open_locked
from rnc_epi.vocabulary.errors import RncEpiError
from tests.extract_builder import minimal_tables, write_extract
from tests.files_of_registries import write

COVERAGE = """
[geography]
levels = ["region", "departement"]

[[rows.coverage]]
registry = "{registry}"
geo_level = "departement"
geo_code = "38"
geo_vintage = "cog2026"
site_group = "general"
age_from = 0
period_from = 2020
period_until = 2022
"""


def content(path, select):
    with open_locked(path, threads=1) as store:
        return store.rows(select)


def test_the_layout_of_the_call_comes_back_as_it_went(tmp_path):
    files, mapping = write(tmp_path / "in")
    first = import_files("csv", files, tmp_path / "first.duckdb", mapping=mapping).path
    exported = export_encr(first, tmp_path / "encr")
    assert [path.name for path in exported] == ["incidence.csv", "population.csv"]
    (tmp_path / "own.toml").write_text(COVERAGE.format(registry="encr"))
    done = import_files("encr", exported, tmp_path / "second.duckdb", mapping=tmp_path / "own.toml")
    # No file of deaths was written, and that its table is not made is said.
    assert [(f.code, f.table) for f in done.findings] == [("H133", "death_cells")]
    assert check_extract(done.path, threads=1).accepted
    # All but the pseudonyms, which are numbered anew, and the name of the source.
    tumours = (
        "SELECT sex, age_years, year, month, replace(topography, '.', ''), morphology, behaviour, "
        "basis_of_diagnosis, geo_code, vital_status, follow_up_days FROM tumours"
    )
    assert content(first, tumours) == content(done.path, tumours)
    populations = "SELECT sex, geo_code, period_from, age_from, age_until, person_years FROM person_years"
    assert content(first, populations) == content(done.path, populations)
    persons = "SELECT count(DISTINCT person_key), count(*) FROM tumours"
    assert content(first, persons) == content(done.path, persons)
    with pytest.raises(RncEpiError) as caught:
        export_encr(first, tmp_path / "encr")
    assert caught.value.code == "F001"


def test_codes_of_the_call_for_unknown_are_missing(tmp_path):
    incidence = tmp_path / "incidence.csv"
    incidence.write_text(
        "PAT;TUM;Sex;Age;GEO;MoI;YoI;BoD;Topo;Morpho;Beh;Vit_stat;Surv_time\n"
        "p1;t1;1;999;38;99;2020;9;C341;8140;3;9;99999\n"
        "p2;t2;2;71;38;6;2020;7;C509;8500;3;2;12\n"
    )
    (tmp_path / "own.toml").write_text(COVERAGE.format(registry="encr"))
    done = import_files("encr", [incidence], tmp_path / "x.duckdb", mapping=tmp_path / "own.toml")
    found = content(
        done.path, "SELECT sex, age_years, month, vital_status, follow_up_days, topography FROM tumours"
    )
    assert found == [(1, None, None, 9, None, "C341"), (2, 71, 6, 1, 12, "C509")]


DEATHS = """DCD_IDT_ENC;BEN_NIR_ANO;BEN_SEX_COD;BEN_NAI_ANN;BEN_NAI_MOI;BEN_DCD_AME;BEN_RES_DPT;DCD_CIM_COD
d1;xx;1;1950;07;202006;38;C341
d2;xx;2;1950;06;202006;38;C50.9
d3;xx;2;1931;12;202001;2A;I219
d4;xx;1;1990;01;202001;975;C169
"""


def test_deaths_have_the_age_of_their_months_and_no_pseudonym(tmp_path):
    file = tmp_path / "ki_cci_r.csv"
    file.write_text(DEATHS)
    done = import_files("cepidc", [file], tmp_path / "x.duckdb")
    found = content(done.path, "SELECT age_years, sex, year, cause_icd10, geo_code FROM deaths")
    # By hand: born in July 1950, dead in June 2020 at 69; born in June, at 70; born in December 1931, at 88.
    assert found == [
        (30, 1, 2020, "C169", "975"),
        (69, 1, 2020, "C341", "38"),
        (70, 2, 2020, "C50.9", "38"),
        (88, 2, 2020, "I219", "2A"),
    ]
    file.write_text(DEATHS.replace("BEN_NIR_ANO", "BEN_NIR"))
    with pytest.raises(RncEpiError) as caught:
        import_files("cepidc", [file], tmp_path / "y.duckdb")
    assert caught.value.code == "H009"


def test_departements_of_the_snds_have_three_positions_and_are_read_as_the_geographic_code(tmp_path):
    file = tmp_path / "ki_cci_r.csv"
    lines = [f"d{n};1;1950;07;202006;{code};C341" for n, code in enumerate(
        ("001", "038", "201", "202", "095", "097", "099", "000", "2B", "69"))]  # fmt: skip
    header = "DCD_IDT_ENC;BEN_SEX_COD;BEN_NAI_ANN;BEN_NAI_MOI;BEN_DCD_AME;BEN_RES_DPT;DCD_CIM_COD"
    file.write_text("\n".join([header, *lines]) + "\n")
    done = import_files("cepidc", [file], tmp_path / "x.duckdb")
    found = content(done.path, "SELECT geo_code FROM deaths ORDER BY 1")
    assert [code for (code,) in found] == ["01", "2A", "2B", "2B", "38", "69", "95", "97"]
    ledger = done.accounting.frame()
    # Abroad and unknown are left out, and counted.
    assert dict(zip(ledger["reason"], ledger["rows"], strict=True)) == {"H124": 2, "_": 8}


def test_columns_that_nothing_reads_are_named(tmp_path):
    incidence = tmp_path / "incidence.csv"
    incidence.write_text(
        "PAT;TUM;Sex;Age;GEO;MoI;YoI;BoD;Topo;Morpho;Beh;Lat;Grade;Vit_stat;Surv_time\n"
        "p1;t1;1;70;38;6;2020;7;C341;8140;3;2;3;2;12\n"
    )
    (tmp_path / "own.toml").write_text(COVERAGE.format(registry="encr"))
    done = import_files("encr", [incidence], tmp_path / "x.duckdb", mapping=tmp_path / "own.toml")
    found = {finding.code: finding for finding in done.findings}
    assert dict(found["H131"].facts)["column"] == "Lat, Grade"
    assert [f.table for f in done.findings if f.code == "H133"] == ["person_years", "death_cells"]
    declared = '[format]\nignored = ["Lat", "Grade"]\n'
    (tmp_path / "own.toml").write_text(declared + COVERAGE.format(registry="encr"))
    again = import_files("encr", [incidence], tmp_path / "y.duckdb", mapping=tmp_path / "own.toml")
    assert "H131" not in {finding.code for finding in again.findings}


EFFECTIFS = """annee;patho_niv1;patho_niv2;patho_niv3;top;cla_age_5;sexe;region;dept;Ntop;Npop;prev
2021;Cancers;Cancer colorectal;Cancer colorectal actif;x;60-64;1;84;01;120;20000;0,6
2021;Cancers;Cancer colorectal;Cancer colorectal actif;x;95et+;1;84;01;;300;
2021;Cancers;Cancer du poumon;Cancer du poumon actif;x;60-64;1;84;01;40;20000;0,2
2021;Cancers;Cancer colorectal;Cancer colorectal sous surveillance;x;60-64;1;84;01;400;20000;2
2021;Cancers;Cancer colorectal;Cancer colorectal actif;x;tsage;1;84;01;900;300000;0,3
2021;Cancers;Cancer colorectal;Cancer colorectal actif;x;60-64;9;84;01;230;41000;0,5
2021;Cancers;Cancer colorectal;Cancer colorectal actif;x;60-64;1;99;999;9000;2000000;0,4
2021;Diabète;;;x;60-64;1;84;01;2000;20000;10
"""


def test_treated_persons_are_proxy_cells_without_totals_and_masked_lines(tmp_path):
    file = tmp_path / "effectifs.csv"
    file.write_text(EFFECTIFS)
    done = import_files("cnam", [file], tmp_path / "x.duckdb")
    cells = content(
        done.path, "SELECT site, proxy, sex, geo_code, age_from, age_until, events FROM proxy_cells"
    )
    assert cells == [("colorectum", "HA", 1, "01", 60, 65, 120), ("lung", "HA", 1, "01", 60, 65, 40)]
    population = content(done.path, "SELECT age_from, age_until, person_years FROM person_years")
    assert [(start, end, int(years)) for start, end, years in population] == [
        (60, 65, 20000),
        (95, None, 300),
    ]
    ledger = done.accounting.frame()
    proxies = ledger[ledger["table_name"] == "proxy_cells"]
    # Three lines of totals, one masked, one under watch, one of another disease; two are used: eight in all.
    assert dict(zip(proxies["reason"], proxies["rows"], strict=True)) == {
        "H127": 3, "H125": 1, "H124": 2, "_": 2,
    }  # fmt: skip
    assert ledger[ledger["table_name"] == "person_years"]["rows"].sum() == 8


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (("[source]", "[source"), "H121"),
        (('kind = "registry"', 'kind = "cousin"'), "H122"),
        (('title = "Registre d\'essai"', ""), "H122"),
        (('topography = "topo"', 'topografy = "topo"'), "H123"),
        (("[tables.person_years]", "[tables.populations]"), "H122"),
        (('take = "days", since = "diagnostic"', 'take = "days"'), "H122"),
        (('basis_of_diagnosis = "base"', 'basis_of_diagnosis = { from = "base", value = 7 }'), "H122"),
        (('dates = "DD/MM/YYYY"', 'dates = "D/M/Y"'), "H122"),
        (('dates = "DD/MM/YYYY"', "colour = 3"), "H122"),
    ],
)
def test_a_mapping_that_cannot_be_used_says_where(change, code, tmp_path):
    files, mapping = write(tmp_path)
    before = mapping.read_text()
    assert change[0] in before
    mapping.write_text(before.replace(*change, 1))
    with pytest.raises(RncEpiError) as caught:
        import_files("csv", files, tmp_path / "x.duckdb", mapping=mapping)
    assert caught.value.code == code
    assert caught.value.exit_code == 4


def test_layouts_are_sound_and_other_kinds_unknown():
    for kind in KINDS[2:]:
        assert read_mapping(kind, None).tables
    with pytest.raises(RncEpiError) as caught:
        read_mapping("excel", None)
    assert caught.value.code == "H120"


BIRTHS = """
[source]
source = "essai"
title = "Essai"
kind = "deaths"
licence = "essai"

[format]
dates = "DD/MM/YYYY"
{authorised}

[tables.deaths.columns]
death_key = {{ from = "cle", take = "key" }}
source = {{ value = "essai" }}
sex = "sexe"
age_years = {{ from = "deces", take = "age", since = "ddn", agrees_with = "age" }}
year = {{ from = "deces", take = "year" }}
cause_icd10 = "cause"
geo_level = {{ value = "departement" }}
geo_code = "dep"
geo_vintage = {{ value = "cog2026" }}
"""


def test_full_dates_of_birth_need_an_authorisation(tmp_path):
    file, mapping = tmp_path / "deces.csv", tmp_path / "m.toml"
    others = "".join(f"z{number};1;80;01/01/2020;01/01/1940;C61;38\n" for number in range(600))
    file.write_text(
        "cle;sexe;age;deces;ddn;cause;dep\n"
        "a;1;59;14/05/2020;15/05/1960;C341;38\n"
        "b;2;60;15/05/2020;15/05/1960;C509;38\n"
        "c;2;45;15/05/2020;15/05/1960;C509;38\n"
        "d;2;-1;15/05/2020;15/05/2021;C509;38\n" + others
    )
    mapping.write_text(BIRTHS.format(authorised=""))
    with pytest.raises(RncEpiError) as caught:
        import_files("csv", [file], tmp_path / "x.duckdb", mapping=mapping)
    # The name of the column says it before its content does.
    assert caught.value.code == "H009"
    file.write_text(file.read_text().replace("ddn", "origine"))
    mapping.write_text(mapping.read_text().replace("ddn", "origine"))
    with pytest.raises(RncEpiError) as caught:
        import_files("csv", [file], tmp_path / "x.duckdb", mapping=mapping)
    assert caught.value.code == "H045"
    mapping.write_text(BIRTHS.format(authorised="birth_dates = true").replace("ddn", "origine"))
    done = import_files("csv", [file], tmp_path / "x.duckdb", mapping=mapping)
    # By hand: the day before the birthday at 59, on it at 60; 45 is no age of 60 years; birth after death.
    assert content(done.path, "SELECT age_years, count(*) FROM deaths GROUP BY 1") == [
        (59, 1), (60, 1), (80, 600),
    ]  # fmt: skip
    assert {(finding.code, finding.examples) for finding in done.findings} == {
        ("H036", ("3",)), ("H035", ("4",)),
    }  # fmt: skip


def refused(code: str, call) -> None:
    with pytest.raises(RncEpiError) as caught:
        call()
    assert caught.value.code == code


def test_a_file_that_is_not_there_or_that_the_mapping_does_not_expect_is_refused(tmp_path):
    files, mapping = write(tmp_path)
    refused(
        "H001", lambda: import_files("csv", [tmp_path / "none.csv"], tmp_path / "x.duckdb", mapping=mapping)
    )
    later = mapping.read_text().replace("[tables.tumours]\n", "[tables.tumours]\nfile = 3\n")
    mapping.write_text(later)
    refused("H128", lambda: import_files("csv", files[:1], tmp_path / "x.duckdb", mapping=mapping))
    assert not (tmp_path / "x.duckdb").exists()


def test_two_pseudonyms_on_one_number_refuse_the_file(tmp_path, monkeypatch):
    files, mapping = write(tmp_path)
    whole = columns._key

    def halved(column, text, wanted):
        # 240 keys on 120 numbers: what 62 bits of a hash do once in 10^13 files of this size.
        made = whole(column, text, wanted)
        return replace(made, value=f"CAST(CAST(right({text}, 5) AS BIGINT) // 2 AS {wanted})")

    monkeypatch.setattr(columns, "_key", lambda column, text, wanted: (
        halved(column, text, wanted) if column == "tumour_key" else whole(column, text, wanted)))  # fmt: skip
    refused("H129", lambda: import_files("csv", files, tmp_path / "x.duckdb", mapping=mapping))


def test_only_single_years_and_tumours_go_into_the_layout_of_the_call(tmp_path):
    tables = minimal_tables()
    three = tables["person_years"]["period_from"] == 2016
    tables["person_years"] = tables["person_years"][three].assign(period_until=2019)
    years = write_extract(tmp_path / "years.duckdb", tables)
    refused("H130", lambda: export_encr(years, tmp_path / "out"))
    tables = minimal_tables()
    del tables["tumours"]
    cells = write_extract(tmp_path / "cells.duckdb", tables)
    refused("H130", lambda: export_encr(cells, tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_mapping_need_not_repeat_its_source_but_says_all_that_has_no_default(tmp_path):
    files, mapping = write(tmp_path)
    whole = mapping.read_text()
    mapping.write_text(whole.replace('source = { value = "registre" }\n', ""))
    done = import_files("csv", files, tmp_path / "x.duckdb", mapping=mapping)
    assert done.findings == ()
    assert content(done.path, "SELECT DISTINCT source FROM tumours") == [("registre",)]
    mapping.write_text(whole.replace('behaviour = "comportement"\n', "").replace('sex = "sexe"\n', ""))
    with pytest.raises(RncEpiError) as caught:
        import_files("csv", files, tmp_path / "y.duckdb", mapping=mapping)
    assert (caught.value.code, caught.value.facts["table"]) == ("H132", "tumours")
    assert caught.value.facts["column"] == "behaviour"


def test_a_table_whose_file_was_not_given_is_named_and_nothing_is_called_accepted(tmp_path):
    files, mapping = write(tmp_path)
    done = import_files("csv", files[:1], tmp_path / "x.duckdb", mapping=mapping)
    assert [(f.code, f.table) for f in done.findings] == [("H133", "person_years")]
    assert "acceptée ;" not in done.text("fr")
    assert "rnc-epi check" in done.text("fr")
    assert "Extraction acceptée" not in done.text("fr")
