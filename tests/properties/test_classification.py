"""What holds for any persons and codes: the rules of primaries lose nobody and need no order of rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import example, given
from hypothesis import strategies as st

from rnc_epi.extracts.classification import new_primaries, shared_out
from rnc_epi.vocabulary.classification.childhood import iccc3_group, iccc3_groups
from rnc_epi.vocabulary.classification.consistency import code_facts
from rnc_epi.vocabulary.classification.primaries import (
    Verdict,
    morphology_group,
    same_primary,
    topography_group,
    verdict,
)

_PLACES = ["C18.7", "C18.0", "C20.9", "C34.1", "C50.9", "C80.9", "C42.1", "C77.0", "C44.5"]
_MORPHOLOGIES = [8140, 8070, 8010, 8000, 8800, 9680, 9590, 9823, 9861, 9140, 8720, 9999]
_tumours = st.lists(
    st.tuples(
        st.integers(1, 4) | st.none(),
        st.integers(2010, 2013),
        st.integers(1, 12) | st.none(),
        st.sampled_from(_PLACES),
        st.sampled_from(_MORPHOLOGIES),
    ),
    max_size=12,
)


def _frame(rows) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "person_key": pd.array([row[0] for row in rows], dtype="Int64"),
            "tumour_key": pd.array(range(1, len(rows) + 1), dtype="Int64"),
            "year": np.array([row[1] for row in rows], dtype=np.int64),
            "month": pd.array([row[2] for row in rows], dtype="Int64"),
            "topography_group": np.array([topography_group(row[3]) for row in rows], dtype=np.int64),
            "morphology_group": np.array([morphology_group(row[4]) for row in rows], dtype=np.int64),
        }
    )


def _one_after_the_other(rows) -> list[bool]:
    """The rules without arrays: each tumour in the order of time against those that count."""
    order = sorted(range(len(rows)), key=lambda i: (rows[i][1], rows[i][2] or 13, i))
    counted: dict[int, list[int]] = {}
    new = [True] * len(rows)
    for i in order:
        person = rows[i][0]
        if person is None:
            continue
        for j in counted.get(person, []):
            if same_primary(rows[j][3:], rows[i][3:]) is Verdict.SAME:
                new[i] = False
        if new[i]:
            counted.setdefault(person, []).append(i)
    return new


#: The second repeats the first; the third would repeat the second, which does not count, and not the first.
_IN_A_CHAIN = [
    (1, 2010, 1, "C18.7", 8140),
    (1, 2011, 1, "C18.7", 8010),
    (1, 2012, 1, "C18.7", 8070),
]


@given(_tumours)
@example(_IN_A_CHAIN)
def test_new_primaries_are_those_of_a_plain_reading_of_the_rules(rows):
    found = new_primaries(_frame(rows))
    assert found["new_primary"].tolist() == _one_after_the_other(rows)
    # Whoever is left out repeats a tumour that counts; a person never loses the first.
    left_out = found[~found["new_primary"]]
    counted = set(found.loc[found["new_primary"], "tumour_key"])
    assert left_out["same_as"].notna().all()
    assert set(left_out["same_as"]) <= counted


@given(_tumours, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(rows, random):
    table = _frame(rows)
    places = list(range(len(rows)))
    random.shuffle(places)
    expected = new_primaries(table).set_index("tumour_key")["new_primary"]
    found = new_primaries(table.iloc[places]).set_index("tumour_key")["new_primary"]
    assert found.sort_index().tolist() == expected.sort_index().tolist()


@given(st.sampled_from(_PLACES), st.sampled_from(_MORPHOLOGIES))
def test_a_tumour_that_the_rules_place_is_the_same_as_itself(place, morphology):
    groups = (topography_group(place), morphology_group(morphology))
    expected = Verdict.SAME if groups[1] else Verdict.UNDECIDED
    assert verdict(groups, groups) is expected


@given(st.text(max_size=6), st.text(max_size=6), st.integers(0, 9))
def test_any_text_has_a_childhood_group_or_none_and_facts(topography, morphology, behaviour):
    assert iccc3_group(topography, morphology, behaviour) in {None, *iccc3_groups()}
    assert code_facts(topography, morphology).likely_from >= 0


@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(0, 30), st.floats(0, 1)),
        min_size=1,
        max_size=30,
    )
)
def test_shared_deaths_stay_within_what_there_is_and_add_up_to_one_death(strata):
    cervix, corpus, open_, share = (np.array(column) for column in zip(*strata, strict=True))
    found = shared_out(cervix, corpus, open_, share)
    exact = np.clip(share * (cervix + corpus + open_) - cervix, 0, open_)
    assert (found >= 0).all()
    assert (found <= open_).all()
    # Rounding to the nearest of a running sum: half a death, and the noise of adding thirty numbers.
    assert abs(found.sum() - exact.sum()) <= 0.5 + 1e-9
