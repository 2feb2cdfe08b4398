"""Groups of deprivation: what holds for any scores, populations and order of the rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from rnc_epi.inequality import deprivation_groups, gradient, grouped_strata
from tests.deprivation_cells import drawn_cells

SCORE = st.one_of(st.none(), st.integers(-50, 50))


@st.composite
def worlds(draw):
    size = draw(st.integers(5, 40))
    score = draw(st.lists(SCORE, min_size=size, max_size=size))
    people = draw(st.lists(st.integers(1, 10_000), min_size=size, max_size=size))
    area = {"geo_level": "commune", "geo_code": [f"c{i:02d}" for i in range(size)], "geo_vintage": "v"}
    areas = pd.DataFrame({**area, "population": people})
    scores = pd.DataFrame(
        {**area, "index": "x", "vintage": "1", "higher_is": "more_deprived", "score": score}
    ).astype({"score": float})
    return scores, areas


def cut(scores, areas, **how):
    return deprivation_groups(scores, areas, index="x", vintage="1", **how)


@settings(max_examples=15)
@given(worlds(), st.randoms(use_true_random=False))
def test_groups_do_not_depend_on_the_order_of_rows_nor_on_the_scale_of_scores(world, random):
    scores, areas = world
    made = cut(scores, areas).table.set_index("geo_code")["stratum"]
    order = list(range(len(areas)))
    random.shuffle(order)
    shuffled = cut(scores.iloc[order], areas.sample(frac=1, random_state=1)).table.set_index("geo_code")
    assert shuffled["stratum"].loc[made.index].tolist() == made.tolist()
    scaled = cut(scores.assign(score=3 * scores["score"] + 7), areas).table["stratum"]
    assert scaled.tolist() == made.tolist()


@settings(max_examples=15)
@given(worlds())
def test_groups_rise_with_the_score_and_everyone_is_somewhere(world):
    scores, areas = world
    made = cut(scores, areas)
    assert len(made.table) == len(areas)
    unknown = made.table["stratum"].eq("unknown")
    assert unknown.tolist() == scores["score"].isna().tolist()
    number = made.table["stratum"][~unknown].str[1:].astype(int)
    ordered = number.to_numpy()[np.argsort(scores["score"][~unknown].to_numpy(), kind="stable")]
    assert (np.diff(ordered) >= 0).all()
    record = made.record
    assert record.classified + record.missing_scores + record.outside_scope == record.areas
    assert record.population == areas["population"].sum()


@settings(max_examples=8)
@given(st.floats(0.5, 2.0), st.integers(0, 1_000), st.integers(2, 9))
def test_a_gradient_does_not_depend_on_the_size_of_the_population_counted(ratio, seed, times):
    cells = drawn_cells(ratio, np.random.default_rng(seed), cases=2_000)
    strata = grouped_strata(cells)
    frame = pd.DataFrame(
        {
            "group": np.tile(strata.labels, len(cells.bands)),
            "age_from": np.repeat(cells.bands.starts, 5),
            "age_until": pd.array(np.repeat([band.age_until for band in cells.bands], 5), dtype="Int64"),
            "events": strata.events[0].ravel(),
            "person_years": strata.person_years[0].ravel(),
        }
    )
    measures = ["rate_ratio", "relative_index", "attributable_fraction", "concentration_index"]
    how = {"measures": measures, "models": ["multiplicative"], "transforms": ["log"], "simulations": 1_000}
    one = gradient(frame, **how)
    many = gradient(
        frame.assign(events=times * frame["events"], person_years=times * frame["person_years"]), **how
    )
    np.testing.assert_allclose(many["value"], one["value"], rtol=1e-8)
    # More of the same tells more: errors shrink with the root of the counts.
    np.testing.assert_allclose(
        many["se"][many["method"].eq("direct")],
        one["se"][one["method"].eq("direct")] / np.sqrt(times),
        rtol=1e-8,
    )
