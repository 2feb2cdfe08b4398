"""The database is behind the lock: what an extract, or a slip of ours, could do outside is refused."""

from __future__ import annotations

import os
import stat
import subprocess
import sys

import duckdb
import numpy as np
import pandas as pd
import pytest

from rnc_epi.store import connection as connection_module
from rnc_epi.store import open_locked
from rnc_epi.vocabulary.errors import ExtractRefused, FileProblem, InputError, RncEpiError
from tests.extract_builder import write_extract

ESCAPES = {
    "reads a text file": "SELECT * FROM read_text('{canary}')",
    "reads a CSV file": "SELECT * FROM read_csv('{canary}')",
    "reads a file by its bare name": "SELECT * FROM '{canary}'",
    "lists a folder": "SELECT * FROM glob('{folder}/*')",
    "reads Parquet": "SELECT * FROM read_parquet('{canary}')",
    "reads JSON": "SELECT * FROM read_json('{canary}')",
    "reads bytes": "SELECT * FROM read_blob('{canary}')",
    "writes a file": "COPY (SELECT 1) TO '{folder}/written.csv'",
    "exports the database": "EXPORT DATABASE '{folder}/written'",
    "attaches another database": "ATTACH '{folder}/other.duckdb' AS other",
    "installs an extension": "INSTALL spatial",
    "loads an extension": "LOAD httpfs",
    "opens the network": "SELECT * FROM read_csv('https://localhost:1/x.csv')",
    "unlocks file access": "SET enable_external_access = true",
    "unlocks the configuration": "SET lock_configuration = false",
    "turns replacement scans on": "SET python_enable_replacements = true",
    "raises the memory limit": "SET memory_limit = '99GB'",
    "moves the folder of temporary data": "SET temp_directory = '{folder}'",
    "resets an option": "RESET enable_external_access",
    "writes a profile": "PRAGMA enable_profiling = 'json'",
    "stores a secret": "CREATE PERSISTENT SECRET s (TYPE s3)",
    "picks a data frame up by name": "SELECT * FROM bystander",
    "inserts into the extract": "INSERT INTO areas SELECT * FROM areas",
    "updates the extract": "UPDATE areas SET name_fr = 'x'",
    "drops a table of the extract": "DROP TABLE areas",
    "makes a table in the extract": "CREATE TABLE written AS SELECT 1",
}


@pytest.fixture(scope="module")
def extract(tmp_path_factory):
    return write_extract(tmp_path_factory.mktemp("extract") / "x.duckdb")


@pytest.mark.parametrize("statement", ESCAPES.values(), ids=ESCAPES.keys())
def test_the_lock_stops_a_statement_that(statement, extract, tmp_path):
    canary = tmp_path / "canary.csv"
    canary.write_text("a\n1\n")
    bystander = pd.DataFrame({"a": [1]})
    with open_locked(extract) as store:
        with pytest.raises(duckdb.Error):
            store._connection.execute(statement.format(canary=canary, folder=tmp_path)).fetchall()
        assert store.rows("SELECT count(*) FROM areas") == [(8,)]
    assert sorted(os.listdir(tmp_path)) == ["canary.csv"]
    assert len(bystander) == 1


@pytest.mark.parametrize("option", connection_module._LOCKED_OPTIONS)
def test_an_option_that_opens_a_door_is_off(option, extract):
    with open_locked(extract) as store:
        assert store.rows("SELECT current_setting($option)", {"option": option}) == [(False,)]


@pytest.mark.parametrize("position", range(len(connection_module.LOCK_STEPS)))
def test_each_step_of_the_lock_is_needed(position, extract, tmp_path, monkeypatch):
    steps = connection_module.LOCK_STEPS
    monkeypatch.setattr(connection_module, "LOCK_STEPS", steps[:position] + steps[position + 1 :])
    canary = tmp_path / "canary.csv"
    canary.write_text("a\n1\n")
    with open_locked(extract) as store:
        opened = 0
        for statement in ESCAPES.values():
            try:
                store._connection.execute(statement.format(canary=canary, folder=tmp_path)).fetchall()
            except duckdb.Error:
                continue
            opened += 1
    assert opened > 0


