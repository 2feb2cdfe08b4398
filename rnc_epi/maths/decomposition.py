"""Why the number of cases changed: risk, size of the population, or its ageing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rnc_epi.maths.requirements import (
    Floats,
    Mask,
    as_result,
    require_bands,
    require_choice,
    require_events_and_person_years,
    require_positive,
    require_same_shape,
    require_scalar,
)

DECOMPOSITION_METHODS = ("sequential", "symmetric")


@dataclass(frozen=True, eq=False)
class CaseChange:
    """Change in cases a year, and its three parts, which add up to it exactly.

    Divide by ``first`` for parts in per cent of the first number of cases.
    """

    first: Floats
    last: Floats
    change: Floats
    risk: Floats
    size: Floats
    ageing: Floats
    estimable: Mask
    method: str


def decompose_change(
    first_events: ArrayLike,
    first_person_years: ArrayLike,
    last_events: ArrayLike,
    last_person_years: ArrayLike,
    *,
    method: str = "sequential",
    first_years: float = 1,
    last_years: float = 1,
) -> CaseChange:
    r"""Split a change in the number of cases into risk, population size and ageing.

    With cases :math:`C = \sum_a n_a r_a`, person-years :math:`N = \sum_a n_a` a year:

    - ``sequential`` (French practice [1]_): size :math:`C_1 (N_2/N_1 - 1)`; ageing
      :math:`\sum_a n_{2a} r_{1a} - C_1 N_2/N_1`; risk :math:`C_2 - \sum_a n_{2a} r_{1a}`: what the new
      population would have brought at the old rates, and the rest;
    - ``symmetric``: the mean of each part over all orders of the three changes [2]_, so that exchanging
      the two periods only changes the signs.

    Parameters
    ----------
    first_events, first_person_years, last_events, last_person_years : array_like, shape (..., bands)
    method : {"sequential", "symmetric"}
    first_years, last_years : float
        Years covered by each period; cases and person-years are divided by them.

    Returns
    -------
    CaseChange
        Cases a year. Not estimable where a band that is needed has no person-years.

    Raises
    ------
    InputError
        M001, M002, M003, M005, M007, M009.

    References
    ----------
    .. [1] Defossez G, Le Guyader-Peyrou S, Uhry Z, et al. Estimations nationales de l'incidence et de la
       mortalité par cancer en France métropolitaine entre 1990 et 2018, vol. 1. Saint-Maurice: Santé publique
       France, 2019.
    .. [2] Das Gupta P. Standardization and decomposition of rates: a user's manual. Washington: US Bureau
       of the Census, 1993 (three factors).

    Examples
    --------
    Two bands; the old become 300 from 200 and their rate falls from 10 to 8 per cent:

    >>> parts = decompose_change([8, 20], [800, 200], [8, 24], [800, 300])
    >>> [round(float(part), 1) for part in (parts.change, parts.risk, parts.size, parts.ageing)]
    [4.0, -6.0, 2.8, 7.2]
    """
    d1, n1 = require_events_and_person_years(first_events, first_person_years)
    d2, n2 = require_events_and_person_years(last_events, last_person_years)
    require_bands(d1, "first_events")
    require_same_shape(first_events=d1, last_events=d2)
    require_choice(method, DECOMPOSITION_METHODS, "method")
    spans = [require_scalar(first_years, "first_years"), require_scalar(last_years, "last_years")]
    require_positive(spans, "first_years, last_years")
    d1, n1, d2, n2 = d1 / spans[0], n1 / spans[0], d2 / spans[1], n2 / spans[1]

    needed = (n1 > 0) | (n2 == 0) if method == "sequential" else (n1 > 0) == (n2 > 0)
    estimable = needed.all(axis=-1) & (n1.sum(axis=-1) > 0) & (n2.sum(axis=-1) > 0)
    hole = np.where(estimable, 1.0, np.nan)
    first, last = d1.sum(axis=-1), d2.sum(axis=-1)
    total1, total2 = n1.sum(axis=-1) * hole, n2.sum(axis=-1) * hole
    rate1 = np.divide(d1, n1, out=np.zeros(d1.shape), where=n1 > 0)
    if method == "sequential":
        at_old_rates = (n2 * rate1).sum(axis=-1)
        size = first * (total2 / total1 - 1)
        ageing = at_old_rates - first * total2 / total1
        risk = (last - at_old_rates) * hole
    else:
        rate2 = np.divide(d2, n2, out=np.zeros(d2.shape), where=n2 > 0)
        share1, share2 = n1 / total1[..., None], n2 / total2[..., None]

        def part(change: Floats, b: tuple[Floats, Floats], c: tuple[Floats, Floats]) -> Floats:
            alike, crossed = b[0] * c[0] + b[1] * c[1], b[0] * c[1] + b[1] * c[0]
            return np.asarray((change * (alike / 3 + crossed / 6)).sum(axis=-1))

        totals = (total1[..., None], total2[..., None])
        size = part(totals[1] - totals[0], (share1, share2), (rate1, rate2))
        ageing = part(share2 - share1, totals, (rate1, rate2))
        risk = part(rate2 - rate1, totals, (share1, share2))
    return CaseChange(
        first=as_result(first),
        last=as_result(last),
        change=as_result(last - first),
        risk=as_result(risk),
        size=as_result(size),
        ageing=as_result(ageing),
        estimable=as_result(estimable),
        method=method,
    )
