"""An extract that passes is open, typed, hashed by its content, and says what became of its rows."""

from __future__ import annotations

import duckdb
import pytest

from rnc_epi.extracts.contract_checks.identifiers import is_nir, looks_like_a_name, names_an_identifier
from rnc_epi.extracts.fingerprint import content_hash
from rnc_epi.extracts.opening import open_extract
from rnc_epi.store import open_locked
from rnc_epi.vocabulary.contract import TABLES
from rnc_epi.vocabulary.errors import ExtractRefused
from tests.extract_builder import minimal_tables, write_extract


@pytest.fixture(scope="module")
def valid(tmp_path_factory):
    return write_extract(tmp_path_factory.mktemp("valid") / "x.duckdb")


def test_every_table_has_its_usable_rows_in_the_columns_of_the_contract(valid):
    with open_extract(valid) as extract:
        assert extract.tables == tuple(name for name in TABLES if name in minimal_tables())
        for name, frame in minimal_tables().items():
            usable = extract.store.read(f"SELECT * FROM usable_{name}")
            assert tuple(usable.columns) == TABLES[name].column_names
            assert len(usable) == len(frame)
        assert extract.sources()["source"].tolist() == ["cepidc", "insee", "registres"]
        assert extract.findings == ()
        assert extract.path == valid


def test_quarantined_and_excluded_rows_are_not_usable(tmp_path):
    path = write_extract(tmp_path / "x.duckdb", statements=[
        "UPDATE tumours SET sex = 9 WHERE tumour_key = 7",
        "UPDATE tumours SET geo_code = '975' WHERE tumour_key = 8",
    ])  # fmt: skip
    with open_extract(path) as extract:
        kept = extract.store.rows("SELECT tumour_key FROM usable_tumours WHERE tumour_key BETWEEN 6 AND 9")
        assert kept == [(6,), (9,)]
        assert {finding.code for finding in extract.findings} == {"D048", "D131"}


def test_wider_integers_and_other_cases_are_read_as_the_contract_says(tmp_path):
    path = write_extract(tmp_path / "x.duckdb", statements=[
        "ALTER TABLE tumours RENAME sex TO temporary", "ALTER TABLE tumours RENAME temporary TO SEX",
        "ALTER TABLE tumours ALTER year TYPE BIGINT", "ALTER TABLE areas RENAME TO AREAS_",
        "ALTER TABLE AREAS_ RENAME TO Areas",
    ])  # fmt: skip
    with open_extract(path) as extract:
        types = dict(extract.store.rows(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = 'usable_tumours' "
            "AND column_name IN ('sex', 'year')"
        ))  # fmt: skip
        assert types == {"sex": "SMALLINT", "year": "SMALLINT"}


def test_closing_releases_the_file(valid):
    extract = open_extract(valid)
    extract.close()
    duckdb.connect(str(valid)).close()


def _hash(path, threads: int = 1) -> str:
    with open_locked(path, threads=threads) as store:
        return content_hash(store)


def test_the_hash_is_of_the_content_and_not_of_the_file(tmp_path):
    tables = minimal_tables()
    first = write_extract(tmp_path / "a.duckdb", tables)
    shuffled = {name: frame.sample(frac=1, random_state=3) for name, frame in reversed(tables.items())}
    second = write_extract(tmp_path / "b.duckdb", shuffled)
    assert first.read_bytes() != second.read_bytes()
    assert _hash(first) == _hash(second) == _hash(first, threads=4)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE tumours SET stage = '' WHERE tumour_key = 1",
        "UPDATE tumours SET stage = '-' WHERE tumour_key = 1",
        "UPDATE areas SET name_fr = 'Ain|3:Ain', name_en = 'x' WHERE geo_code = '01'",
        "UPDATE areas SET outline = '\\x00'::BLOB WHERE geo_code = '01'",
        "UPDATE person_years SET person_years = person_years + 0.000001 WHERE age_from = 0",
        "DELETE FROM tumours WHERE tumour_key = 1",
        "INSERT INTO tumours SELECT * FROM tumours WHERE tumour_key = 1",
        "ALTER TABLE areas RENAME name_en TO name_uk",
        "ALTER TABLE areas RENAME TO regions",
        "CREATE TABLE extra AS SELECT 1 AS a",
    ],
)
def test_any_change_of_content_changes_the_hash(statement, valid, tmp_path):
    changed = write_extract(tmp_path / "x.duckdb", statements=[statement])
    assert _hash(changed) != _hash(valid)