def test_tables_and_columns_of_the_extract_are_known_by_their_types(extract):
    with open_locked(extract) as store:
        assert len(store.tables) == 9
        kinds = {column.name: column.type for column in store.tables["person_years"]}
    assert kinds["person_years"] == "DECIMAL(18,6)"


def test_two_stores_on_one_file_do_not_see_each_other(extract):
    with open_locked(extract, threads=1) as first, open_locked(extract, memory_limit="500MB") as second:
        first.run("work", "SELECT 1 AS a")
        with pytest.raises(duckdb.CatalogException):
            second.rows("SELECT * FROM work")


def test_temporary_data_lie_in_a_private_folder_that_goes_away(extract, tmp_path):
    with open_locked(extract, temp_directory=tmp_path) as store:
        (scratch,) = tmp_path.iterdir()
        assert stat.S_IMODE(scratch.stat().st_mode) == 0o700
        assert store.rows("SELECT current_setting('temp_directory')") == [(str(scratch),)]
    assert list(tmp_path.iterdir()) == []


def test_temporary_data_go_away_when_the_opening_fails(tmp_path):
    path = write_extract(tmp_path / "x.duckdb", statements=["create view v as select 1"])
    folder = tmp_path / "scratch"
    folder.mkdir()
    with pytest.raises(ExtractRefused), open_locked(path, temp_directory=folder):
        pass
    assert list(folder.iterdir()) == []


def test_a_sort_larger_than_memory_spills_and_ends(extract, tmp_path):
    with open_locked(extract, memory_limit="120MB", threads=1, temp_directory=tmp_path) as store:
        store.run("large", "SELECT hash(i) AS h, repeat('x', 90) AS x FROM range(2000000) t(i)")
        store.run("ordered", "SELECT * FROM large ORDER BY h")
        assert store.rows("SELECT count(*) FROM ordered") == [(2_000_000,)]


def test_too_little_memory_is_an_error_with_a_code(extract):
    with open_locked(extract, memory_limit="10MB", threads=1) as store, pytest.raises(FileProblem) as caught:
        store.read("SELECT list(i ORDER BY hash(i))[1] AS a FROM range(20000000) t(i)")
    assert caught.value.code == "D128"


@pytest.mark.parametrize(
    ("option", "code"),
    [
        ({"memory_limit": "lots"}, "D136"),
        ({"memory_limit": "1GB'; SET threads=9; --"}, "D136"),
        ({"threads": 0}, "D136"),
        ({"threads": True}, "D136"),
        ({"temp_directory": "/nonexistent/folder"}, "D135"),
    ],
)
def test_options_without_sense_are_refused(option, code, extract):
    with pytest.raises((InputError, FileProblem)) as caught, open_locked(extract, **option):
        pass
    assert caught.value.code == code


def _refusal(path) -> RncEpiError:
    with pytest.raises(RncEpiError) as caught, open_locked(path):
        pass
    return caught.value


def test_a_missing_file_a_folder_and_an_empty_file_are_told_apart(tmp_path):
    assert _refusal(tmp_path / "none.duckdb").code == "D001"
    assert _refusal(tmp_path).code == "D001"
    (tmp_path / "empty.duckdb").touch()
    assert _refusal(tmp_path / "empty.duckdb").code == "D002"


def test_text_is_not_a_database(tmp_path):
    path = tmp_path / "x.duckdb"
    path.write_text("sex;age\n1;60\n" * 1000)
    assert _refusal(path).code == "D103"


def test_a_killed_writer_leaves_a_log_and_the_extract_is_refused(tmp_path):
    path = write_extract(tmp_path / "x.duckdb")
    killed = f"""
import duckdb, os
c = duckdb.connect({str(path)!r})
c.execute("SET checkpoint_threshold = '1GB'")
c.execute("INSERT INTO sources SELECT 'b', title, kind, licence, synthetic, altered, 11, NULL FROM sources")
os._exit(9)
"""
    subprocess.run([sys.executable, "-c", killed], check=False)
    assert path.with_name("x.duckdb.wal").exists()
    assert _refusal(path).code == "D004"


