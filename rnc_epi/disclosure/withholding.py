"""What would be mostly hidden is not published at all.

A block of a table (one site and event at one level of geography, for single years or a pooled period, by
age or not) in which small counts abound would be riddled with holes, and each hole takes others with it. Such
a block is left out as a whole, as if the plan had not allowed its detail: nothing in it is there to subtract.
National totals over all ages, and regional ones over the longest period, are never left out.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final

import numpy as np

from rnc_epi.disclosure.counts import ALL_AGES, Counts
from rnc_epi.vocabulary.areas import NATIONAL_LEVELS, POOLED_REGISTRIES
from rnc_epi.vocabulary.schemas import NOT_APPLICABLE

#: Share of small counts among counts that are not zero, above which a block is left out.
MOSTLY_HIDDEN: Final = 1 / 3


def totals_of(counts: Counts) -> np.ndarray:
    """Return, as an array of bool, the totals that a reader must find.

    They are over all ages: national ones, and regional ones over the longest period of their site. The
    registries taken together stand for the nation where registries see a part of it.
    """
    longest: dict[tuple[str, str], int] = defaultdict(int)
    for key in counts.keys:
        about = (key.event_type, key.site)
        longest[about] = max(longest[about], key.period[1] - key.period[0])
    return np.array(
        [
            key.ages == ALL_AGES
            and key.stratum[0] == NOT_APPLICABLE
            and (
                key.area[0] in NATIONAL_LEVELS
                or key.area[:2] == ("registry_zone", POOLED_REGISTRIES)
                or (
                    key.area[0] == "region"
                    and key.period[1] - key.period[0] == longest[key.event_type, key.site]
                )
            )
            for key in counts.keys
        ],
        dtype=bool,
    )


def withheld_cells(counts: Counts, small: np.ndarray, totals: np.ndarray) -> np.ndarray:
    """Return the cells of the blocks that are left out, as an array of bool.

    Parameters
    ----------
    counts : Counts
    small : array of bool, shape (cells,)
        Counts that must be hidden for themselves.
    totals : array of bool, shape (cells,)
        What is never left out.
    """
    blocks: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for cell, key in enumerate(counts.keys):
        if counts.threshold[cell] and not totals[cell]:
            years = key.period[1] - key.period[0]
            by_age = key.ages != ALL_AGES
            block = (key.event_type, key.persons, key.site, key.area[0], key.stratum[0], years, by_age)
            blocks[block].append(cell)
    withheld = np.zeros(len(counts.keys), dtype=bool)
    for cells in blocks.values():
        if small[cells].sum() > MOSTLY_HIDDEN * (counts.events[cells] > 0).sum():
            withheld[cells] = True
    return withheld