def test_two_cells_cannot_imitate_one(tmp_path):
    # 'a|1:b' beside '' and 'a' beside '1:b|' would be one text without lengths.
    hashes = set()
    for left, right in (("a|1:b", ""), ("a", "1:b|"), ("a|1:b|", ""), ("", "a|1:b")):
        path = tmp_path / f"{len(hashes)}.duckdb"
        connection = duckdb.connect(str(path))
        connection.execute("CREATE TABLE t AS SELECT $left AS a, $right AS b", {"left": left, "right": right})
        connection.close()
        hashes.add(_hash(path))
    assert len(hashes) == 4


def test_the_fingerprint_is_the_hash_and_is_kept(valid):
    with open_extract(valid) as extract:
        assert extract.fingerprint() == _hash(valid)
        assert extract.fingerprint() is extract.fingerprint()


def test_random_pseudonyms_are_no_social_security_numbers(tmp_path):
    path = write_extract(tmp_path / "x.duckdb", statements=[
        "UPDATE tumours SET person_key = hash(tumour_key) >> 1",
        "UPDATE tumours SET person_key = 1000000000000 + hash(tumour_key) % 9000000000000 "
        "WHERE tumour_key < 300",
    ])  # fmt: skip
    # About 8 of 300 random numbers of 13 digits have the form of a NIR: chance, not a leak.
    with open_extract(path):
        pass
    writer = duckdb.connect(str(path))
    writer.execute("UPDATE tumours SET person_key = 2550814000000 + tumour_key * 7 WHERE tumour_key < 40")
    writer.close()
    with pytest.raises(ExtractRefused) as caught:
        open_extract(path)
    assert caught.value.code == "D026"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # An invented number: 2550814168025 leaves 59 by 97, so its key is 38.
        ("2 55 08 14 168 025 38", True),
        ("255081416802537", False),
        ("2550814168025", True),
        ("2551314168025", False),
        ("3550814168025", False),
        ("255082A168025" + f"{97 - 2550819168025 % 97:02d}", True),
        ("255082B168025" + f"{97 - 2550818168025 % 97:02d}", True),
        ("255082A168025" + f"{97 - 2550818168025 % 97:02d}", False),
        ("12345", False),
    ],
)
def test_social_security_numbers_are_told_by_their_form_and_key(text, expected):
    assert is_nir(text) == expected


@pytest.mark.parametrize("text", ["DUPONT", "Jean-Pierre", "Éloïse Müller", "d'Arc Jeanne", "a.b@c.fr"])
def test_names_and_addresses_look_like_it(text):
    assert looks_like_a_name(text)


@pytest.mark.parametrize("text", ["a3f9c2d1", "P000123", "7", "", "0x1F", "C34.1"])
def test_pseudonyms_do_not_look_like_names(text):
    assert not looks_like_a_name(text)


@pytest.mark.parametrize(
    "column",
    ["nom", "NOM_NAISSANCE", "prenom2", "Prénom", "dateNaissance", "date_of_birth", "num_secu", "NIR",
     "adresse1", "code_postal", "tel", "e_mail", "ipp", "PatientName"],
)  # fmt: skip
def test_names_of_columns_that_announce_an_identifier(column):
    assert names_an_identifier(column)


@pytest.mark.parametrize("column", ["nombre", "phase", "instance", "telomere", "vitesse", "grade", "remark"])
def test_other_names_of_columns_do_not(column):
    assert not names_an_identifier(column)


def test_the_frame_of_sources_has_fixed_types(valid):
    with open_extract(valid) as extract:
        kinds = {name: str(kind) for name, kind in extract.sources().dtypes.items()}
    assert kinds["synthetic"] == "boolean"
    assert kinds["disclosure_threshold"] == "Int64"
