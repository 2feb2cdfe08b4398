"""S4: a person who is the only case of a hidden cell knows its count; which other small count does she learn?

Where what is published leaves two hidden cells free in one direction only, the one gives the other. Together
they must be more than the one case and a whole small count.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

import numpy as np
from scipy.sparse import linalg

from rnc_epi.attack.bounds import Group, groups_of
from rnc_epi.attack.relations import Equations
from rnc_epi.attack.report import Finding

#: Directions drawn: cells that move alike in all of them move alike in every table.
_DRAWN: Final = 3
_SEED: Final = 4
_STILL: Final = 1e-6
_DIGITS: Final = 4
_WHOLE: Final = 1e-3


def by_insiders(equations: Equations) -> Iterator[Finding]:
    """Yield the small counts that the only case of another cell would learn."""
    threshold = np.array(equations.threshold)
    is_cell = np.array([attack == "A2" for attack in equations.attack])
    for group in groups_of(equations):
        persons = is_cell[group.variables] & (threshold[group.variables] > 0)
        if persons.sum() < 2:
            continue
        for one, other, count in _told(group, persons):
            if _WHOLE < count < threshold[group.variables[other]] - _WHOLE:
                where = equations.words[group.variables[other]]
                alone = equations.words[group.variables[one]]
                yield Finding("S4", f"{where}, to the only case of {alone}", count, count)


def at_unshown_ages(equations: Equations) -> Iterator[Finding]:
    """Yield the few persons who are at ages that nobody shows, or of unknown age: together they are known."""
    for row in equations.rows:
        hidden = [variable for variable in row if np.isnan(equations.known[variable])]
        if len(hidden) < 2 or not any("unknown age in" in equations.words[variable] for variable in hidden):
            continue
        rest = sum(
            sign * equations.known[variable] for variable, sign in row.items() if variable not in hidden
        )
        limit = max(equations.threshold[variable] for variable in hidden)
        if all(equations.attack[variable] != "A2" for variable in hidden) and 0 < rest < limit:
            yield Finding("A5", equations.words[hidden[0]], rest, rest)


def _told(group: Group, persons: np.ndarray) -> Iterator[tuple[int, int, float]]:
    """Yield pairs of cells, the one alone in hers and the other found then, with the count found."""
    matrix = group.matrix.tocsr()
    rng = np.random.default_rng(_SEED)
    start = linalg.lsqr(matrix, group.total, atol=1e-13, btol=1e-13)[0]
    moves = np.empty((_DRAWN, len(group.variables)))
    for number in range(_DRAWN):
        drawn = rng.standard_normal(len(group.variables))
        # What is left of a change when all that changes a sum is taken out of it.
        moves[number] = drawn - linalg.lsqr(matrix, matrix @ drawn, atol=1e-13, btol=1e-13)[0]
    alike: dict[tuple[float, ...], list[int]] = defaultdict(list)
    for cell in np.flatnonzero(persons & (np.abs(moves[0]) > _STILL)).tolist():
        alike[tuple(np.round(moves[1:, cell] / moves[0, cell], _DIGITS))].append(cell)
    for cells in alike.values():
        for one in cells:
            step = (1.0 - start[one]) / moves[0, one]
            found = {other: start[other] + step * moves[0, other] for other in cells if other != one}
            # Someone alone is possible only where no other count falls below none.
            if found and min(found.values()) > -_WHOLE:
                for other, count in found.items():
                    # Cells that rise together hold the same persons; who falls is somebody else.
                    if moves[0, other] * moves[0, one] < 0 and abs(count - round(count)) < _WHOLE:
                        yield one, other, float(round(count))
