"""Files of spreadsheets, other systems and hurried mappings: right, or a code; nothing read otherwise."""

from __future__ import annotations

import gzip

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rnc_epi.extracts.importers import import_files, read_mapping
from rnc_epi.store import open_locked
from rnc_epi.vocabulary.errors import RncEpiError
from tests.edges.test_defects_of_files import LINES, field, in_place, with_column
from tests.files_of_registries import HEADER, population_lines, text, write

POPULATIONS = "dep;sexe;annee;classe;pa"


def imported(folder, tumours=None, populations=None, *changes, kind="csv", **options):
    """Return the import of both files, the mapping changed by pairs of texts."""
    files, mapping = write(folder, tumours, populations, **options)
    stated = mapping.read_text()
    for old, new in changes:
        assert old in stated
        stated = stated.replace(old, new)
    mapping.write_text(stated)
    return import_files(kind, files, folder / "x.duckdb", mapping=mapping)


def refused(folder, *arguments, **options) -> RncEpiError:
    with pytest.raises(RncEpiError) as caught:
        imported(folder, *arguments, **options)
    assert not (folder / "x.duckdb").exists()
    return caught.value


def rows(done, select):
    with open_locked(done.path, threads=1) as store:
        return store.rows(select)


def codes(done) -> dict[str, int]:
    return {finding.code: finding.rows for finding in done.findings}


def everywhere(old: str, new: str) -> str:
    return text([line.replace(old, new, 1) for line in population_lines()], POPULATIONS)


# Numbers


@pytest.mark.parametrize(
    ("form", "old", "new"),
    [
        # 36 000.5 with a point, where the point is declared for thousands: ten times as many otherwise.
        ('thousands = "."\ndecimal = ","', ".5", ".5"),
        ('thousands = " "', ";36", ";3 6"),
        ('thousands = " "', ";36", ";3 6 "),
        ('thousands = "\'"', ";36", ";3'6"),
        ("", ";36", ";36\u2009"),
        ("", ";36", ";36\u2007"),
    ],
)
def test_thousands_are_read_by_threes_as_declared_or_not_at_all(form, old, new, tmp_path):
    assert refused(tmp_path, None, everywhere(old, new), form=form).code == "H017"


@pytest.mark.parametrize("mark", [" ", "\u00a0", "\u202f", "\u2009", "\u2007"])
def test_any_space_between_thousands_is_one_where_a_space_is_declared(mark, tmp_path):
    done = imported(tmp_path, None, everywhere(";36", f";36{mark}"), form='thousands = " "')
    # By hand: the first band of men of 2020 in the plain file.
    assert codes(done) == {}
    assert (36000.5,) in rows(done, "SELECT CAST(person_years AS DOUBLE) FROM person_years")


# Dates and ages


def test_what_is_no_date_is_set_aside_and_never_a_silent_gap(tmp_path):
    for column, take in (("nouvelles", "follow_up_days"), ("diagnostic", "year")):
        folder = tmp_path / column
        done = imported(folder, field(3, column, "printemps"))
        (finding,) = done.findings
        assert (finding.code, finding.examples) == ("H010", ("3",))
        assert take in finding.message("fr")
    problem = refused(tmp_path / "all", None, None, ('from = "diagnostic", take = "month"',
                                                     'from = "topo", take = "month"'))  # fmt: skip
    assert problem.code == "H109"


def test_dates_of_six_digits_are_no_months_of_other_years(tmp_path):
    short = in_place("diagnostic", lambda day: day[8:10] + day[3:5] + day[:2])
    assert refused(tmp_path, short).code == "H109"


def test_a_date_too_short_for_a_follow_up_leaves_it_missing_and_says_so(tmp_path):
    done = imported(tmp_path, field(3, "nouvelles", "2022-03"))
    assert codes(done) == {"H135": 1}
    assert rows(done, "SELECT count(*) FROM tumours WHERE follow_up_days IS NULL") == [(1,)]


def test_nobody_diagnosed_after_the_cut_off_has_a_follow_up(tmp_path):
    done = imported(tmp_path, form="cut_off = 2020-06-30")
    late = "year = 2021 OR month > 6"
    found = rows(done, f"SELECT count(*), count(follow_up_days), min(vital_status) FROM tumours WHERE {late}")
    ((cases, followed, status),) = found
    assert cases > 100
    assert (followed, status) == (0, 9)
    assert rows(done, "SELECT count(*) FROM tumours WHERE follow_up_days < 0") == [(0,)]


