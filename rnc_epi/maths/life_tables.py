"""Abridged life tables by Chiang's method and the limits of life expectancy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rnc_epi.maths.bands import require_increasing
from rnc_epi.maths.intervals import normal_quantile
from rnc_epi.maths.requirements import (
    Floats,
    Mask,
    as_result,
    level_axis,
    require_band_values,
    require_bands,
    require_events_and_person_years,
    require_level,
    require_shares,
)

RADIX = 100_000


@dataclass(frozen=True, eq=False)
class LifeTable:
    """An abridged life table, one value per age band on the last axis; the last band is open.

    Attributes
    ----------
    age_from : array, shape (bands,)
    mortality : deaths per person-year
    probability_of_death : of dying within the band, 1 in the last
    survivors, deaths, years_lived : of 100 000 births
    expectancy, lower, upper, se : years still to live at the start of the band
    estimable : False where a band has no person-years, or the last band no deaths
    """

    age_from: Floats
    mortality: Floats
    probability_of_death: Floats
    survivors: Floats
    deaths: Floats
    years_lived: Floats
    expectancy: Floats
    lower: Floats
    upper: Floats
    se: Floats
    estimable: Mask
    level: Floats


def life_table(
    deaths: ArrayLike,
    person_years: ArrayLike,
    age_from: ArrayLike,
    *,
    share_lived: ArrayLike | None = None,
    level: float | ArrayLike = 0.95,
) -> LifeTable:
    r"""Life table and life expectancy at the start of each age band.

    With mortality :math:`M`, band width :math:`n` and share :math:`a` of the band lived by those who die in
    it, :math:`q = nM / \{1 + (1-a) nM\}` [1]_. The variance of the expectancy at age :math:`x` is
    :math:`l_x^{-2} \sum_{i \ge x} l_i^2 \{(1-a_i) n_i + e_{i+1}\}^2 q_i^2 (1-q_i)/D_i`, to which the last,
    open band adds :math:`l_\omega^2 / (M_\omega^2 D_\omega)`: Chiang held the length of life there to be
    known, which makes the limits too narrow in small areas [2]_.

    Parameters
    ----------
    deaths, person_years : array_like, shape (..., bands)
    age_from : array_like, shape (bands,)
        Age at which each band starts; the last one is open.
    share_lived : array_like, shape (bands,), optional
        Share :math:`a` of each band; 0.1 for a first year of life, 0.5 elsewhere when not given. The value
        for the open band is not read.
    level : float or sequence of float
        Coverage; a sequence adds a first axis to the limits.

    Returns
    -------
    LifeTable
        All NaN for a group with a band without person-years or a last band without deaths.

    Raises
    ------
    InputError
        M001, M002, M003, M007, ages not increasing (M013), shares outside 0 to 1 (M010).

    References
    ----------
    .. [1] Chiang CL. The life table and its applications. Malabar: Krieger, 1984.
    .. [2] Silcocks PBS, Jenner DA, Reza R. Life expectancy as a summary of mortality in a population. J
       Epidemiol Community Health 2001;55:38-43. doi:10.1136/jech.55.1.38

    Examples
    --------
    A constant rate of 2 per cent a year: 50 years to live at any age, whatever the bands.

    >>> table = life_table([20, 200], [1000, 10_000], [0, 1], share_lived=[0.4983, 0.5])
    >>> table.expectancy.round(2).tolist()
    [50.0, 50.0]
    """
    counts, denominators = require_events_and_person_years(deaths, person_years)
    require_bands(counts, "deaths")
    starts = require_increasing(age_from, "age_from")
    require_band_values(starts, counts.shape[-1:], "age_from")
    levels = require_level(level)
    width = np.append(np.diff(starts), 0.0)
    if share_lived is None:
        share = np.where((starts == 0) & (width == 1), 0.1, 0.5)
    else:
        share = require_shares(
            require_band_values(share_lived, counts.shape[-1:], "share_lived"), "share_lived"
        )
    estimable = (denominators > 0).all(axis=-1) & (counts[..., -1] > 0)
    usable = estimable[..., None]
    mortality = np.where(usable, counts, 1.0) / np.where(usable, denominators, 1.0)

    hazard = width * mortality
    # With a rate so high that the straight line would pass 1, everyone dies within the band.
    q = np.minimum(hazard / (1 + (1 - share) * hazard), 1.0)
    q[..., -1] = 1.0
    survivors = RADIX * np.cumprod(1 - q, axis=-1)
    survivors = np.concatenate([np.full((*q.shape[:-1], 1), float(RADIX)), survivors[..., :-1]], axis=-1)
    dying = survivors * q
    lived = width * (survivors - (1 - share) * dying)
    lived[..., -1] = survivors[..., -1] / mortality[..., -1]
    still = np.flip(np.cumsum(np.flip(lived, axis=-1), axis=-1), axis=-1)
    alive = np.where(survivors > 0, survivors, np.nan)
    expectancy = still / alive

    # Without deaths q is 0 and so is its variance; the division is never made.
    variance_q = np.where(counts > 0, q**2 * (1 - q) / np.where(counts > 0, counts, 1.0), 0.0)
    following = np.append(np.nan_to_num(expectancy)[..., 1:], np.zeros((*q.shape[:-1], 1)), axis=-1)
    terms = survivors**2 * ((1 - share) * width + following) ** 2 * variance_q
    last_deaths = np.where(estimable, counts[..., -1], 1.0)
    terms[..., -1] = survivors[..., -1] ** 2 / (mortality[..., -1] ** 2 * last_deaths)
    variance = np.flip(np.cumsum(np.flip(terms, axis=-1), axis=-1), axis=-1) / alive**2
    se = np.sqrt(variance)
    spread = level_axis(normal_quantile(levels), se) * se

    def known(values: Floats) -> Floats:
        return np.where(usable, values, np.nan)

    return LifeTable(
        age_from=starts,
        mortality=known(mortality),
        probability_of_death=known(q),
        survivors=known(survivors),
        deaths=known(dying),
        years_lived=known(lived),
        expectancy=known(expectancy),
        lower=known(expectancy - spread),
        upper=known(expectancy + spread),
        se=known(se),
        estimable=as_result(estimable),
        level=as_result(levels),
    )
