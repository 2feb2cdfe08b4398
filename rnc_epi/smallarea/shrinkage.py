"""Empirical Bayes on tables: ratios or rates of areas drawn towards a common value, without a map.

Quick and explicit; where neighbours resemble one another, :class:`~rnc_epi.smallarea.SmallAreaModel` says
more.
Internal: every figure rests on the count of its area.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from scipy.special import ndtri

from rnc_epi.maths import shrinkage as maths
from rnc_epi.maths.requirements import require_choice
from rnc_epi.maths.smallarea import evidence_classes
from rnc_epi.smallarea.mapped import MappedCounts
from rnc_epi.vocabulary.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: Methods of :func:`shrunken`: moments over the map or around each area (Marshall 1991), a gamma distribution
#: of the risks by maximum likelihood or by iterated moments, a normal one of their logarithms (Clayton and
#: Kaldor 1987).
METHODS: Final = ("marshall", "marshall-local", "poisson-gamma", "clayton-kaldor", "log-normal")


def shrunken(
    counts: MappedCounts,
    *,
    method: str = "poisson-gamma",
    level: float = 0.95,
    threshold: float = 1.0,
    high: float = 0.8,
    low: float = 0.2,
) -> pd.DataFrame:
    """Return the ratios of the areas of a map, shrunken.

    Parameters
    ----------
    counts : MappedCounts
        From :func:`rnc_epi.smallarea.mapped_counts`.
    method : {"marshall", "marshall-local", "poisson-gamma", "clayton-kaldor", "log-normal"}
    level : float
        Coverage of the limits, for the gamma distributions.
    threshold, high, low : float
        Risk whose exceedance is judged, and the probabilities that make classes (gamma distributions).

    Returns
    -------
    DataFrame
        One row an area: its keys, ``observed, expected`` (events), ``ratio, relative_risk, weight`` (share
        of the raw ratio); for the gamma distributions ``lower, upper, exceedance`` (a probability),
        ``risk_class`` too.

    Raises
    ------
    InputError
        ``M005`` an unknown method, ``A031`` no area that can be fitted, ``M004`` level or limits of classes.

    References
    ----------
    Marshall RJ (1991), doi:10.2307/2347593. Clayton D, Kaldor J (1987), doi:10.2307/2532003.

    Examples
    --------
    Ratios 0.5, 1 and 1.5 with 80 expected each: their variance is 1/6, of which 1/80 is chance; the weight
    of a ratio is (1/6 - 1/80) / (1/6) = 0.925.

    >>> from rnc_epi.smallarea import AreaGraph, MappedCounts
    >>> areas = pd.DataFrame({"geo_level": "zone", "geo_code": list("abc"), "geo_vintage": "v"})
    >>> counts = MappedCounts(areas, np.array([40.0, 80.0, 120.0]), np.full(3, 80.0), np.full(3, 1e4),
    ...     np.array(["_"] * 3, object), "pooled", AreaGraph(areas, np.array([[0, 1], [1, 2]])), 0)
    >>> shrunken(counts, method="marshall")["relative_risk"].round(4).tolist()
    [0.5375, 1.0, 1.4625]
    """
    require_choice(method, METHODS, "method")
    rows = counts.fitted
    if not rows.any():
        raise InputError("A031", found=len(counts.strata), where=counts.strata["geo_code"].iloc[0])
    observed, expected = counts.observed[rows], counts.expected[rows]
    table = counts.strata[rows].reset_index(drop=True)
    table = table.assign(observed=observed, expected=expected, ratio=observed / expected)
    if method in ("poisson-gamma", "clayton-kaldor"):
        found = maths.poisson_gamma(
            observed, expected, method="ml" if method == "poisson-gamma" else "clayton-kaldor"
        )
        lower, upper = found.limits(level)
        exceedance = found.exceedance(threshold)
        weight = expected / (expected + found.rate) if np.isfinite(found.rate) else np.zeros(expected.size)
        return table.assign(
            relative_risk=found.value,
            weight=weight,
            lower=lower,
            upper=upper,
            exceedance=exceedance,
            risk_class=evidence_classes(exceedance, high=high, low=low),
        )
    moments: dict[str, Callable[[], maths.MarshallShrinkage]] = {
        "marshall": lambda: maths.marshall_global(observed, expected),
        "marshall-local": lambda: maths.marshall_local(observed, expected, counts.graph.maths),
        "log-normal": lambda: maths.log_normal(observed, expected),
    }
    made = moments[method]()
    value = np.exp(made.value) if method == "log-normal" else made.value
    return table.assign(relative_risk=value, weight=made.weight)


def shrunken_rates(
    rates: pd.DataFrame, *, covariates: pd.DataFrame | None = None, level: float = 0.95
) -> pd.DataFrame:
    """Return standardised rates drawn towards a regression, each by its own precision (Fay and Herriot).

    Parameters
    ----------
    rates : DataFrame
        Rows of the result table, one an area: keys, ``value`` and ``se`` of a standardised rate.
    covariates : DataFrame, optional
        ``geo_level, geo_code, geo_vintage`` and one column a covariate of the log rate.
    level : float
        Coverage of the limits.

    Returns
    -------
    DataFrame
        One row an area: its keys, ``direct`` (the rate given), ``value, lower, upper`` (shrunken, in the
        unit of the rate given), ``weight`` (share of the direct rate), ``log_mse``. Areas whose rate is 0 or
        has no error stand there with no shrunken figure.

    Raises
    ------
    InputError
        ``A036`` an area twice, ``A031`` an area without covariates, ``M002`` columns that are not there.

    References
    ----------
    Fay RE, Herriot RA (1979), doi:10.2307/2286322.

    Examples
    --------
    >>> rates = pd.DataFrame({"geo_level": "zone", "geo_code": list("abcdef"), "geo_vintage": "v",
    ...                       "value": [9.0, 13.5, 11, 22, 6.7, 12], "se": [1.8, 2.7, 2.2, 4, 1.3, 0.5]})
    >>> shrunken_rates(rates)["value"].round(1).tolist()
    [9.6, 13.0, 11.1, 19.2, 7.6, 12.0]
    """
    area = ["geo_level", "geo_code", "geo_vintage"]
    absent = [name for name in (*area, "value", "se") if name not in rates]
    if absent:
        raise InputError("M002", what="rates", expected=", ".join((*area, "value", "se")), found=absent[0])
    table = rates.reset_index(drop=True)
    if table.duplicated(area).any():
        raise InputError("A036", found=int(table.duplicated(area).sum()), name="geo_code")
    value, se = (table[name].to_numpy(np.float64) for name in ("value", "se"))
    usable = (value > 0) & (se > 0)
    columns: dict[str, Any] = {"direct": value}
    figures = {name: np.full(len(table), np.nan) for name in ("value", "lower", "upper", "weight", "log_mse")}
    design = None
    if covariates is not None:
        names = [name for name in covariates.columns if name not in area]
        joined = table[area].merge(covariates, on=area, how="left")
        missing = joined[names].isna().any(axis=1).to_numpy()
        if missing.any():
            where = table["geo_code"].iloc[int(np.argmax(missing))]
            raise InputError("A031", found=int(missing.sum()), where=where)
        design = joined[names].to_numpy(np.float64)[usable]
    found = maths.fay_herriot(np.log(value[usable]), (se[usable] / value[usable]) ** 2, covariates=design)
    half = float(ndtri(0.5 + 0.5 * level)) * np.sqrt(found.mse)
    for name, numbers in (
        ("value", np.exp(found.value)),
        ("lower", np.exp(found.value - half)),
        ("upper", np.exp(found.value + half)),
        ("weight", found.weight),
        ("log_mse", found.mse),
    ):
        figures[name][usable] = numbers
    return table.drop(columns=["value", "se", "lower", "upper"], errors="ignore").assign(**columns | figures)