# Codes and keys


def test_a_word_for_missing_that_a_map_names_means_what_the_map_says(tmp_path):
    # The mapping of these files reads "?" as sex 9.
    done = imported(tmp_path, field(3, "sexe", "?"))
    assert done.findings == ()
    assert rows(done, "SELECT count(*) FROM tumours WHERE sex = 9") == [(1,)]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("jeanne.dupont@chu.fr", "H009"),
        ("06 12 34 56 78", "H009"),
        ("IPP 80012345", "H009"),
        ("12/03/1955", "H131"),
        ("Dupont", "H131"),
        ("marie_2", "H131"),
    ],
)
def test_a_column_called_by_a_person_is_told_by_its_place(name, code, tmp_path):
    changed = with_column(name, "7")
    if code == "H009":
        problem = refused(tmp_path, changed)
        found, said = problem.code, problem.message("fr") + problem.message("en")
    else:
        (finding,) = imported(tmp_path, changed).findings
        found, said = finding.code, finding.message("fr") + finding.message("en")
    assert found == code
    assert name not in said
    assert f"#{HEADER.count(';') + 2}" in said


def test_two_pseudonyms_that_differ_by_a_zero_are_not_one_person(tmp_path):
    keys = in_place(
        "id_patient", lambda key: ("00" if key[-1] in "02468ace" else "") + str(int(key[1:], 16) // 2)
    )
    plain = ('person_key = { from = "id_patient", take = "key" }', 'person_key = "id_patient"')
    problem = refused(tmp_path / "a", keys, None, plain)
    assert (problem.code, problem.facts["column"]) == ("H129", "person_key")
    done = imported(tmp_path / "b", keys)
    assert rows(done, "SELECT count(DISTINCT person_key) FROM tumours") == [(240,)]


@pytest.mark.parametrize("name", ["record_number", "fate", "label", "Record_Number"])
def test_a_column_of_the_file_may_have_any_name(name, tmp_path):
    assert codes(imported(tmp_path, with_column(name, "7"))) == {"H131": 0}


# What the file is


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (gzip.compress(text(LINES).encode()), "gzip"),
        (b"PK\x03\x04" + b"\0" * 60, "xlsx"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "xls"),
        (b"PAR1" + b"\0" * 60, "Parquet"),
    ],
)
def test_a_file_that_is_no_text_is_named_for_what_it_is(content, kind, tmp_path):
    problem = refused(tmp_path, content)
    assert problem.code == "H134"
    assert kind in problem.message("fr")


def test_utf8_declared_as_an_encoding_of_one_byte_is_refused(tmp_path):
    accents = text(LINES).replace("T00001", "Té001").encode()
    assert refused(tmp_path, accents, form='encoding = "windows-1252"').code == "H011"


@pytest.mark.parametrize(
    "content",
    [
        text(LINES).replace("\n", "\r\n", 3),
        text(LINES).replace("\n", "\r"),
        "\n\n" + text(LINES),
        text(LINES).replace("\n", "\n\n", 2) + "\n\n",
        text(LINES, HEADER.replace("morpho", "\u200bmorpho")),
    ],
)
def test_mixed_ends_of_lines_and_empty_lines_change_nothing(content, tmp_path):
    done = imported(tmp_path, content.encode())
    assert set(codes(done)) <= {"H013"}
    assert rows(done, "SELECT count(*), count(DISTINCT tumour_key), sum(age_years) FROM tumours") == [
        (240, 240, sum(40 + number % 50 for number in range(1, 241)))
    ]


def parquet(folder, table: pa.Table, name: str):
    files, mapping = write(folder)
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)
    return import_files("parquet", [path, files[1]], folder / "x.duckdb", mapping=mapping)


