"""A corrupted extract gives a correct result or an error with a code: never a traceback, a lie or a leak."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from rnc_epi.extracts.fingerprint import content_hash
from rnc_epi.store import RowAccounting, open_locked
from tests.properties import corrupted_extracts
from tests.properties.corrupted_extracts import Broken, Outcome, judge, make_valid, tiny_tables
from tests.properties.corruptions import corrupt

#: Seeds of the fast run; the slow one takes the 5 000 that follow from 0.
FAST = 20
BLOCK = 100


@pytest.fixture(scope="module")
def valid(tmp_path_factory) -> tuple[Path, str]:
    path = make_valid(tmp_path_factory.mktemp("valid"))
    with open_locked(path, threads=1) as store:
        return path, content_hash(store)


def outcome_of(seed: int, valid: tuple[Path, str], folder: Path) -> tuple[str, Outcome]:
    for left in folder.iterdir():
        left.unlink()
    kind, path = corrupt(seed, valid[0], folder)
    try:
        return kind, judge(path, valid[1] if kind == "bytes" else None)
    except Broken as problem:
        pytest.fail(f"seed {seed} ({kind}): {problem}")


def test_the_extract_that_is_corrupted_is_accepted_and_compared_whole(valid, tmp_path):
    outcome = judge(valid[0], valid[1])
    assert outcome.kind == "accepted"
    # 3 départements, 2 regions, 2 zones, their pool and France; 3 years and the pooled period.
    assert outcome.strata > 100
    assert len(tiny_tables()["tumours"]) > 100


@pytest.mark.parametrize("block", range(FAST // 10))
def test_corrupted_extracts_are_refused_with_a_code_or_give_what_is_true(block, valid, tmp_path):
    for seed in range(10 * block, 10 * block + 10):
        outcome_of(seed, valid, tmp_path)


def test_the_fast_seeds_hold_every_kind_of_corruption_and_both_outcomes(valid, tmp_path, monkeypatch):
    kinds: Counter[str] = Counter()
    for seed in range(FAST):
        for left in tmp_path.iterdir():
            left.unlink()
        kinds[corrupt(seed, valid[0], tmp_path)[0]] += 1
    assert set(kinds) == {"schema", "rows", "cells", "identifiers", "bytes"}


@pytest.mark.slow
@pytest.mark.parametrize("block", range(5_000 // BLOCK))
def test_five_thousand_corrupted_extracts_keep_the_promise(block, valid, tmp_path):
    for seed in range(BLOCK * block, BLOCK * block + BLOCK):
        outcome_of(seed, valid, tmp_path)


def test_a_wrong_cell_a_lost_row_or_a_leak_would_be_noticed(valid, tmp_path, monkeypatch):
    class Wrong(corrupted_extracts.NaiveEngine):
        def strata(self, sites):
            found = super().strata(sites)
            bands, unknown = found.popitem()[1]
            found["made up"] = (bands, unknown)
            return found

    with monkeypatch.context() as patch:
        patch.setattr(corrupted_extracts, "NaiveEngine", Wrong)
        with pytest.raises(Broken, match="strata differ"):
            judge(valid[0])
    with monkeypatch.context() as patch:
        whole = RowAccounting.frame
        patch.setattr(RowAccounting, "frame", lambda self: whole(self).iloc[1:])
        with pytest.raises(Broken, match="the ledger"):
            judge(valid[0])
    with monkeypatch.context() as patch:
        patch.setattr(corrupted_extracts, "open_extract", lambda *_, **__: print("Mme Dupont"))
        with pytest.raises(Broken):
            judge(valid[0])
    (tmp_path / "x.duckdb").write_bytes(b"no database at all")
    with monkeypatch.context() as patch:
        patch.setattr(corrupted_extracts, "CANARIES", ("duckdb",))
        with pytest.raises(Broken, match="identifies a person"):
            judge(tmp_path / "x.duckdb")
