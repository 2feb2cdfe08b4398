"""Age bands in arrays: merging, ranges, cases of unknown age, and persons with several events.

Bands lie on the last axis, in increasing age, known by the age at which each starts; the last one may be
open. They are merged, never split: what happens inside a band is unknown.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from rnc_epi.maths.requirements import (
    Floats,
    Mask,
    as_result,
    first_position,
    require_band_values,
    require_bands,
    require_counts,
    require_finite,
    require_same_shape,
)
from rnc_epi.vocabulary.errors import InputError


def require_increasing(values: ArrayLike, what: str) -> Floats:
    """Return one axis of finite, strictly increasing numbers (M002, M007, M013)."""
    numbers = require_finite(values, what)
    if numbers.ndim != 1 or numbers.size == 0:
        raise InputError("M002", what=what, expected="(bands,)", found=str(numbers.shape))
    stalled = np.diff(numbers) <= 0
    if stalled.any():
        raise InputError("M013", what=what, where=str(int(np.argmax(stalled)) + 1))
    return numbers


def _require_starts(chosen: Floats, starts: Floats) -> None:
    for age in chosen:
        if age not in starts:
            known = ", ".join(f"{start:g}" for start in starts)
            raise InputError("M011", found=f"{age:g}", expected=known)


def merge_bands(values: ArrayLike, age_from: ArrayLike, onto: ArrayLike) -> Floats:
    """Sum events, person-years or weights of age bands into coarser bands.

    Parameters
    ----------
    values : array_like, shape (..., bands)
        Quantities that add up; a rate does not.
    age_from : array_like, shape (bands,)
        Age at which each band starts, increasing.
    onto : array_like, shape (merged bands,)
        Age at which each merged band starts; the first one must be the first of `age_from`. The last
        merged band takes everything above, so an open band stays open.

    Returns
    -------
    array, shape (..., merged bands)

    Raises
    ------
    InputError
        A merged band would start inside a band (M011), ages not increasing (M013), shapes (M002).

    Examples
    --------
    >>> merge_bands([1, 2, 3, 4], [0, 5, 10, 15], [0, 10]).tolist()
    [3.0, 7.0]
    """
    starts, chosen = require_increasing(age_from, "age_from"), require_increasing(onto, "onto")
    numbers = require_finite(values, "values")
    require_bands(numbers, "values")
    require_band_values(starts, numbers.shape, "age_from")
    _require_starts(chosen, starts)
    if chosen[0] != starts[0]:
        raise InputError("M011", found=f"{chosen[0]:g}", expected=f"{starts[0]:g}")
    return np.asarray(np.add.reduceat(numbers, np.searchsorted(starts, chosen), axis=-1))


def bands_within(age_from: ArrayLike, *, first: float, until: float | None) -> Mask:
    """Return which bands make up the ages from `first` to before `until` (None: to the end of life).

    A truncated rate is the rate of these bands alone: select them in events, person-years and weights.

    Raises
    ------
    InputError
        `first` or `until` falls inside a band, or inside the last, open one (M011).

    Examples
    --------
    Ages 35 to 64 among bands of five years:

    >>> chosen = bands_within(range(0, 90, 5), first=35, until=65)
    >>> int(chosen.sum())
    6
    """
    starts = require_increasing(age_from, "age_from")
    limits = [first] if until is None else [first, until]
    _require_starts(require_increasing(limits, "limits"), starts)
    return np.asarray((starts >= first) & (starts < (np.inf if until is None else until)))


def unknown_age_factor(known: ArrayLike, unknown: ArrayLike) -> Floats:
    """Return (known + unknown) / known, by which a rate is multiplied to share out cases of unknown age.

    The cases of unknown age are held to have the ages of the others. Apply it with
    :meth:`rnc_epi.maths.standardise.RateEstimate.scaled`, and label the result as redistributed.

    Parameters
    ----------
    known, unknown : array_like of one shape
        Cases of known and of unknown age of each group.

    Returns
    -------
    array
        NaN where no age is known but some case exists; 1 where there is no case at all.

    References
    ----------
    Boyle P, Parkin DM. Statistical methods for registries. In: Cancer registration: principles and
    methods. IARC Sci Publ 95, 1991, chapter 11.

    Examples
    --------
    >>> float(unknown_age_factor(95, 5)).__round__(4)
    1.0526
    """
    aged, ageless = require_counts(known, "known"), require_counts(unknown, "unknown")
    require_same_shape(known=aged, unknown=ageless)
    factor = (aged + ageless) / np.where(aged > 0, aged, np.nan)
    return as_result(np.where((aged == 0) & (ageless == 0), 1.0, factor))


def repeated_events(persons: ArrayLike) -> tuple[Floats, Floats]:
    r"""Events, and the variance of their number, when one person may bring several of them.

    With :math:`f_k` persons who had :math:`k` events, the number is :math:`\sum k f_k` and, the persons
    being independent Poisson counts, its variance :math:`\sum k^2 f_k`.

    Parameters
    ----------
    persons : array_like, shape (..., most events of one person)
        Persons with 1, 2, 3, … events on the last axis.

    Returns
    -------
    events, event_variance : arrays, shape (...)
        To be given to :func:`rnc_epi.maths.standardise.directly_standardised_rate`.

    References
    ----------
    Eayres D. Commonly used public health statistics and their confidence intervals. APHO Technical
    Briefing 3, 2008. Stukel TA, Glynn RJ, Fisher ES, et al. Stat Med 1994;13:1781-1791.

    Examples
    --------
    Seven persons with one event and one with three: ten events, variance 7 + 9.

    >>> [float(value) for value in repeated_events([7, 0, 1])]
    [10.0, 16.0]
    """
    counts = require_bands(require_counts(persons, "persons"), "persons")
    times = np.arange(1, counts.shape[-1] + 1)
    return as_result(counts @ times), as_result(counts @ times**2)


def require_part(part: Floats, whole: Floats, part_name: str, whole_name: str) -> None:
    """Refuse a part that exceeds its whole (M012)."""
    excess = part > whole
    if excess.any():
        raise InputError(
            "M012", part=part_name, whole=whole_name, found=int(excess.sum()), where=first_position(excess)
        )
