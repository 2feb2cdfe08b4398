"""Whatever is done to the bytes of a file, it gives an extract with every record accounted for, or a code."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rnc_epi.extracts.importers import import_files
from rnc_epi.store import open_locked
from rnc_epi.vocabulary.errors import RncEpiError
from tests.files_of_registries import text, tumour_lines, write

LINES = tumour_lines(60)
CANARY = "Jeanne Dupont"
PIECES = (
    b";",
    b'"',
    b"\n",
    b"\r\n",
    b"\0",
    b"\xff",
    b",",
    b"\t",
    b"1e5",
    b"99999",
    CANARY.encode(),
    b" ",
    b"-",
)

FIELDS = ("", "NA", "1,5", "2E10", "31/02/2021", "44259", "-1", "999", "é", "2.0", "1 000", "nan", CANARY,
          "2550814168025", "0", "01/01/1000", "C61", "2021-03-04", "1" * 40)  # fmt: skip


def corrupted(seed: int, cuts: int) -> bytes:
    """Return the file with bytes, fields or lines put in, taken out or replaced, as a seed says."""
    source = random.Random(seed)
    content = bytearray(text(LINES).encode())
    for _ in range(cuts):
        at = source.randrange(len(content))
        what = source.randrange(8)
        lines = bytes(content).split(b"\n")
        if what == 0:
            content[at:at] = source.choice(PIECES)
        elif what == 1:
            del content[at : at + source.randrange(1, 40)]
        elif what == 2:
            content[at] = source.randrange(256)
        elif what == 3:
            body = lines[1:-1]
            source.shuffle(body)
            content = bytearray(b"\n".join([lines[0], *body, b""]))
        elif what == 4:
            lines.insert(-1, source.choice(lines[1:]))
            content = bytearray(b"\n".join(lines))
        else:
            number = source.randrange(1, max(2, len(lines) - 1))
            fields = lines[number].split(b";")
            fields[source.randrange(len(fields))] = source.choice(FIELDS).encode()
            lines[number] = b";".join(fields)
            content = bytearray(b"\n".join(lines))
    return bytes(content)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("corrupted_files")


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**9), cuts=st.integers(1, 4))
def test_a_corrupted_file_is_accounted_for_or_refused_by_a_code(folder, seed, cuts):
    content = corrupted(seed, cuts)
    files, mapping = write(folder, content)
    out = folder / "x.duckdb"
    out.unlink(missing_ok=True)
    # Any other error than one of ours fails the test.
    try:
        done = import_files("csv", files, out, mapping=mapping)
    except RncEpiError as problem:
        assert not out.exists()
        told = problem.message("fr") + problem.message("en")
    else:
        told = done.text("fr") + done.text("en", public=True)
        ledger = done.accounting.frame()
        records = ledger[ledger["table_name"] == "tumours"].groupby("fate")["rows"].sum()
        with open_locked(out, threads=1) as store:
            assert store.rows("SELECT count(*) FROM tumours") == [(records.get("used", 0),)]
        # A record is a line that is not empty, but the header; a quoted end of line makes two lines one.
        lines = sum(1 for line in content.splitlines() if line) - 1
        assert records.sum() == lines or b'"' in content
    assert CANARY.lower() not in told.lower()
    assert "T0000" not in told
