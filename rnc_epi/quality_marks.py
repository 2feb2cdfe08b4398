"""Marks of quality on the figures of a registry: what the declared rules say of its site, sex and years."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np

from rnc_epi.extracts.quality import action_for
from rnc_epi.extracts.quality.counts import sites_below
from rnc_epi.vocabulary.areas import POOLED_REGISTRIES
from rnc_epi.vocabulary.estimators import CROSSED, MODELS
from rnc_epi.vocabulary.schemas import NOT_APPLICABLE, NOT_ESTIMABLE, as_result

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from rnc_epi.cells.table import Cells
    from rnc_epi.extracts.quality import QualityReport

#: Why a figure is withheld; internal, the public form says "not estimable".
POOR_DATA: Final = "quality_of_registration"
_AREA: Final = ("geo_level", "geo_code", "geo_vintage")
_JUDGED: Final = (*_AREA, "site", "sex", "period_from", "period_until", "stratum_type")
_ZONE: Final = "registry_zone"
#: In the kind of strata of numbers by stage, alone or within groups.
_STAGE: Final = "stage"


def marked(results: pd.DataFrame, report: QualityReport, *, block: bool) -> pd.DataFrame:
    """Return results whose observed incidence carries the codes of the rules that the data under it break.

    Parameters
    ----------
    results : DataFrame
        In the form of the one result table.
    report : QualityReport
        Of the same extract.
    block : bool
        Whether rules that say so take the figures away: ``not_estimable``.

    Notes
    -----
    A registry zone is judged by its own registry; any other area, and its groups, by every registry that has
    cases of the site there: a département or a region would else show what its registry may not. The zone of
    all registries together carries no mark: a rule speaks of one registry. Figures of models are judged by
    their own grades.
    """
    own = results["event_type"].eq("incidence") & results["geo_code"].ne(POOLED_REGISTRIES)
    own &= ~results["estimator"].isin(MODELS)
    if not own.any() or report.actions.empty:
        return results
    judged = _judge(report)
    grade = results["data_grade"].astype("str").to_numpy(dtype=object).copy()
    blocked = np.zeros(len(results), dtype=bool)
    at_all = np.flatnonzero(own.to_numpy())
    rows = results[own]
    for key, places in rows.groupby(list(_JUDGED), sort=True, observed=True).indices.items():
        stops, codes = judged(*key)
        if not codes:
            continue
        at = at_all[places]
        grade[at] = "+".join(codes)
        blocked[at] = block and stops
    # What was not estimable before stays so for its own reason.
    blocked &= results["status"].ne(NOT_ESTIMABLE).to_numpy(dtype=bool)
    table = results.assign(data_grade=grade)
    for column in ("value", "lower", "upper", "se"):
        table[column] = table[column].where(~blocked)
    table["status"] = np.where(blocked, NOT_ESTIMABLE, table["status"].astype("str"))
    table["reason"] = np.where(blocked, POOR_DATA, table["reason"].astype("str"))
    return as_result(table)


def without_blocked(cells: Cells, report: QualityReport) -> tuple[Cells, pd.DataFrame]:
    """Return cells without the incidence that the rules withhold, and the strata that are gone.

    Parameters
    ----------
    cells : Cells
        Of areas or of groups of areas.
    report : QualityReport
        Of the same extract.

    Returns
    -------
    kept : Cells
    gone : DataFrame
        Strata of the cells that were taken out, and the ``reason``.

    Notes
    -----
    What a figure would lose by `marked`, its cell loses here: estimates that are learned on registries must
    not rest on numbers that may not be shown.
    """
    strata = cells.strata
    if report.actions.empty or not len(cells):
        return cells, strata.iloc[:0]
    kind = strata["stratum_type"] if "stratum_type" in strata.columns else NOT_APPLICABLE
    judged = _judge(report)
    blocked = np.zeros(len(cells), dtype=bool)
    keyed = strata.assign(stratum_type=kind)
    for key, places in keyed.groupby(list(_JUDGED), sort=True, observed=True).indices.items():
        blocked[places] = judged(*key)[0]
    blocked &= strata["event_type"].eq("incidence").to_numpy(dtype=bool)
    blocked &= strata["geo_code"].ne(POOLED_REGISTRIES).to_numpy(dtype=bool)
    return cells.take(~blocked), strata[blocked].assign(reason=POOR_DATA)


def _judge(report: QualityReport) -> Callable[..., tuple[bool, tuple[str, ...]]]:
    """Return what says of an area, site, sex, years and kind of stratum whether to stop, and the codes."""
    accused = set(report.actions["registry"])
    of_area: dict[tuple[str, str, str], list[str]] = {}
    for row in report.places.itertuples(index=False):
        if row.registry in accused:
            of_area.setdefault((row.geo_level, row.geo_code, row.geo_vintage), []).append(row.registry)
    actions = dict(list(report.actions.groupby("registry", sort=True)))

    @cache
    def of_registry(
        registry: str, site: str, sex: int, first: int, until: int, by_stage: bool
    ) -> tuple[str | None, tuple[str, ...]]:
        return action_for(actions[registry], registry, site, sex, first, until, by_stage=by_stage)

    def judged(
        level: str, code: str, vintage: str, site: str, sex: int, first: int, until: int, kind: str
    ) -> tuple[bool, tuple[str, ...]]:
        names = [code] if level == _ZONE else of_area.get((level, code, vintage), [])
        by_stage = any(part.partition(":")[0] == _STAGE for part in kind.split(CROSSED))
        found = [
            of_registry(name, site, int(sex), int(first), int(until), by_stage)
            for name in names
            if name in accused and (level == _ZONE or sites_below(site, report.sites.get(name, frozenset())))
        ]
        codes = sorted({code for _, told in found for code in told})
        return any(action == "block" for action, _ in found), tuple(codes)

    return judged
