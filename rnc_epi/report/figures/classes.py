"""Classes of a map: where one colour ends and the next begins, and what the legend says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnc_epi.report.figures.style import DIVERGING, SEQUENTIAL
from rnc_epi.report.formats import Format
from rnc_epi.report.texts import text

#: Bounds of the classes of a ratio, symmetric around 1 on the logarithmic scale: 1 / 1.25 = 0.80.
RATIO_BOUNDS: Final = (0.80, 0.90, 1.12, 1.26)


@dataclass(frozen=True)
class MapClasses:
    """Bounds and colours of the classes of a map.

    Parameters
    ----------
    bounds : tuple of float
        Inner bounds, increasing: a value belongs to the class of the last bound that it reaches.
    colours : tuple of str
        One more than bounds.
    decimals : int
        Decimals of the values, which the legend shows.
    open_ends : bool
        Whether the legend writes the first and last class as open (``< 0.80``) or by their extreme values.
    """

    bounds: tuple[float, ...]
    colours: tuple[str, ...]
    decimals: int
    open_ends: bool = False

    def class_of(self, values: ArrayLike) -> NDArray[np.intp]:
        """Return the number of the class of each value, from 0.

        Examples
        --------
        >>> ratio_classes().class_of([0.79, 0.80, 1.0, 1.11, 1.12, 1.3]).tolist()
        [0, 1, 2, 2, 3, 4]
        """
        return np.searchsorted(self._bounds(), np.round(np.asarray(values, float), self.decimals), "right")

    def _bounds(self) -> NDArray[np.float64]:
        # A bound and a published value that are equal in print must be equal here.
        return np.round(np.asarray(self.bounds, dtype=float), self.decimals)

    def labels(self, values: ArrayLike, language: str) -> list[str]:
        """Return the legend of each class: the published values it spans, so that no bound says more."""
        written = Format(language)
        given = np.round(np.asarray(values, dtype=float), self.decimals)
        classes = self.class_of(given)
        step = 10.0**-self.decimals
        found = []
        for k in range(len(self.colours)):
            inside = given[classes == k]
            low = self._bounds()[k - 1] if k else None
            high = self._bounds()[k] - step if k < len(self.bounds) else None
            if self.open_ends and low is None:
                found.append(f"< {written.number(self.bounds[0], self.decimals)}")
            elif self.open_ends and high is None:
                found.append(f"≥ {written.number(self.bounds[-1], self.decimals)}")
            elif self.open_ends:
                assert low is not None
                assert high is not None
                found.append(_span(low, high, self.decimals, written))
            elif inside.size:
                found.append(_span(float(inside.min()), float(inside.max()), self.decimals, written))
            else:
                found.append(text("class_empty", language))
        return found


def _span(low: float, high: float, decimals: int, written: Format) -> str:
    first, last = written.number(low, decimals), written.number(high, decimals)
    return first if first == last else f"{first} – {last}"


def rate_classes(values: ArrayLike, *, decimals: int = 1, number: int = 5) -> MapClasses:
    """Return classes that hold about the same number of areas; fewer where values are few or equal.

    Parameters
    ----------
    values : array_like
        Published values, an area each.
    decimals : int
        Of the values as published: what is equal in print is in one class.
    number : int
        Classes wanted.

    Returns
    -------
    MapClasses
        Bounds and colours, from the lowest class.

    Examples
    --------
    >>> rate_classes([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]).class_of([1, 2, 3, 9, 10]).tolist()
    [0, 0, 1, 4, 4]
    """
    given = np.round(np.sort(np.asarray(values, dtype=float)), decimals)
    number = max(1, min(number, len(np.unique(given))))
    cuts = [given[int(np.ceil(len(given) * k / number))] for k in range(1, number)]
    bounds = tuple(sorted({float(cut) for cut in cuts if cut > given[0]}))
    shades = np.linspace(0, len(SEQUENTIAL) - 1, len(bounds) + 1).round().astype(int)
    return MapClasses(bounds, tuple(SEQUENTIAL[shade] for shade in shades), decimals)


def ratio_classes() -> MapClasses:
    """Return the fixed classes of a ratio of observed to expected: the same on every map.

    Returns
    -------
    MapClasses
        Five classes around 1, the first and last open.

    Examples
    --------
    >>> ratio_classes().bounds
    (0.8, 0.9, 1.12, 1.26)
    """
    return MapClasses(RATIO_BOUNDS, DIVERGING, 2, open_ends=True)
