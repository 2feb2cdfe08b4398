"""All attacks on one release."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnc_epi.attack.bounds import too_well_known
from rnc_epi.attack.contents import scan_contents
from rnc_epi.attack.estimates import by_estimates
from rnc_epi.attack.insiders import by_insiders
from rnc_epi.attack.inversion import by_expected, by_interval, by_person_years
from rnc_epi.attack.published import published_cells
from rnc_epi.attack.relations import rebuild
from rnc_epi.attack.report import AttackReport, Finding
from rnc_epi.attack.scan import scan_files, scan_rows
from rnc_epi.attack.shares import by_editions_of_codes, by_shares
from rnc_epi.attack.weights import by_ages, by_standards
from rnc_epi.vocabulary.estimators import MODELS
from rnc_epi.vocabulary.hierarchy import Hierarchy
from rnc_epi.vocabulary.release_files import read_release

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def attack_release(path: str | Path, populations: pd.DataFrame | None = None) -> AttackReport:
    """Attack a release, or the current release of an output folder, from its files alone.

    Parameters
    ----------
    path : path
    populations : DataFrame, optional
        Person-years by age of areas, as the census gives them: ``sex, geo_level, geo_code, geo_vintage,
        period_from, period_until, age_from, age_until, person_years``. With them integer programmes look for
        the ages of the cases of the smallest areas.

    Returns
    -------
    AttackReport

    Raises
    ------
    FileProblem
        ``R015`` or ``R030``, no release can be read there.

    Notes
    -----
    Several releases are attacked together by `rnc_epi.attack.differencing.differencing`. docs/disclosure.md
    says what is not attempted.
    """
    release = read_release(path)
    disclosure = release.metadata["disclosure"]
    findings = [*scan_files(release.path, disclosure), *scan_contents(release.path)]
    return _attacked(
        release.release_id, release.indicators, release.hierarchy, disclosure, findings, populations
    )


def attack_tables(table: pd.DataFrame, hierarchy: Hierarchy, disclosure: dict[str, Any]) -> AttackReport:
    """Attack a public result table as if it were published.

    Parameters
    ----------
    table : DataFrame
        In the form of the one result table.
    hierarchy : Hierarchy
    disclosure : dict
        ``threshold`` and ``source_thresholds``, as the metadata of a release state them.
    """
    findings = list(scan_rows("table", table.to_dict("records"), disclosure))
    return _attacked("table", table, hierarchy, disclosure, findings, None)


def _attacked(
    name: str,
    table: pd.DataFrame,
    hierarchy: Hierarchy,
    disclosure: dict[str, Any],
    findings: list[Finding],
    populations: pd.DataFrame | None,
) -> AttackReport:
    findings += by_estimates(table)
    # Persons are counted in rows that were observed; what estimates add is looked at apart.
    table = table[~table["estimator"].isin(MODELS)].reset_index(drop=True)
    cells = published_cells(table, disclosure)
    findings += by_person_years(table, cells)
    findings += by_expected(table, cells)
    findings += by_interval(table, cells)
    findings += by_editions_of_codes(cells)
    findings += by_standards(table, cells)
    findings += by_shares(table, cells)
    if populations is not None:
        findings += by_ages(table, cells, populations)
    findings += [
        Finding("A11", f"unknown age in {place.words()}", rest, rest)
        for place, rest, limit in cells.unknown_age
        if 0 < rest < limit
    ]
    equations = rebuild(cells, hierarchy)
    bounded = too_well_known(equations)
    findings += [
        Finding(equations.attack[variable], equations.words[variable], low, high)
        for variable, (low, high) in bounded.narrow.items()
    ]
    findings += by_insiders(equations)
    return AttackReport(
        release_id=name,
        findings=tuple(sorted(set(findings))),
        cells=len(cells.places),
        hidden=_missing(cells.known),
        sums=len(equations.rows),
        programmes=bounded.programmes,
        contradictory=bounded.contradictory,
    )


def _missing(known: np.ndarray) -> int:
    return int((known != known).sum())
