"""Health-care proxies of the samples, counted by département.

A proxy is no rescaled incidence: its ratio to cases falls with age, varies between districts more for some
sites than for others, for some sites follows deprivation, and it counts many of the same persons as the
registry, so that it varies less around incidence than a Poisson count would.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from rnc_epi.extracts.sample import reference
from rnc_epi.extracts.sample.places import Places
from rnc_epi.vocabulary.draws import seed_of

#: Years that a proxy is summed over.
SPAN: Final = 5
#: Share of the proxy's mean that is made of incident cases themselves: above 0, dispersion is below 1.
_SAME_PERSONS: Final = 0.55
#: Shares of ALD among ALD and hospital patients together, and of hospital patients among those with ALD.
_WITH_ALD, _ALD_IN_HOSPITAL = 0.84, 0.86
#: Spread of the slope by age (20 years) of a district's ratio, relative to that of its level.
_SLOPE: Final = 0.25
_MIDDLES: Final = np.array(reference.AGE_STARTS) + 2.5


def draw_proxies(
    places: Places, site: str, sex: int, cases: np.ndarray, expected: np.ndarray
) -> dict[str, np.ndarray]:
    """Draw A (new ALD), H (hospital patients) and HA (either) from the cases of the same places and years.

    Parameters
    ----------
    cases, expected : (n_departements, n_periods, n_bands) array
        Cases drawn and their mean, summed over the years of each period.
    """
    row = reference.proxies().loc[site]
    rng = np.random.default_rng(seed_of(f"proxies|{site}|{sex}", places.seed))
    age = (_MIDDLES - 65) / 20
    centre = np.clip((_MIDDLES - 30) / 60, 0, 1)
    ratio = np.exp(np.log(row.ratio_young) * (1 - centre) + np.log(row.ratio_old) * centre)
    union = (
        np.log(ratio)[None, :]
        + row.deprivation * (places.mean_rank() - 0.5)[:, None]
        + _district(places, f"ha|{site}|{sex}", row.sigma_ha, age)
    )
    mean = np.exp(union)[:, None, :]
    same = np.minimum(_SAME_PERSONS * mean, 0.95)
    either = rng.binomial(cases, np.broadcast_to(same, cases.shape))
    either += rng.poisson((mean - same) * expected)
    # What A and H vary beyond their union, they vary in who of it they see.
    beyond_a = np.sqrt(max(row.sigma_a**2 - row.sigma_ha**2, 0)) / (1 - _WITH_ALD)
    beyond_h = np.sqrt(max(row.sigma_h**2 - row.sigma_ha**2, 0)) / (_WITH_ALD * (1 - _ALD_IN_HOSPITAL))
    with_ald = _share(_WITH_ALD, _district(places, f"a|{site}|{sex}", beyond_a, age))
    in_hospital = _share(_ALD_IN_HOSPITAL, _district(places, f"h|{site}|{sex}", beyond_h, age))
    ald = rng.binomial(either, np.broadcast_to(with_ald[:, None, :], either.shape))
    both = rng.binomial(ald, np.broadcast_to(in_hospital[:, None, :], ald.shape))
    return {"A": ald, "H": either - ald + both, "HA": either}


def by_span(counts: np.ndarray, years: list[int]) -> tuple[np.ndarray, list[int]]:
    """Return sums over periods of `SPAN` years along the second axis, and the first year of each.

    Examples
    --------
    >>> by_span(np.ones((1, 10, 1)), list(range(2014, 2024)))[0].ravel().tolist()
    [5.0, 5.0]
    """
    starts = np.arange(0, len(years), SPAN)
    return np.add.reduceat(counts, starts, axis=1), [years[start] for start in starts]


def as_rows(counts: np.ndarray, departements: list[str], starts: list[int], span: int) -> pd.DataFrame:
    """Return the counts above zero of a (département, period, band) array; zeros are in the scope."""
    where = np.nonzero(counts)
    first = np.array(starts)[where[1]]
    age = np.array(reference.AGE_STARTS)[where[2]]
    return pd.DataFrame(
        {
            "geo_code": pd.Categorical.from_codes(where[0], departements),
            "period_from": first,
            "period_until": first + span,
            "age_from": age,
            "age_until": pd.Series(pd.array(age + 5, dtype="Int16")).mask(age == reference.AGE_STARTS[-1]),
            "events": counts[where],
        }
    )


def _district(places: Places, key: str, spread: float, age: np.ndarray) -> np.ndarray:
    count = len(places.departements)
    level = spread * _normals(f"level|{key}", places.seed, count)
    slope = spread * _SLOPE * _normals(f"slope|{key}", places.seed, count)
    return level[:, None] + slope[:, None] * age[None, :]


def _share(share: float, shift: np.ndarray) -> np.ndarray:
    odds = share / (1 - share) * np.exp(shift)
    return odds / (1 + odds)


def _normals(key: str, seed: int, count: int) -> np.ndarray:
    return np.random.default_rng(seed_of(key, seed)).standard_normal(count)
