"""A direct identifier is refused wherever it stands, and ordinary data are taken for none."""

from __future__ import annotations

import re
import shutil

import duckdb
import pytest

from rnc_epi.extracts import opening
from rnc_epi.extracts.check_report import check_extract
from rnc_epi.extracts.contract_checks.findings import Fate
from rnc_epi.extracts.contract_checks.identifiers import (
    catalogue_texts,
    identifier_in_name,
    is_nir,
    numbers_of_persons,
    texts_of_persons,
)
from rnc_epi.extracts.contract_checks.tables import ExtractTables
from rnc_epi.extracts.embedded import embedded_sample
from rnc_epi.extracts.opening import open_extract
from rnc_epi.store import open_locked
from rnc_epi.vocabulary.errors import ExtractRefused
from tests.extract_builder import write_extract

CHECKS = (catalogue_texts, texts_of_persons, numbers_of_persons)
ONE_THREAD = {"threads": 1, "memory_limit": "500MB"}
#: Invented numbers: 2550814168025 leaves 59 by 97, so its key is 38; the others are computed the same way.
NIR13 = "2550814168025"
NIR15 = "255081416802538"


def with_key(number: str) -> str:
    plain = number.replace("2A", "19").replace("2B", "18")
    return number + f"{97 - int(plain) % 97:02d}"


CORSICA = with_key("255082A168025")
CORSICA_B = with_key("155122B033012")
TEMPORARY = with_key("7550814168025")
UNKNOWN_MONTH = with_key("1543214168025")


@pytest.fixture(scope="module")
def valid(tmp_path_factory):
    return write_extract(tmp_path_factory.mktemp("valid") / "x.duckdb")


def changed(valid, tmp_path, *statements: str):
    path = shutil.copy(valid, tmp_path / "x.duckdb")
    with duckdb.connect(path) as writer:
        for statement in statements:
            writer.execute(statement)
    return tmp_path / "x.duckdb"


def codes_and_text(path) -> tuple[tuple[str, ...], str]:
    report = check_extract(path, **ONE_THREAD)
    texts = [report.text(language, public=public) for language in ("fr", "en") for public in (True, False)]
    return report.codes, "\n".join(texts)


def found(tmp_path, *statements: str, checks=CHECKS) -> tuple[set[str], str]:
    """Return the codes and texts of the checks on identifiers alone, on a file of their own."""
    path = tmp_path / "x.duckdb"
    path.unlink(missing_ok=True)
    with duckdb.connect(str(path)) as writer:
        writer.execute("SET threads = 1")
        writer.execute("CREATE TABLE tumours (tumour_key BIGINT, stage VARCHAR)")
        writer.execute("INSERT INTO tumours SELECT i, '2' FROM range(9) AS r(i)")
        for statement in statements:
            writer.execute(statement)
    with open_locked(path, **ONE_THREAD) as store:
        tables = ExtractTables.of(store)
        findings = [finding for check in checks for finding in check(store, tables)]
    assert all(finding.fate is Fate.REFUSE for finding in findings)
    texts = [
        finding.message(language, public=public) + " ".join(finding.examples)
        for finding in findings for language in ("fr", "en") for public in (True, False)
    ]  # fmt: skip
    return {finding.code for finding in findings}, "\n".join(texts)


