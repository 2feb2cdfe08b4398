"""A proxy that follows deprivation where incidence does not: the gradient it would make must not be found.

Ruling 21. In the registry zone cases and proxy are both known; elsewhere the proxy alone, from which cases
are estimated. True incidence has no gradient, the proxy sees the deprived more.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rnc_epi.cells.table import Cells
from rnc_epi.inequality import gradients_on_draws, proxy_ratio_terms, with_ratio_term
from rnc_epi.maths.inequality import ridit
from rnc_epi.vocabulary.deprivation import EstimateOrigin
from rnc_epi.vocabulary.draws import Draws
from rnc_epi.vocabulary.errors import EstimateRefused
from tests.deprivation_cells import asked, drawn_cells, row_of

RATIO = 1.4
MEASURES = asked(measures=["relative_index"], models=["multiplicative"], transforms=[])


def world(rng: np.random.Generator, ratio: float) -> tuple[Cells, Cells, Cells]:
    """Return cases and proxy of the registry zone, and the proxy of the rest of the country."""

    def proxy(cells: Cells) -> Cells:
        return Cells(cells.strata.assign(event_type="proxy_HA"), cells.bands, cells.events,
                     cells.unknown_age, cells.person_years)  # fmt: skip

    return (
        drawn_cells(1.0, rng, cases=3_000),
        proxy(drawn_cells(ratio, rng, cases=4_000)),
        proxy(drawn_cells(ratio, rng, cases=16_000)),
    )


def calibrated(cases: Cells, seen: Cells, elsewhere: Cells, rng: np.random.Generator, n: int = 150) -> Draws:
    """Return draws of cases elsewhere: the proxy times the ratio of the registry zone at each age."""
    ratio = cases.events.sum(axis=0) / np.maximum(seen.events.sum(axis=0), 1)
    bands = list(elsewhere.bands)
    index = elsewhere.strata.loc[elsewhere.strata.index.repeat(len(bands))].reset_index(drop=True)
    index["age_from"] = [band.age_from for band in bands] * len(elsewhere)
    index["age_until"] = pd.array([band.age_until for band in bands] * len(elsewhere), dtype="Int64")
    centre = (elsewhere.events * ratio).ravel()
    # Poisson noise of the proxy; that of the ratio by age is common to the groups and cancels.
    values = rng.poisson(np.maximum(elsewhere.events.ravel(), 0)[:, None], (centre.size, n)) * np.tile(
        ratio, len(elsewhere)
    )[:, None]  # fmt: skip
    return Draws(index, values.astype(float), "events", "prediction", int(rng.integers(2**31)), "ratio")


def relative(draws: Draws, elsewhere: Cells, origin: EstimateOrigin) -> pd.Series:
    years, events = elsewhere.person_years.ravel(), elsewhere.events.ravel().astype(float)
    return row_of(gradients_on_draws(draws, years, events, origin, MEASURES), "relative_index")


def covered(replicates: int, ratio: float, *, with_term: bool, seed: int) -> float:
    """Return the share of worlds whose limits cover the true relative index, one."""
    hits = 0
    for number in range(replicates):
        rng = np.random.default_rng([seed, number])
        cases, seen, elsewhere = world(rng, ratio)
        draws = calibrated(cases, seen, elsewhere, rng)
        origin = EstimateOrigin("calibrated", proxy="HA")
        if with_term:
            terms = proxy_ratio_terms(cases, seen, ridit(np.ones(5)), proxy="HA")
            draws, origin = with_ratio_term(draws, origin, terms)
        else:
            # What the door refuses, to show why: the same figures declared sound.
            origin = EstimateOrigin("calibrated", "HA", True, True)
        found = relative(draws, elsewhere, origin)
        hits += bool(found["lower"] <= 1.0 <= found["upper"])
    return hits / replicates


def test_without_the_term_the_gradient_is_refused_and_would_be_false():
    rng = np.random.default_rng(11)
    cases, seen, elsewhere = world(rng, RATIO)
    draws = calibrated(cases, seen, elsewhere, rng)
    with pytest.raises(EstimateRefused, match="I021"):
        relative(draws, elsewhere, EstimateOrigin("calibrated", proxy="HA"))
    assert covered(10, RATIO, with_term=False, seed=12) == 0.0


def test_with_the_term_the_limits_cover_no_gradient():
    # 40 worlds at 95 %: fewer than 33 covered happens once in 1 500 times.
    assert covered(40, RATIO, with_term=True, seed=13) >= 33 / 40


@pytest.mark.slow
def test_with_the_term_the_limits_hold_their_level():
    # 600 worlds: one standard error of 0.95 is 0.9 %; the target is 93 to 97 %, here minus two errors.
    share = covered(600, RATIO, with_term=True, seed=14)
    assert 0.93 - 0.018 <= share <= 0.97 + 0.018, share
