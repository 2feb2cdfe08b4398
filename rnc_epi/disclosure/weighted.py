"""What standardised figures tell of the ages of a few persons, and how coarsely they are published for it.

Person-years by age are public for every commune. A standardised rate is then one weighted sum over the ages
of the cases, its error a second one, and whole numbers do the rest: from four standards at a tenth per
100 000, integer programming finds the ages of all cases of an area of twelve deaths. Two rules stop it: no
more digits than one case is worth, and one standard alone where the cases are few.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from rnc_epi.vocabulary.estimators import BENCHMARKED, CALIBRATED
from rnc_epi.vocabulary.schemas import NOT_APPLICABLE, RESULT_KEY

if TYPE_CHECKING:
    import pandas as pd

    from rnc_epi.vocabulary.policy import Policy

#: Below this number of events one standard alone is shown: with two, at the digits that one case is worth,
#: integer programming still bounds an age band of one area in six at 11 to 30 events and in sixteen at 31 to
#: 50 within less than 1 to 10; with one, of none in 48.
ONE_STANDARD_BELOW: Final = 100
_LADDER: Final = (5.0, 2.0, 1.0)
#: Estimated counts are published to ten.
_ROUNDED_TO: Final = 10.0


def worth_of_one(table: pd.DataFrame, policy: Policy) -> np.ndarray:
    """Return the step to which each row is rounded: 1, 2 or 5 times a power of ten; 0 for the usual decimals.

    The largest step that one person is worth on average: the size of the figure, limits included where it
    compares, over the events. An estimate from a correlate is given to what ten are worth, as its count is:
    it may hold what registries counted.

    Parameters
    ----------
    table : DataFrame
        In the form of the one result table, unrounded.
    policy : Policy
        Sources of which the threshold is 0 are published elsewhere, and not coarsened.

    Returns
    -------
    array of float, shape (rows,)
    """
    events = table["events"].to_numpy(float, na_value=np.nan)
    value, lower, upper = (
        np.abs(np.nan_to_num(table[name].to_numpy(float, na_value=np.nan)))
        for name in ("value", "lower", "upper")
    )
    plain = table["indicator"].isin(("crude_rate", "asr", "sir"))
    size = np.where(plain, value, np.maximum(value, np.maximum(lower, upper)))
    of_correlate = table["estimator"].isin((CALIBRATED, BENCHMARKED)).to_numpy(bool)
    weighs = table["standard"].ne(NOT_APPLICABLE).to_numpy(bool) | of_correlate
    weighs &= _secret(table, policy)
    with np.errstate(divide="ignore", invalid="ignore"):
        worth = np.where(of_correlate, _ROUNDED_TO, 1.0) * size / events
    weighs &= np.isfinite(worth) & (worth > 0)
    steps = np.zeros(len(table))
    power = 10.0 ** np.floor(np.log10(worth[weighs]))
    lead = worth[weighs] / power * (1.0 + 1e-12)
    steps[weighs] = power * np.select([lead >= rung for rung in _LADDER], _LADDER, 1.0)
    return steps


def further_standards(table: pd.DataFrame, policy: Policy) -> np.ndarray:
    """Return the rows that weigh few events by a further standard: the world population stays, or the first.

    Parameters
    ----------
    table : DataFrame
        In the form of the one result table, unrounded.
    policy : Policy

    Returns
    -------
    array of bool, shape (rows,)
    """
    weighs = table["standard"].ne(NOT_APPLICABLE) & _secret(table, policy)
    few = table["events"].lt(ONE_STANDARD_BELOW).fillna(False).astype(bool)
    # Limits of another method, or level, are sums of the same kind.
    figure = [name for name in RESULT_KEY if name not in ("standard", "method", "interval_method", "level")]
    stated = table.loc[weighs, [*figure, "standard"]].astype(str)
    stated["world"] = ~stated["standard"].str.startswith("world")
    stays = stated.sort_values(["world", "standard"], kind="stable").drop_duplicates(figure)
    kept = table[figure].astype(str).merge(stays[[*figure, "standard"]], on=figure, how="left")["standard"]
    return (weighs & few).to_numpy(bool) & (table["standard"].astype(str).to_numpy() != kept.to_numpy())


def _secret(table: pd.DataFrame, policy: Policy) -> np.ndarray:
    thresholds = {source: policy.threshold_of(source) for source in table["source"].unique()}
    return table["source"].map(thresholds).to_numpy(float) > 0