def test_a_writer_in_this_process_or_another_locks_the_extract(tmp_path):
    path = write_extract(tmp_path / "x.duckdb")
    writer = duckdb.connect(str(path))
    try:
        assert _refusal(path).code == "D104"
        elsewhere = (
            "from rnc_epi.store import open_locked\n"
            "from rnc_epi.vocabulary.errors import FileProblem\n"
            "try:\n"
            f"    open_locked({str(path)!r}).__enter__()\n"
            "except FileProblem as problem:\n"
            "    print(problem.code)\n"
        )
        said = subprocess.run([sys.executable, "-c", elsewhere], capture_output=True, text=True, check=True)
        assert said.stdout.strip() == "D104"
    finally:
        writer.close()
    with open_locked(path):
        pass


def _block_checksum(block: bytes) -> int:
    # DuckDB guards each header of 4 096 bytes by a product and exclusive-or of its 64-bit words.
    words = np.frombuffer(block, dtype="<u8")
    product = words * np.uint64(0xBF58476D1CE4E5B9)
    return int(np.bitwise_xor.reduce(product)) ^ 5381


def test_a_file_of_a_newer_storage_version_is_refused(tmp_path):
    path = write_extract(tmp_path / "x.duckdb")
    content = bytearray(path.read_bytes())
    assert int.from_bytes(content[:8], "little") == _block_checksum(bytes(content[8:4096]))
    content[12:20] = (1000).to_bytes(8, "little")
    content[:8] = _block_checksum(bytes(content[8:4096])).to_bytes(8, "little")
    path.write_bytes(content)
    assert _refusal(path).code == "D006"


def _read_everything(path) -> None:
    with open_locked(path) as store:
        for table in store.tables:
            store.read(f"SELECT * FROM {table}")


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6])
def test_a_truncated_file_is_damaged(share, tmp_path):
    path = write_extract(tmp_path / "x.duckdb")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    # What is cut off may be found at the opening or only when a column is read.
    with pytest.raises(ExtractRefused) as caught:
        _read_everything(path)
    assert caught.value.code == "D127"


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE VIEW v AS SELECT * FROM read_csv('/etc/passwd')",
        "CREATE VIEW v AS SELECT 1 AS a",
        "CREATE MACRO count(x) AS 0",
        "CREATE MACRO sum(x) AS TABLE SELECT 1",
        "CREATE SCHEMA other",
    ],
)
def test_only_base_tables_may_stand_in_an_extract(statement, tmp_path):
    # DuckDB checks a view when it is made, so the file that the view names exists here.
    path = write_extract(tmp_path / "x.duckdb", statements=[statement])
    assert _refusal(path).code == "D105"


def test_a_path_with_a_quote_opens(tmp_path):
    folder = tmp_path / "l'extrait"
    folder.mkdir()
    with open_locked(write_extract(folder / "x'; DROP.duckdb")) as store:
        assert "areas" in store.tables


def test_a_failed_conversion_does_not_quote_the_value(extract):
    with open_locked(extract) as store, pytest.raises(ExtractRefused) as caught:
        store.read("SELECT CAST('Jeanne Dupont' AS INTEGER) AS a")
    assert caught.value.code == "D129"
    assert "Dupont" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_results_do_not_depend_on_threads_or_on_the_order_of_rows(extract):
    frames = []
    for threads in (1, 4):
        with open_locked(extract, threads=threads) as store:
            frames.append(
                store.read(
                    "SELECT geo_code, year, count(*) AS n FROM tumours GROUP BY ALL", order_by=["year"]
                )
            )
    pd.testing.assert_frame_equal(*frames)
    assert frames[0]["year"].is_monotonic_increasing


def test_a_frame_kept_is_a_table_that_later_steps_read(extract):
    with open_locked(extract) as store:
        store.keep("wanted", pd.DataFrame({"geo_code": ["38"]}))
        store.run("chosen", "SELECT * FROM areas JOIN wanted USING (geo_code) WHERE geo_level = $level",
                  {"level": "departement"})  # fmt: skip
        assert store.rows("SELECT geo_code FROM chosen") == [("38",)]
        with pytest.raises(ValueError):
            store.run('x"; DROP TABLE areas', "SELECT 1")


def test_closing_twice_is_harmless(extract):
    with open_locked(extract) as store:
        store.close()
