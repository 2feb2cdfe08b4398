"""What two editions tell together that neither tells alone (A4).

Where a cell stands in both, a published change of 1 to 10 is a count of persons: those who were added, or
the one who opposed the use of her data. The same holds for what is hidden when the sum around it is
published, and for a cell that one edition hides and the other shows while the sum around it has hardly moved:
its hidden figure is then known to within a few. Two editions of the same extract are one table published in
two halves, and are attacked as such.

The rule: no published cell, no hidden part of a published sum, and no line of the accounting changes by 1 to
10 between a release and the one before. What fails waits for the edition where it changes by more, or is left
out of the new one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from rnc_epi.attack.published import Place, Published, published_cells
from rnc_epi.attack.relations import Equations, rebuild
from rnc_epi.attack.report import Finding
from rnc_epi.attack.suite import attack_tables
from rnc_epi.vocabulary.errors import DisclosureRefused
from rnc_epi.vocabulary.hierarchy import Hierarchy
from rnc_epi.vocabulary.release_files import ReleaseFiles, read_release

if TYPE_CHECKING:
    import pandas as pd

_SAME: Final = 1e-6
_LEDGER_KEY: Final = ["table_name", "source", "step", "fate", "reason"]


@dataclass(frozen=True)
class Differences:
    """What two editions give away together; internal where it found something.

    Parameters
    ----------
    previous, new : str
        Their names.
    shared : int
        Cells that stand in both.
    findings : tuple of Finding
    """

    previous: str
    new: str
    shared: int
    findings: tuple[Finding, ...]

    @property
    def safe(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def render(self, language: str = "fr") -> str:
        """Return the report in ``"fr"`` or ``"en"``; places are named, counts are not."""
        if language == "fr":
            head = f"{self.previous} puis {self.new} : {self.shared} cases dans les deux éditions."
            verdict = "Rien ne s'en déduit." if self.safe else f"{len(self.findings)} DIFFÉRENCE(S)."
        else:
            head = f"{self.previous}, then {self.new}: {self.shared} cells in both editions."
            verdict = "Nothing follows." if self.safe else f"{len(self.findings)} DIFFERENCE(S)."
        return "\n".join([head, *(f"  A4 {finding.where}" for finding in self.findings[:20]), verdict])


def differencing(previous: str | Path, new: str | Path, *others: str | Path) -> Differences:
    """Attack editions together, from their public files alone.

    Parameters
    ----------
    previous, new : path
        Folders of releases, published or staged, or output folders with a current release.
    *others : path
        Releases that went out before as well: with the new one, those of the same extract are one table
        published in parts.

    Raises
    ------
    FileProblem
        ``R015`` or ``R030``, no release can be read there.
    """
    after = read_release(new)
    earlier = [read_release(path) for path in (previous, *others)]
    found: set[Finding] = set()
    shared = 0
    for before in earlier:
        rules = _strictest(before.metadata["disclosure"], after.metadata["disclosure"])
        cells, findings = differencing_tables(before.indicators, after.indicators, after.hierarchy, rules)
        shared += cells
        found |= set(findings) | set(_accounting(before, after, rules))
    alike = [one for one in earlier if one.manifest.get("extract_hash") == after.manifest.get("extract_hash")]
    if alike:
        found |= _as_one([after, *alike])
    names = ", ".join(before.release_id for before in earlier)
    return Differences(names, after.release_id, shared, tuple(sorted(found)))


def require_no_differencing(previous: str | Path, new: str | Path, *others: str | Path) -> None:
    """Refuse a new edition that gives something away together with earlier ones.

    Raises
    ------
    DisclosureRefused
        B030, with the number of places and the first of them.
    """
    found = differencing(previous, new, *others)
    if not found.safe:
        raise DisclosureRefused(
            "B030", rows=len(found.findings), where=found.findings[0].where, found=found.previous
        )


def differencing_tables(
    previous: pd.DataFrame, new: pd.DataFrame, hierarchy: Hierarchy, disclosure: dict[str, Any]
) -> tuple[int, tuple[Finding, ...]]:
    """Return how many cells two result tables share, and what their differences give away.

    Parameters
    ----------
    previous, new : DataFrame
        In the form of the one result table.
    hierarchy : Hierarchy
        The additive relations of the new one.
    disclosure : dict
        ``threshold`` and ``source_thresholds``.
    """
    before, after = published_cells(previous, disclosure), published_cells(new, disclosure)
    at = {place: cell for cell, place in enumerate(before.places)}
    earlier = np.array([at.get(place, -1) for place in after.places], dtype=int)
    shared = earlier >= 0
    known_before = (
        np.where(shared, before.known[earlier], np.nan) if len(before.places) else after.known * np.nan
    )
    limit = (
        np.where(shared, np.maximum(after.threshold, before.threshold[earlier]), 0.0)
        if len(before.places)
        else np.zeros(len(after.places))
    )
    change = after.known - known_before
    findings = [
        _finding(after.places[cell], "changes", change[cell])
        for cell in np.flatnonzero(_telling(change, limit))
    ]
    equations = rebuild(after, hierarchy)
    findings += _hidden_parts(equations, after, change, shared, limit)
    findings += _shown_once(equations, after, known_before, shared, change, limit)
    return int(shared.sum()), tuple(sorted(set(findings)))


def _telling(change: np.ndarray, limit: np.ndarray) -> np.ndarray:
    """Return whether changes are small enough to be persons, and not none."""
    with np.errstate(invalid="ignore"):
        telling: np.ndarray = (np.abs(change) > _SAME) & (np.abs(change) < limit - _SAME)
    return telling


def _finding(place: Place, how: str, change: float) -> Finding:
    return Finding("A4", f"{how}: {place.words()}", float(change), float(change))


def _hidden_parts(
    equations: Equations, cells: Published, change: np.ndarray, shared: np.ndarray, limit: np.ndarray
) -> list[Finding]:
    """Return the sums of what nobody published that change by a few, by what is published around them."""
    found = []
    count = len(cells.places)
    for row in equations.rows:
        inside = [cell for cell in row if cell < count]
        known = [cell for cell in inside if change[cell] == change[cell]]
        # Hidden cells, and what a sum holds beside its parts: a rest, an unknown age, a piece of time.
        hidden = [variable for variable in row if variable not in known]
        if not hidden or not all(shared[cell] for cell in inside):
            continue
        rest = -sum(row[cell] * change[cell] for cell in known)
        one_side = len({row[variable] for variable in hidden}) == 1
        if one_side and _SAME < abs(rest) < max(limit[cell] for cell in inside) - _SAME:
            where = f"{len(hidden)} hidden change together: {equations.words[hidden[0]]}"
            found.append(Finding("A4", where, float(rest), float(rest)))
    return found


def _shown_once(
    equations: Equations,
    cells: Published,
    known_before: np.ndarray,
    shared: np.ndarray,
    change: np.ndarray,
    limit: np.ndarray,
) -> list[Finding]:
    """Return the cells shown by one edition alone, inside a sum that has hardly changed."""
    once = shared & (limit > 0) & (np.isnan(known_before) != np.isnan(cells.known))
    # A sum holds its parts, each of them no more than it: what changed in the parts changed in the sum.
    steady: dict[int, float] = {}
    count = len(cells.places)
    for row in equations.rows:
        wholes = [cell for cell in row if row[cell] > 0 and cell < count]
        for whole in wholes:
            if change[whole] == change[whole] and abs(change[whole]) < limit[whole]:
                for part in row:
                    if part < count and row[part] < 0 and once[part]:
                        steady[part] = float(change[whole])
    return [
        _finding(cells.places[part], "shown by one edition alone", steady[part]) for part in sorted(steady)
    ]


def _as_one(editions: list[ReleaseFiles]) -> set[Finding]:
    """Return what editions of one extract give away as one table and none of them alone."""
    import pandas as pd

    rules, tree = editions[0].metadata["disclosure"], editions[0].hierarchy
    for edition in editions[1:]:
        rules = _strictest(rules, edition.metadata["disclosure"])
        tree = _together(tree, edition.hierarchy)
    whole = pd.concat([edition.indicators for edition in editions], ignore_index=True)
    together = attack_tables(whole, tree, rules).findings
    # What one gives away alone is not a matter of two; it is looked for only where there is something.
    alone = (
        {
            finding.where
            for edition in editions
            for finding in attack_tables(edition.indicators, tree, rules).findings
        }
        if together
        else set()
    )
    return {
        Finding("A4", f"{finding.attack} in both editions: {finding.where}", finding.lower, finding.upper)
        for finding in together
        if finding.where not in alone
    }


def _together(one: Hierarchy, other: Hierarchy) -> Hierarchy:
    """Return the relations of two releases: what one leaves out, the other may state."""
    return Hierarchy(
        tuple(dict.fromkeys((*one.sites, *other.sites))),
        tuple(dict.fromkeys((*one.areas, *other.areas))),
        tuple(dict.fromkeys((*one.groups, *other.groups))),
    )


def _accounting(before: ReleaseFiles, after: ReleaseFiles, disclosure: dict[str, Any]) -> list[Finding]:
    earlier = {tuple(line[:-1]): line[-1] for line in _ledger(before)}
    found = []
    for *key, stated in _ledger(after):
        limit = disclosure["source_thresholds"].get(key[1], disclosure["threshold"])
        old = earlier.get(tuple(key), "")
        if stated.isdigit() and old.isdigit() and 0 < abs(int(stated) - int(old)) < limit:
            change = float(int(stated) - int(old))
            found.append(Finding("A4", f"accounting of {' '.join(key)}", change, change))
    return found


def _ledger(release: ReleaseFiles) -> list[list[str]]:
    table = release.accounting
    return [
        [*key, name, value]
        for name in ("rows", "events")
        for *key, value in table[[*_LEDGER_KEY, name]].itertuples(index=False, name=None)
    ]


def _strictest(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    sources = {*before["source_thresholds"], *after["source_thresholds"]}
    return {
        "threshold": max(before["threshold"], after["threshold"]),
        "source_thresholds": {
            source: max(
                rules["source_thresholds"].get(source, rules["threshold"]) for rules in (before, after)
            )
            for source in sorted(sources)
        },
    }
