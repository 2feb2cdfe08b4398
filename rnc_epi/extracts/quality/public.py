"""The public form of the indicators of quality: nothing that stands for 1 to 10 persons, nor gives it back.

A share is hidden where its numerator, or what is left of its denominator, counts 1 to 10 persons. Then enough
others of the same registry and indicator are hidden that no sum gives the number back: over the years of all
cancers, and over the sites of all years together. Only both sexes are shown. Exact counts are not shown at
all, and what is shown is made of counts that are rounded to tens first, so that neither a count that a
release hides nor the persons whom one edition has and the next has not follow from it. What the others have
is not told where one of those compared is hidden.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from rnc_epi.extracts.quality.comparison import family
from rnc_epi.extracts.quality.counts import ALL_CANCERS
from rnc_epi.extracts.quality.shares import BOTH, OK
from rnc_epi.vocabulary.policy import DEFAULT_THRESHOLD
from rnc_epi.vocabulary.sites import SITES

if TYPE_CHECKING:
    from numpy.typing import NDArray

HIDDEN: Final = "hidden"
#: What the public form shows, beside keys and status.
COLUMNS: Final = (
    *("registry", "indicator", "site", "sex", "period_from", "period_until"),
    *("value", "others", "unit", "differs", "status"),
)
#: Indicators that rest on no count of persons.
_COUNTLESS: Final = ("years_behind",)
#: Their denominator is a number that is expected, not one of persons.
_EXPECTED: Final = ("childhood_ratio",)
_COUNTED: Final = ("part", "whole")
_DECIMALS: Final = {"percent": 0, "ratio": 2, "difference": 2, "years": 0}
#: A number that ten persons move by more says nothing any more, and is not shown.
_COARSEST: Final = {"percent": 10.0, "ratio": 0.5, "difference": 0.5, "years": 1.0}


def public_form(table: pd.DataFrame, threshold: int = DEFAULT_THRESHOLD) -> pd.DataFrame:
    """Return the indicators that may be shown to all: rounded, small counts and what gives them back hidden.

    Parameters
    ----------
    table : DataFrame
        Compared indicators, internal.
    threshold : int
        Smallest count of persons that may be known.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`. ``status`` is ``ok``, ``hidden``, ``not_applicable`` or ``not_estimable``; a hidden
        row has no number; ``differs`` is missing where it would speak of a hidden one.
    """
    told = table[_is_of_both_sexes(table)].reset_index(drop=True)
    hidden = np.zeros(len(told), dtype=bool)
    for _, rows in told[told["status"] == OK].groupby(["registry", "indicator"], sort=True):
        if rows["indicator"].iloc[0] not in _COUNTLESS:
            hidden[rows.index[_hidden_of_one_indicator(rows, threshold)]] = True
    coarse = _worth_of_some(told, threshold) > told["unit"].map(_COARSEST).to_numpy(dtype=np.float64)
    hidden |= coarse & (told["status"] == OK).to_numpy()
    out = told.copy()
    out.loc[hidden, "status"] = HIDDEN
    gone = (out["status"] != OK).to_numpy()
    # What the others have is that of one registry where there are two.
    families = pd.DataFrame({key.name: key for key in family(told)})
    together = told.assign(gone=hidden).groupby([families[name] for name in families], sort=False)
    exposed = together["gone"].transform("any").to_numpy(dtype=bool)
    part, whole = (told[name].to_numpy(dtype=np.float64) for name in ("part", "whole"))
    rest = [together[name].transform("sum").to_numpy(dtype=np.float64) for name in _COUNTED]
    rest = [rest[0] - part, rest[1] - whole]
    for name, counts, lost in (("value", [part, whole], gone), ("others", rest, gone | exposed)):
        numbers = _of_rounded_counts(out, name, counts[0], counts[1], threshold - 1)
        out[name] = np.where(lost, np.nan, numbers)
    out["differs"] = out["differs"].astype("boolean").mask(gone | exposed)
    return out[list(COLUMNS)]


def _of_rounded_counts(
    table: pd.DataFrame, name: str, part: NDArray[np.float64], whole: NDArray[np.float64], base: int
) -> NDArray[np.float64]:
    """Return the numbers as they are when the persons of both counts are rounded to tens first.

    Whatever a reader knows besides, a number fits ten counts: what would tell them apart is gone before it
    is made.
    """
    number = table[name].to_numpy(dtype=np.float64)
    expected = table["indicator"].isin(_EXPECTED).to_numpy(dtype=bool)
    above, below = base * np.rint(part / base), base * np.rint(whole / base)
    with np.errstate(divide="ignore", invalid="ignore"):
        of_part = np.where(part > 0, above / part, 1.0)
        of_whole = np.where((whole > 0) & ~expected, below / whole, 1.0)
        scaled = number * of_part / of_whole
        # A difference holds a survival too: it is rounded to what these persons are worth.
        step = np.maximum(base * np.fmax(1.0, above / below) / below, 0.01)
        moved = np.rint((number + above / below - part / whole) / step) * step
    counted = np.isfinite(part + whole)
    rounded = np.where((table["unit"] == "difference") & counted, moved, np.where(counted, scaled, number))
    places = table["unit"].map(_DECIMALS)
    # What is the same number but for its last bits is rounded the same way.
    return np.array(
        [round(round(float(one), 9), place) for one, place in zip(rounded, places, strict=True)],
        dtype=np.float64,
    )


def _worth_of_some(table: pd.DataFrame, threshold: int) -> NDArray[np.float64]:
    """Return by how much a number moves with as many persons as stay hidden, 0 where it counts none."""
    part, whole, value = (table[name].to_numpy(dtype=np.float64) for name in ("part", "whole", "value"))
    due = table["indicator"].isin(_EXPECTED).to_numpy(dtype=bool)
    with np.errstate(divide="ignore", invalid="ignore"):
        # A difference moves as the ratio in it does.
        ratio = np.where(table["unit"] == "difference", part / whole, value)
        of_part = np.where(table["unit"] == "percent", 100 / whole, np.where(due, 1 / whole, ratio / part))
        worth = (threshold - 1) * np.fmax(of_part, np.where(due, 0.0, ratio / whole))
    return np.where(np.isfinite(worth), worth, 0.0)


def suppressed(
    counts: NDArray[np.float64], total: NDArray[np.float64], threshold: int = DEFAULT_THRESHOLD
) -> tuple[NDArray[np.bool_], bool]:
    """Return which rows to hide, and whether to hide their total, so that no small count is given back.

    Every column is a count of persons that adds up over the rows to `total`, or to less of it: what is not
    listed counts as one hidden row more. A small count is hidden; then, while the hidden ones and what is not
    listed together are small (a small one that stands alone is), the row with the least is hidden too.

    Parameters
    ----------
    counts : (rows, columns) array
    total : (columns,) array
    threshold : int

    Examples
    --------
    A count of 3 among years is given back by the total, unless another year is hidden too:

    >>> rows, whole = suppressed(np.array([[3.0], [40.0], [25.0]]), np.array([68.0]))
    >>> rows.tolist(), whole
    ([True, False, True], False)
    """
    small = (counts > 0) & (counts < threshold)
    hidden: NDArray[np.bool_] = np.asarray(small.any(axis=1), dtype=np.bool_)
    if ((total > 0) & (total < threshold)).any():
        return np.ones(len(counts), dtype=bool), True
    left = total - counts.sum(axis=0)
    while hidden.any():
        rest = counts[hidden].sum(axis=0) + left
        # A column in which nothing small is hidden has nothing to protect.
        at_stake = small[hidden].any(axis=0)
        exposed = at_stake & (rest < threshold)
        if not exposed.any():
            return hidden, False
        if hidden.all():
            return hidden, True
        size = np.where(counts[:, exposed].sum(axis=1) > 0, counts[:, exposed].sum(axis=1), np.inf)
        size[hidden] = np.inf
        if np.isinf(size).all():
            return np.ones(len(counts), dtype=bool), True
        hidden[int(np.argmin(size))] = True
    return hidden, False


def _is_of_both_sexes(table: pd.DataFrame) -> pd.Series:
    single = {slug: item.sexes[0] for slug, item in SITES.items() if len(item.sexes) == 1}
    return table["sex"] == table["site"].map(single).fillna(BOTH)


def _hidden_of_one_indicator(rows: pd.DataFrame, threshold: int) -> NDArray[np.bool_]:
    numbers = _counts(rows)
    span = (rows["period_from"].min(), rows["period_until"].max())
    whole_period = ((rows["period_from"] == span[0]) & (rows["period_until"] == span[1])).to_numpy()
    of_all = (rows["site"] == ALL_CANCERS).to_numpy()
    total = whole_period & of_all
    small = ((numbers > 0) & (numbers < threshold)).any(axis=1)
    hidden: NDArray[np.bool_] = np.asarray(small, dtype=np.bool_)
    if not total.any():
        # Without a total no sum gives anything back but that of neighbours, which are not told here.
        return hidden
    at = int(np.flatnonzero(total)[0])
    for part in (of_all & ~whole_period, whole_period & ~of_all):
        if part.any():
            found, whole = suppressed(numbers[part], numbers[at], threshold)
            hidden[part] |= found
            hidden[at] |= whole
    return hidden


def _counts(rows: pd.DataFrame) -> NDArray[np.float64]:
    """Return the counts of persons that a row tells: its numerator, and its denominator or the rest of it."""
    part, whole = (rows[name].to_numpy(dtype=np.float64) for name in ("part", "whole"))
    if rows["indicator"].iloc[0] in _EXPECTED:
        return part[:, None]
    if rows["unit"].iloc[0] == "percent":
        return np.stack([part, whole - part], axis=1)
    return np.stack([part, whole], axis=1)
