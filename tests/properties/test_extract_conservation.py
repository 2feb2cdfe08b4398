"""Whatever is done to the rows of an extract, each is used, excluded or quarantined, and counted once."""

from __future__ import annotations

import shutil
from contextlib import suppress

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rnc_epi.extracts.check_report import check_extract
from rnc_epi.extracts.contract_checks.findings import key_hash
from rnc_epi.store import open_locked
from rnc_epi.vocabulary.errors import RncEpiError
from tests.extract_builder import write_extract

#: What may be done to a share of the rows of a table: a column and a value in SQL.
CORRUPTIONS = {
    "tumours": [
        ("sex", "9"), ("sex", "NULL"), ("sex", "3"),
        ("age_years", "-1"), ("age_years", "130"), ("age_years", "NULL"),
        ("year", "2030"), ("year", "NULL"), ("geo_code", "'975'"),
        ("geo_code", "'974'"), ("geo_code", "'zz'"), ("geo_code", "NULL"),
        ("geo_vintage", "'cog1900'"), ("topography", "'C61.9'"), ("topography", "NULL"),
        ("person_key", "NULL"), ("source", "NULL"), ("source", "'other'"),
        ("registry", "'calvados'"),
    ],
    "incidence_cells": [
        ("sex", "9"), ("sex", "2"), ("site", "'prostate'"), ("site", "NULL"), ("geo_code", "'975'"),
        ("geo_code", "'38'"), ("events", "0"), ("events", "-3"), ("events", "NULL"), ("period_from", "2015"),
        ("age_status", "'unknown'"), ("age_until", "NULL"),
    ],
    "death_cells": [
        ("geo_code", "'97'"), ("geo_code", "'971'"), ("sex", "9"), ("events", "7"), ("site", "NULL"),
    ],
    "person_years": [("geo_code", "'975'"), ("person_years", "0"), ("sex", "1")],
}  # fmt: skip

_choice = st.sampled_from([(table, *change) for table, changes in CORRUPTIONS.items() for change in changes])
#: Table, column, value, and which rows: those whose number leaves a remainder by a modulus.
_corruption = st.tuples(_choice, st.integers(2, 400), st.integers(0, 399))


@pytest.fixture(scope="module")
def valid(tmp_path_factory):
    return write_extract(tmp_path_factory.mktemp("valid") / "x.duckdb")


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(corruptions=st.lists(_corruption, max_size=4))
def test_rows_and_events_are_conserved_by_table_and_source(valid, tmp_path_factory, corruptions):
    path = tmp_path_factory.mktemp("corrupted") / "x.duckdb"
    shutil.copy(valid, path)
    writer = duckdb.connect(str(path))
    for (table, column, value), modulus, remainder in corruptions:
        writer.execute(
            f"UPDATE {table} SET {column} = {value} WHERE rowid % {modulus} = {remainder % modulus}"
        )
    # Counted here from the file alone, without the rules.
    rows_in, events_in = {}, {}
    for table, events in (("tumours", "1"), ("incidence_cells", "events"), ("death_cells", "events"),
                          ("person_years", "0")):  # fmt: skip
        for source, rows, sum_of in writer.sql(
            f"SELECT coalesce(source, '_'), count(*), sum(coalesce({events}, 0)) FROM {table} GROUP BY 1"
        ).fetchall():
            rows_in[table, source], events_in[table, source] = rows, sum_of
    writer.close()
    report = check_extract(path, threads=1)
    assert report.problem is None
    ledger = report.accounting
    for (table, source), rows in rows_in.items():
        # A source that nobody declared may be any text: the ledger tells it by a hash.
        told = f"source_{key_hash(source)}" if source == "other" else source
        mine = ledger[(ledger["table_name"] == table) & (ledger["source"] == told)]
        assert mine["rows"].sum() == rows
        assert mine["events"].sum() == events_in[table, source]
        assert set(mine["fate"]) <= {"used", "excluded", "quarantined"}
    used = ledger[(ledger["fate"] == "used") & (ledger["table_name"] == "tumours")]
    assert used["rows"].sum() <= 5202


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(places=st.lists(st.integers(0, 10**9), min_size=1, max_size=8), byte=st.integers(0, 255))
def test_damaged_bytes_give_the_same_content_or_an_error_with_a_code(valid, tmp_path_factory, places, byte):
    path = tmp_path_factory.mktemp("damaged") / "x.duckdb"
    content = bytearray(valid.read_bytes())
    for place in places:
        content[place % len(content)] ^= byte
    path.write_bytes(content)

    def read(file) -> list[list[tuple[object, ...]]]:
        with open_locked(file, threads=1) as store:
            return [store.rows(f"SELECT * FROM {table}") for table in sorted(store.tables)]

    # Any other error than one of ours fails the test.
    with suppress(RncEpiError):
        assert read(path) == read(valid)