def test_names_of_parquet_files_and_folders_say_nothing_of_their_rows(tmp_path):
    table = pa.Table.from_pandas(pd.DataFrame([line.split(";") for line in LINES], columns=HEADER.split(";")))
    (tmp_path / "a").mkdir()
    # A second file that the star would match.
    pq.write_table(table.slice(0, 5), tmp_path / "a" / "tumXX.parquet")
    assert parquet(tmp_path / "a", table, "tum*.parquet").findings == ()
    assert parquet(tmp_path / "b", table, "sexe=F/t[1].parquet").findings == ()
    with pytest.raises(RncEpiError) as caught:
        parquet(tmp_path / "c", table.append_column("sexe", pa.array(["H"] * 240)), "t.parquet")
    assert caught.value.code == "H008"
    nested = table.append_column("notes", pa.array([{"sexe": 1, "age": [2]}] * 240))
    assert codes(parquet(tmp_path / "d", nested, "t.parquet")) == {"H131": 0}


# The mapping

_SEX = 'sex = { from = "sexe", map = { H = 1, F = 2, "?" = 9 } }'


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        (_SEX, 'sex = { value = "H" }', "sex"),
        (_SEX, "sex = { value = 99999 }", "sex"),
        ("map = { H = 1, F = 2", 'map = { H = "homme", F = 2', "sex"),
        ("age_from = 0", 'age_from = "zéro"', "rows.coverage.0.age_from"),
        ("age_from = 0", "age_from = 0.5", "rows.coverage.0.age_from"),
        ("age_from = 0", "age_from = true", "rows.coverage.0.age_from"),
        ("period_from = 2020", "period_from = 20200101", "rows.coverage.0.period_from"),
        ('levels = ["region", "departement"]', "levels = []", "geography.levels"),
        ('topography = "topo"', 'topography = { from = "" }', "topography"),
        # Options that would do nothing beside the others of their rule.
        ('topography = "topo"', 'topography = { from = "topo", plus = 2 }', "plus"),
        ('topography = "topo"', 'topography = { from = "topo", others = "exclude" }', "others"),
        ('topography = "topo"', 'topography = { from = "topo", take = "month" }', "take"),
        ('topography = "topo"', 'topography = { from = "topo", since = "age" }', "since"),
        ('age_years = "age"', 'age_years = { from = "age", pad = 2 }', "pad"),
        ('age_years = "age"', 'age_years = { from = "age", agrees_with = "age" }', "agrees_with"),
        (_SEX, 'sex = { value = 1, missing = ["2"] }', "missing"),
        ('map = { V = 0, D = 1 }', 'take = "year", map = { V = 0, D = 1 }', "take"),
    ],
)  # fmt: skip
def test_a_mapping_that_cannot_mean_what_it_says_is_refused_before_any_file_is_read(
    old, new, where, tmp_path
):
    _, mapping = write(tmp_path)
    stated = mapping.read_text()
    assert old in stated
    mapping.write_text(stated.replace(old, new))
    with pytest.raises(RncEpiError) as caught:
        read_mapping("csv", mapping)
    assert caught.value.code == "H122"
    assert where in caught.value.message("fr")


# What a French registry writes

_BIRTHS = (
    'age_years = "age"',
    'age_years = { from = "diagnostic", take = "age", since = "Date de naissance" }',
)


def test_births_by_month_as_french_files_write_them_need_no_authorisation(tmp_path):
    done = imported(tmp_path / "a", with_column("Date de naissance", "03/1956"), None, _BIRTHS)
    # By hand: born in March 1956; 63 in February 2020, 64 from March 2020 on, 65 from March 2021 on.
    assert rows(done, "SELECT DISTINCT year, month >= 3, age_years FROM tumours") == [
        (2020, False, 63), (2020, True, 64), (2021, False, 64), (2021, True, 65),
    ]  # fmt: skip
    problem = refused(tmp_path / "b", with_column("Date de naissance", "03/02/1956"), None, _BIRTHS)
    assert problem.code == "H009"
    assert "Date de naissance" in problem.message("fr")
    unread = refused(tmp_path / "c", with_column("Date de naissance", "03/1956"))
    assert unread.code == "H009"
    assert refused(tmp_path / "d", with_column("Date de naissance", "13/1956"), None, _BIRTHS).code == "H109"


def test_columns_are_found_whatever_the_case_and_named_as_the_file_names_them(tmp_path):
    header = HEADER.replace("morpho", "MORPHO") + ";Grade (différenciation)"
    (finding,) = imported(tmp_path, text([f"{line};7" for line in LINES], header)).findings
    assert finding.code == "H131"
    assert "Grade (différenciation)" in finding.message("fr")
