"""What to make cells of."""

from __future__ import annotations

from dataclasses import dataclass

from rnc_epi.cells.detail import Detail
from rnc_epi.vocabulary.periods import Period


@dataclass(frozen=True)
class Selection:
    """What to make cells of.

    Parameters
    ----------
    sites : tuple of str
        Slugs; a parent is the sum of its children.
    sexes : tuple of int
        Of 1 (men), 2 (women), 0 (both together).
    event_types : tuple of str
        Of ``"incidence"``, ``"death"``, ``"proxy_A"``, ``"proxy_H"``, ``"proxy_HA"``, ``"proxy_M"``.
    geo_levels : tuple of str
        Empty: all levels that the extract reaches.
    years : tuple of int
        Single years to keep; without `years` and `pooled`, all of them.
    pooled : tuple of Period
        Pooled periods to add. Without them, periods of several years that the extract holds as one are
        kept; with them, only those that are named.
    detail : Detail, optional
        What a publication plan lets out; without one, everything is kept.

    Examples
    --------
    Without `years` and `pooled`, single years and what the extract holds as one period:

    >>> Selection(("lung",)).asks_for(Period(2016, 2021))
    True
    >>> Selection(("lung",), years=(2020,)).asks_for(Period(2019, 2020))
    False
    """

    sites: tuple[str, ...]
    sexes: tuple[int, ...] = (1, 2, 0)
    event_types: tuple[str, ...] = ("incidence", "death")
    geo_levels: tuple[str, ...] = ()
    years: tuple[int, ...] = ()
    pooled: tuple[Period, ...] = ()
    detail: Detail | None = None

    def asks_for(self, period: Period) -> bool:
        """Return whether a period is selected."""
        if period in self.pooled:
            return True
        if period.length == 1:
            return period.period_from in self.years or not (self.years or self.pooled)
        return not self.pooled