TEXTS = [
    ("B001", f"assuré {NIR13}"),
    ("B001", f"nir:{NIR15}"),
    ("B001", f"x_{NIR15}_y"),
    ("B001", "2 55 08 14 168 025 38"),
    ("B001", "2 55 08 14 168 025"),
    ("B001", "2.55.08.14.168.025.38"),
    ("B001", CORSICA),
    ("B001", CORSICA[:13]),
    ("B001", f"vu le patient {CORSICA_B}, suivi"),
    ("B001", TEMPORARY),
    ("B001", " ".join((UNKNOWN_MONTH[0], UNKNOWN_MONTH[1:3], UNKNOWN_MONTH[3:5], UNKNOWN_MONTH[5:7],
                       UNKNOWN_MONTH[7:10], UNKNOWN_MONTH[10:13], UNKNOWN_MONTH[13:]))),
    ("B002", "j.dupont@chu.fr"),
    ("B002", "écrire à Jeanne.Dupont+x@hôpital.example"),
    ("B003", "06 12 34 56 78"),
    ("B003", "0612345678"),
    ("B003", "tél. 04.76.12.34.56"),
    ("B003", "+33 6 12 34 56 78"),
    ("B003", "+33612345678"),
    ("B003", "+33 (0)4 76 12 34 56"),
    ("B003", "0033 4 76 12 34 56"),
    ("B003", "+262 262 12 34 56"),
    ("B004", "12 rue des Lilas"),
    ("B004", "3 bis, avenue Jean-Jaurès, Grenoble"),
    ("B004", "4 place Bellecour"),
    ("B004", "38043 Grenoble cedex 9"),
    ("B004", "221 Baker Street"),
    ("B005", "IPP 8001234567"),
    ("B005", "dossier n° 123456"),
    ("B005", "NIP:80012345"),
    ("B006", "vu par Mme Dupont ce jour"),
    ("B006", "M. DURAND"),
    ("B006", "née Lefèvre"),
    ("B006", "Jeanne Dupont"),
    ("B006", "DUPONT Jean-Pierre"),
    ("D045", "1955-08-31"),
    ("D045", "né le 31/08/1955"),
    ("D045", "31.08.1955"),
    ("D045", "1955-08-31T00:00:00"),
    ("D045", "19550831"),
    ("D045", "31081955"),
    ("D045", "31 août 1955"),
    ("D045", "1er février 1955"),
    ("D045", "August 31, 1955"),
]  # fmt: skip
PLACES = {
    "a column of the contract": "UPDATE tumours SET stage = {value} WHERE tumour_key = 5",
    "a column that nobody knows": "ALTER TABLE tumours ADD COLUMN remark VARCHAR; "
                                  "UPDATE tumours SET remark = {value} WHERE tumour_key = 3",
    "a table that nobody knows": "CREATE TABLE notes AS SELECT 'a' AS t UNION ALL SELECT {value}",
    "a list": "CREATE TABLE notes AS SELECT [{value}, 'b'] AS t",
    "a structure": "CREATE TABLE notes AS SELECT {{'a': 1, 'b': {value}}} AS t",
    "bytes": "CREATE TABLE notes AS SELECT encode(strip_accents({value})) AS t",
}  # fmt: skip


@pytest.fixture(scope="module")
def said_of_texts(tmp_path_factory) -> dict[str, tuple[set[str], str]]:
    """Return the codes and texts for each text, each in a column of its own."""
    columns = ", ".join(
        "'" + text.replace("'", "''") + f"' AS column_{number}" for number, (_, text) in enumerate(TEXTS)
    )
    path = tmp_path_factory.mktemp("texts") / "x.duckdb"
    with duckdb.connect(str(path)) as writer:
        writer.execute(f"CREATE TABLE notes AS SELECT {columns}")
    said: dict[str, tuple[set[str], str]] = {}
    with open_locked(path, **ONE_THREAD) as store:
        for finding in texts_of_persons(store, ExtractTables.of(store)):
            codes, text = said.setdefault(dict(finding.facts)["column"], (set(), ""))
            said[dict(finding.facts)["column"]] = (
                codes | {finding.code}, text + finding.message("fr") + finding.message("en"),
            )  # fmt: skip
    return said


@pytest.mark.parametrize("number", range(len(TEXTS)), ids=lambda number: f"{TEXTS[number][0]} {number}")
def test_a_text_that_identifies_is_found_and_not_repeated(number, said_of_texts):
    code, text = TEXTS[number]
    codes, said = said_of_texts[f"column_{number}"]
    assert code in codes
    assert "notes" in said
    assert text not in said
    # Neither the pieces of it that are long enough to mean something.
    for piece in re.findall(r"[0-9]{6,}|[A-Z][a-zé]+@|Dupont|Durand|Lilas|Bellecour|Baker", text, re.I):
        assert piece.lower() not in said.lower()


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("text", "code"),
    [(CORSICA, "B001"), ("j.dupont@chu.fr", "B002")],
)
def test_every_place_for_text_is_read(place, text, code, tmp_path):
    codes, said = found(tmp_path, PLACES[place].format(value=f"'{text}'"))
    assert code in codes
    assert text not in said


