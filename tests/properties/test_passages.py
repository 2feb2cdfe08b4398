"""What holds for any history of mergers, divisions and changed codes: sums, chains, there and back."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnc_epi.extracts.geography import carry, checked_passages, correspondence, passages
from rnc_epi.vocabulary.errors import InputError

_FIRST = 2019
_KINDS = ("merge", "absorb", "split", "recode", "nothing")
# Weights are products of a few shares in floating point.
_ROUNDING = 1e-12


@st.composite
def histories(draw, kinds: tuple[str, ...] = _KINDS) -> tuple[pd.DataFrame, list[list[str]]]:
    """Return a table of passages and the codes of each edition; codes that are gone may come back."""
    present = ["A", "B", "C", "D"]
    editions, rows = [list(present)], []
    for year in range(_FIRST + 1, _FIRST + 5):
        kind = draw(st.sampled_from(kinds))
        free = sorted(set("ABCDEFGHIJ") - set(present))
        one = draw(st.sampled_from(present))
        others = [code for code in present if code != one]
        new = draw(st.sampled_from(free))
        if kind in ("merge", "absorb") and others:
            other = draw(st.sampled_from(others))
            target = new if kind == "merge" else one
            rows += [(one, target, year, None), (other, target, year, None)]
            present = [code for code in present if code not in (one, other)] + [target]
        elif kind == "split":
            share = draw(st.integers(1, 99)) / 100
            rows += [(one, one, year, share), (one, new, year, 1 - share)]
            present = [*present, new]
        elif kind == "recode":
            rows.append((one, new, year, None))
            present = [*others, new]
        editions.append(list(present))
    table = pd.DataFrame(rows, columns=["code_from", "code_to", "year", "weight"])
    return checked_passages(table.assign(geo_level="commune")), editions


def _matrix(found: pd.DataFrame, rows: list[str], columns: list[str]) -> np.ndarray:
    wide = found.pivot_table(index="code_from", columns="code_to", values="weight", aggfunc="sum")
    return wide.reindex(index=rows, columns=columns).fillna(0.0).to_numpy()


def _between(table: pd.DataFrame, editions: list[list[str]], first: int, last: int) -> pd.DataFrame:
    return correspondence(
        editions[first], from_year=_FIRST + first, to_year=_FIRST + last, table=table, known=editions[last]
    )


@settings(max_examples=20)
@given(histories(), st.lists(st.integers(0, 4), min_size=3, max_size=3))
def test_a_chain_of_editions_gives_what_the_direct_passage_gives(history, years):
    table, editions = history
    first, middle, last = sorted(years)
    direct = _matrix(_between(table, editions, first, last), editions[first], editions[last])
    there = _matrix(_between(table, editions, first, middle), editions[first], editions[middle])
    onwards = _matrix(_between(table, editions, middle, last), editions[middle], editions[last])
    np.testing.assert_allclose(there @ onwards, direct, rtol=0, atol=_ROUNDING)
    np.testing.assert_allclose(direct.sum(axis=1), 1, rtol=0, atol=_ROUNDING)


@settings(max_examples=25)
@given(histories(), st.lists(st.integers(0, 1000), min_size=4, max_size=4))
def test_counts_keep_their_sum_and_whole_numbers_stay_whole_without_divisions(history, events):
    table, editions = history
    counts = pd.DataFrame({"geo_code": editions[0], "geo_vintage": "v2019", "sex": [1, 1, 2, 2]})
    after = carry(counts.assign(events=events), _between(table, editions, 0, 4), to_vintage="v2023")
    before = counts.assign(events=events).groupby("sex")["events"].sum()
    # A million is far above the counts: rounding only.
    np.testing.assert_allclose(after.groupby("sex")["events"].sum(), before, rtol=0, atol=1e6 * _ROUNDING)
    if table["weight"].isna().all():
        assert after["events"].dtype == np.int64
        assert after["events"].sum() == sum(events)


@settings(max_examples=25)
@given(histories(("split", "recode", "nothing")), st.lists(st.integers(0, 1000), min_size=4, max_size=4))
def test_what_was_divided_or_changed_its_code_comes_back_whole(history, events):
    table, editions = history
    counts = pd.DataFrame({"geo_code": editions[0], "geo_vintage": "v2019", "events": events})
    after = carry(counts, _between(table, editions, 0, 4), to_vintage="v2023")
    back = carry(after, _between(table, editions, 4, 0), to_vintage="v2019")
    back = back.set_index("geo_code")["events"].reindex(editions[0])
    np.testing.assert_allclose(back, events, rtol=0, atol=1e6 * _ROUNDING)


@settings(max_examples=15)
@given(histories(("merge", "absorb")))
def test_what_was_merged_does_not_come_back_by_itself(history):
    table, editions = history
    with pytest.raises(InputError, match="G005"):
        _between(table, editions, 4, 0)


def test_packaged_editions_chain_over_every_year_between():
    table = passages()
    dated = table[(table["geo_level"] == "commune") & (table["year"] > _FIRST)]
    left = dated.groupby("code_from")["year"].min()
    made = dated.groupby("code_to")["year"].min().reindex(left.index)
    # In the edition of 2019: what is there before it is made, or is never made; the divided have no passage.
    there = left.index[(left <= made) | made.isna()]
    divided = dated.loc[dated["kind"] == "split", "code_from"]
    start = sorted(set(there) - set(divided))
    assert len(start) > 150
    direct = correspondence(start, from_year=_FIRST, to_year=2026)
    for middle in range(_FIRST + 1, 2026):
        first = correspondence(start, from_year=_FIRST, to_year=middle)
        onwards = correspondence(first["code_to"].tolist(), from_year=middle, to_year=2026)
        chain = first["code_to"].map(onwards.set_index("code_from")["code_to"])
        assert chain.tolist() == direct["code_to"].tolist(), middle


def test_the_packaged_passages_give_the_published_numbers_of_communes():
    # Insee, Code officiel géographique: communes on 1 January, métropole and overseas départements.
    published = {2019: 34_970, 2021: 34_965, 2022: 34_955, 2023: 34_945, 2024: 34_935, 2025: 34_875}
    table = passages()
    table = table[table["geo_level"] == "commune"]
    years = sorted(published)
    for before, after in pairwise(years):
        events = table[table["year"] == after]
        change = len(set(events["code_to"])) - len(set(events["code_from"]))
        assert change == published[after] - published[before], after
