"""Whether the ratio of cases to a proxy varies with deprivation, tested where both are observed (ruling 21).

Without this term a gradient of calibrated estimates is that of the proxy. With it, the error of the term is
part of every draw.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import ndtr, stdtrit

from rnc_epi.inequality.strata import STRATUM_KEYS, grouped_strata
from rnc_epi.maths.inequality import log_slope
from rnc_epi.maths.inequality.ridit import require_three_groups
from rnc_epi.maths.requirements import require_shares
from rnc_epi.vocabulary.deprivation import group_number
from rnc_epi.vocabulary.draws import Draws, seed_of
from rnc_epi.vocabulary.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from rnc_epi.cells.table import Cells
    from rnc_epi.vocabulary.deprivation import EstimateOrigin

    Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RatioTerms:
    """How the log ratio of cases to a proxy changes from the least to the most deprived end.

    Parameters
    ----------
    table : DataFrame
        One row a site, sex, area and period of the registry zone: its keys, ``slope`` (log ratio of the most
        to the least deprived end), ``se``, ``freedom``, ``p_value``, ``centre`` (mean rank of the proxy's
        persons: where a calibration without the term is right on average), ``cases``, ``proxy_events``,
        ``cases_without_proxy`` (cases at an age and group without a proxy event: left out).
    rank : (groups,) array
        Rank of each group on the scale that the term and its use share.
    proxy : str
    """

    table: pd.DataFrame
    rank: Floats
    proxy: str


def proxy_ratio_terms(
    cases: Cells,
    proxies: Cells,
    rank: ArrayLike,
    *,
    proxy: str,
    variance: str = "robust",
) -> RatioTerms:
    """Estimate and test the dependence of the ratio of cases to a proxy on deprivation.

    A log-linear model of the cases of each age and group, the proxy's events as exposure, an intercept at
    each age: what remains along the ranks is the term.

    Parameters
    ----------
    cases, proxies : Cells
        Of the registry zone, by group of deprivation, over the same bands: incidence, and the proxy.
    rank : array_like, shape (groups,)
        Ranks of the groups on the national scale (:func:`rnc_epi.maths.inequality.ridit`), the same that the
        estimates are placed by: the ranks within the registry zone would be another scale.
    proxy : str
        ``"A"``, ``"H"``, ``"HA"``.
    variance : {"robust", "scaled", "model"}
        As for :func:`rnc_epi.maths.inequality.slope_and_relative_index`.

    Returns
    -------
    RatioTerms
        One row a site, sex, area and period: the slope, on the log scale, and its test.

    Raises
    ------
    InputError
        ``I001`` fewer than three groups, ``I017`` cells that are not by group or share no stratum, ``M002``
        other bands or another number of groups, ``M010`` ranks outside 0 to 1.

    Examples
    --------
    100 persons of the proxy in each group, 100, 200 and 400 cases at the ranks 0, 1/2 and 1: log 4.

    >>> from rnc_epi.cells.table import Cells
    >>> from rnc_epi.vocabulary.ages import BandSet
    >>> strata = pd.DataFrame({"event_type": "incidence", "source": "s", "site": "lung", "sex": 1,
    ...     "geo_level": "region", "geo_code": "r", "geo_vintage": "v", "period_from": 2016,
    ...     "period_until": 2021, "stratum_type": "deprivation", "stratum": ["Q1", "Q2", "Q3"]})
    >>> def cells_of(*events):
    ...     people = np.full((3, 1), 1e5)
    ...     return Cells(strata, BandSet.from_starts([0]), np.c_[list(events)], np.zeros(3, int), people)
    >>> ill, known = cells_of(100, 200, 400), cells_of(100, 100, 100)
    >>> found = proxy_ratio_terms(ill, known, [0, 0.5, 1], proxy="A", variance="model")
    >>> float(found.table["slope"].round(6).item())
    1.386294
    """
    ranks = require_three_groups(require_shares(rank, "rank"), "rank")
    ill, known = grouped_strata(cases, len(ranks)), grouped_strata(proxies, len(ranks))
    if ill.bands != known.bands:
        raise InputError("M002", what="proxies", expected=str(ill.bands), found=str(known.bands))
    names = [name for name in STRATUM_KEYS if name in ill.keys.columns and name != "event_type"]
    placed = ill.keys[names].assign(_ill=np.arange(len(ill)))
    both = placed.merge(known.keys[names].assign(_known=np.arange(len(known))), on=names)
    if both.empty:
        raise InputError("I017", found="0 / " + str(len(ill)))
    events = ill.events[both["_ill"].to_numpy(dtype=np.intp)]
    exposure = known.events[both["_known"].to_numpy(dtype=np.intp)]
    lost = np.where(exposure <= 0, events, 0.0)
    used = events - lost
    n, bands, groups = events.shape
    found = log_slope(
        used.reshape(n, -1),
        exposure.reshape(n, -1),
        np.tile(ranks, bands),
        np.repeat(np.arange(bands), groups),
        variance=variance,  # type: ignore[arg-type]
    )
    persons = exposure.sum(axis=1)
    total = persons.sum(axis=1)
    table = both[names].assign(
        slope=np.atleast_1d(found.value),
        se=np.atleast_1d(found.se),
        freedom=np.atleast_1d(found.freedom),
        p_value=np.atleast_1d(found.p_value),
        centre=(persons @ ranks) / np.where(total > 0, total, 1.0),
        cases=events.sum(axis=(1, 2)),
        proxy_events=total,
        cases_without_proxy=lost.sum(axis=(1, 2)),
    )
    return RatioTerms(table, ranks, proxy)


def with_ratio_term(
    draws: Draws, origin: EstimateOrigin, terms: RatioTerms, *, by: tuple[str, ...] = ("site", "sex")
) -> tuple[Draws, EstimateOrigin]:
    """Give draws of estimates by group the dependence on deprivation that the registry zone shows.

    Each draw takes its own value of the term, so that what is not known of it widens every limit; where it
    is weak the limits of a gradient widen rather than the term being dropped.

    Parameters
    ----------
    draws : Draws
        Estimates by group (`stratum` in the index) of a calibration without the term.
    origin : EstimateOrigin
        How they were made.
    terms : RatioTerms
        From :func:`proxy_ratio_terms`.
    by : tuple of str
        Columns that match cells with terms.

    Returns
    -------
    draws, origin
        The corrected draws of the cells that have a term, and an origin that says so. Cells of a site whose
        term cannot be estimated are left out: there is no gradient to give them.

    Raises
    ------
    InputError
        ``I017`` a cell is of no group, ``I026`` no cell has a term.

    Examples
    --------
    A term of log 4, known for certain, around the centre 0.5: the ends are halved and doubled.

    >>> from rnc_epi.vocabulary.deprivation import EstimateOrigin
    >>> table = pd.DataFrame({"site": ["lung"], "sex": 1, "slope": np.log(4), "se": 0.0, "freedom": np.inf,
    ...     "centre": 0.5})
    >>> index = pd.DataFrame({"site": "lung", "sex": 1, "stratum": ["Q1", "Q2", "Q3"]})
    >>> draws = Draws(index, np.full((3, 1), 100.0), "events", "prediction", 0, "calibrated")
    >>> terms = RatioTerms(table, np.array([0, 0.5, 1]), "A")
    >>> made, origin = with_ratio_term(draws, EstimateOrigin("calibrated", "A"), terms)
    >>> made.values.ravel().round(6).tolist(), origin.deprivation_in_model
    ([50.0, 100.0, 200.0], True)
    """
    index = draws.index.reset_index(drop=True)
    number = index["stratum"].astype(str).map(group_number)
    if number.isna().any() or (number > len(terms.rank)).any():
        raise InputError("I017", found=", ".join(sorted(set(index["stratum"].astype(str)))[:5]))
    held = terms.table.dropna(subset=["slope"]).drop_duplicates(list(by))[list(by)]
    held = held.assign(_term=held.index.to_numpy())
    term = index[list(by)].merge(held, on=list(by), how="left")["_term"]
    has_term = term.notna().to_numpy()
    if not has_term.any():
        raise InputError("I026", found=terms.proxy)
    index, number, term = (one[has_term].reset_index(drop=True) for one in (index, number, term))
    rows = terms.table
    n_draws = draws.values.shape[1]
    drawn = np.empty((len(rows), n_draws))
    for row in range(len(rows)):
        key = "|".join(str(rows[name].iloc[row]) for name in by)
        normals = np.random.default_rng(seed_of(f"ratio-term|{terms.proxy}|{key}", draws.seed))
        z = normals.standard_normal(n_draws)
        freedom = float(rows["freedom"].iloc[row])
        errors = stdtrit(freedom, ndtr(z)) if np.isfinite(freedom) else z
        drawn[row] = rows["slope"].iloc[row] + rows["se"].iloc[row] * errors
    at = term.to_numpy(dtype=np.intp)
    distance = terms.rank[number.to_numpy(dtype=np.intp) - 1] - rows["centre"].to_numpy(dtype=float)[at]
    values = draws.values[has_term] * np.exp(drawn[at] * distance[:, None])
    corrected = Draws(
        index, values, draws.quantity, draws.kind, draws.seed, f"{draws.model_id}+deprivation({terms.proxy})"
    )
    return corrected, replace(origin, deprivation_in_model=True, tested_in_registry_zone=True)