def test_an_extract_with_an_identifier_is_refused_before_anything_is_computed(valid, tmp_path, monkeypatch):
    path = changed(valid, tmp_path, f"UPDATE tumours SET stage = '{NIR15}' WHERE tumour_key = 5")
    codes, said = codes_and_text(path)
    assert codes == ("B001",)
    assert NIR15 not in said
    with pytest.raises(ExtractRefused) as caught:
        open_extract(path, **ONE_THREAD)
    assert caught.value.code == "B001"
    kept = tuple(check for check in opening.STRUCTURE_CHECKS if check is not texts_of_persons)
    monkeypatch.setattr(opening, "STRUCTURE_CHECKS", kept)
    assert "B001" not in check_extract(path, **ONE_THREAD).codes


@pytest.mark.parametrize(
    "statement",
    [
        f"COMMENT ON TABLE tumours IS 'patient {NIR15}'",
        "COMMENT ON TABLE tumours IS 'Jeanne Dupont'",
        "COMMENT ON COLUMN tumours.stage IS 'demander à j.dupont@chu.fr'",
        f'CREATE TABLE "t{NIR15}" AS SELECT 1 AS a',
        "CREATE TABLE \"Mme Dupont\" AS SELECT 1 AS a",
        "CREATE TABLE Mme_Dupont AS SELECT 1 AS a",
        f'ALTER TABLE tumours ADD COLUMN "c {NIR15}" INTEGER',
        "CREATE TABLE notes (a VARCHAR DEFAULT '06 12 34 56 78')",
        "CREATE TABLE notes (a VARCHAR CHECK (a <> 'Mme Dupont'))",
        f'CREATE SEQUENCE "s {NIR15}"',
        "CREATE SEQUENCE s; COMMENT ON SEQUENCE s IS '12 rue des Lilas'",
        "CREATE TYPE who AS ENUM ('Mme Dupont', 'M. Durand')",
        "CREATE TABLE notes AS SELECT CAST('j.dupont@chu.fr' AS ENUM ('j.dupont@chu.fr')) AS a",
        "CREATE INDEX \"06 12 34 56 78\" ON tumours (stage)",
    ],
)  # fmt: skip
def test_names_comments_and_definitions_of_the_file_are_read_too(statement, tmp_path):
    codes, said = found(tmp_path, statement)
    assert "B007" in codes
    for canary in (NIR15, "dupont", "06 12", "Lilas", "Durand"):
        assert canary.lower() not in said.lower()
    others = (texts_of_persons, numbers_of_persons)
    assert "B007" not in found(tmp_path, statement, checks=others)[0]


def test_a_name_in_a_list_is_one_of_a_person(tmp_path):
    assert found(tmp_path, "CREATE TABLE notes AS SELECT ['Jeanne Dupont'] AS t")[0] == {"B006"}


def test_a_table_is_announced_by_its_name_like_a_column(tmp_path):
    assert found(tmp_path, "CREATE TABLE adresses AS SELECT 1 AS a")[0] == {"D009"}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (f"patient_{NIR15}.duckdb", "nir"),
        (f"{NIR13}.duckdb", "nir"),
        (f"x_{CORSICA}.duckdb", "nir"),
        ("j.dupont@chu.fr.duckdb", "e-mail"),
        ("tel_0612345678.duckdb", "telephone"),
        ("12_rue_des_Lilas.duckdb", "address"),
        ("IPP_80012345.duckdb", "ipp"),
        ("Mme_Dupont.duckdb", "name"),
    ],
)
def test_a_name_of_a_file_that_identifies_refuses_it(name, kind, valid, tmp_path):
    path = shutil.copy(valid, tmp_path / name)
    with pytest.raises(ExtractRefused) as caught:
        open_extract(path, **ONE_THREAD)
    assert (caught.value.code, caught.value.facts) == ("B008", {"found": kind})
    codes, said = codes_and_text(path)
    assert codes == ("B008",)
    assert name.removesuffix(".duckdb") not in said


