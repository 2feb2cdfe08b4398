"""All attacks on one release."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnc_epi.attack.bounds import too_well_known
from rnc_epi.attack.contents import scan_contents
from rnc_epi.attack.estimates import by_estimates
from rnc_epi.attack.insiders import at_unshown_ages, by_insiders
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
        Folder of a release, or the output folder whose ``current`` it is.
    populations : DataFrame, optional
        Person-years by age of areas, as the census gives them: ``sex, geo_level, geo_code, geo_vintage,
        period_from, period_until, age_from, age_until, person_years``. With them integer programmes look for
        the ages of the cases of the smallest areas.

    Returns
    -------
    AttackReport
        What was found, and how much was tried; internal where it found something.

    Raises
    ------
    FileProblem
        ``R015`` or ``R030``, no release can be read there.

    Notes
    -----
    Several releases are attacked together by `rnc_epi.attack.differencing.differencing`. docs/disclosure.md
    says what is not attempted.

    Examples
    --------
    >>> from rnc_epi.vocabulary.errors import FileProblem
    >>> try:
    ...     attack_release("no/such/folder")
    ... except FileProblem as problem:
    ...     problem.code
    'R015'
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
        Which sites and areas are parts of which.
    disclosure : dict
        ``threshold`` and ``source_thresholds`` (persons), as the metadata of a release state them.

    Returns
    -------
    AttackReport
        As for :func:`attack_release`.

    Examples
    --------
    Of 48 persons 45 are men: women are hidden, and 3.

    >>> import pandas as pd
    >>> from rnc_epi.vocabulary.hierarchy import Hierarchy
    >>> from rnc_epi.vocabulary.schemas import as_result
    >>> rows = pd.DataFrame({"event_type": "incidence", "source": "registries", "sex": [0, 1, 2],
    ...     "site": "lung", "geo_level": "region", "geo_code": "84", "geo_vintage": "v", "period_from": 2016,
    ...     "period_until": 2021, "indicator": "count", "measure_unit": "count", "per": 1, "age_from": 0,
    ...     "estimator": "observed", "method": "observed", "value": [48.0, 45.0, None],
    ...     "events": [48.0, 45.0, None], "status": ["published"] * 2 + ["not_published"], "reason": "_"})
    >>> found = attack_tables(as_result(rows), Hierarchy(), {"threshold": 11, "source_thresholds": {}})
    >>> sorted({(one.lower, one.upper) for one in found.findings})
    [(3.0, 3.0)]
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
    findings += at_unshown_ages(equations)
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