def test_a_file_beside_the_extract_is_read_by_its_name(valid, tmp_path):
    path = changed(valid, tmp_path)
    (tmp_path / f"x_{NIR15}.csv").touch()
    assert codes_and_text(path)[0] == ("B008",)
    (tmp_path / f"x_{NIR15}.csv").rename(tmp_path / f"other_{NIR15}.csv")
    assert codes_and_text(path)[0] == ()


@pytest.mark.parametrize(
    "name",
    ["rnc_2024-05-06.duckdb", "extract_20240506T101112.duckdb", "rnc-epi v1.2.duckdb",
     "sample_1714989600.duckdb", "registre_38.duckdb", "Extraction du 6 mai 2024.duckdb"],
)  # fmt: skip
def test_ordinary_names_of_files_are_accepted(name):
    assert identifier_in_name(name) is None


ORDINARY = [
    "pT2N0M0", "adénocarcinome SAI", "Grade 3, 12/15 ganglions", "C34.1", "8140/3", "ICD-O-3.2", "TNM 8e éd.",
    "stade IV", "3 cours de chimiothérapie", "2 passages aux urgences", "Isère", "Ambérieu-en-Bugey",
    "Saint-Jean-de-Maurienne", "Z01-001", "2016-2018", "version 2.1.0", "1.2.840.10008.5", "0001234567890",
    "a3f9c2d1e5b7480f", "d41d8cd98f00b204e9800998ecf8427e", "123e4567-e89b-12d3-a456-426614174000", "2024-05",
    "12/2019", "ER+ PR- HER2 2+", "Dr", "M", "né", "500 000", "1 234 567,89", "38 000", "FINESS 380000067",
    "200040715", "dossier complet", "e-mail", "12 rueda", "{\"epsg\": 5490, \"dx\": -996620.0}",
]  # fmt: skip


def rows(words: list[str]) -> str:
    values = ", ".join("('" + word.replace("'", "''") + "')" for word in words)
    return f"CREATE TABLE notes AS SELECT * FROM (VALUES {values}) AS t(a)"


def test_ordinary_texts_are_taken_for_no_identifier(tmp_path):
    assert found(tmp_path, rows(ORDINARY)) == (set(), "")


# Columns of names


def test_a_column_of_given_names_is_one_of_names_and_one_of_communes_is_not(tmp_path):
    given = ["Jeanne", "Paul", "Éloïse", "Marie", "Jean-Pierre", "Zoé", "Kelly", "Louis", "Monique", "Gérard",
             "Aïcha", "Simone", "Yvette"]  # fmt: skip
    communes = ["Grenoble", "Voiron", "Saint-Martin-d'Hères", "Saint-Égrève", "La Tour-du-Pin", "Échirolles",
                "Bourg-en-Bresse", "Oyonnax", "Caen", "Lisieux", "Vire", "Bayeux", "Saint-Jean-de-Moirans",
                "Villars-les-Dombes"]  # fmt: skip
    assert found(tmp_path, rows(given))[0] == {"B006"}
    assert found(tmp_path, rows([name.upper() for name in given]))[0] == {"B006"}
    assert found(tmp_path, rows(communes))[0] == set()


def test_a_column_of_surnames_is_one_of_names(tmp_path):
    rare = [f"Bl{a}nq{b}ert" for a in "aeiou" for b in "aeiouy"] + [
        f"K{a}rm{b}c" for a in "aeiou" for b in "aeio"
    ]
    # 3 of 53 are among the commonest: 5.7 %, more than the 3 % asked; 1 of 51 is less.
    assert found(tmp_path, rows([*rare, "Dupont", "Martin", "Lefebvre"]))[0] == {"B006"}
    assert found(tmp_path, rows([*rare, "Dupont"]))[0] == set()


def test_numbers_given_for_a_time_have_their_key():
    assert is_nir(TEMPORARY)
    assert is_nir(UNKNOWN_MONTH)
    assert is_nir(CORSICA_B)
    assert not is_nir(TEMPORARY[:13])
    assert not is_nir(TEMPORARY[:13] + "00")


def test_the_embedded_sample_holds_none():
    codes = set(check_extract(embedded_sample(), **ONE_THREAD).codes)
    assert not {code for code in codes if code.startswith("B") or code in ("D009", "D026", "D027", "D045")}
