"""Marks of quality on the figures of a registry: what the declared rules say of its site, sex and years."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from rnc_epi.extracts.quality import action_for
from rnc_epi.vocabulary.areas import POOLED_REGISTRIES
from rnc_epi.vocabulary.schemas import NOT_ESTIMABLE, as_result

if TYPE_CHECKING:
    from rnc_epi.extracts.quality import QualityReport

#: Why a figure is withheld; internal, the public form says "not estimable".
POOR_DATA: Final = "quality_of_registration"
_JUDGED: Final = ("geo_code", "site", "sex", "period_from", "period_until", "stratum_type")


def marked(results: pd.DataFrame, report: QualityReport, *, block: bool) -> pd.DataFrame:
    """Return results whose rows of registry zones carry the codes of the rules that their data break.

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
    The zone of all registries together carries no mark: a rule speaks of one registry.
    """
    own = results["geo_level"].eq("registry_zone") & results["event_type"].eq("incidence")
    own &= results["geo_code"].ne(POOLED_REGISTRIES)
    if not own.any() or report.actions.empty:
        return results
    grade = results["data_grade"].astype("str").to_numpy(dtype=object).copy()
    blocked = np.zeros(len(results), dtype=bool)
    rows = results[own]
    for (registry, site, sex, first, until, kind), places in rows.groupby(
        list(_JUDGED), sort=True, observed=True
    ).indices.items():
        action, codes = action_for(
            report.actions, registry, site, int(sex), int(first), int(until), by_stage=kind == "stage"
        )
        if action is None:
            continue
        at = np.flatnonzero(own.to_numpy())[places]
        grade[at] = "+".join(codes)
        blocked[at] = block and action == "block"
    table = results.assign(data_grade=grade)
    for column in ("value", "lower", "upper", "se"):
        table[column] = table[column].where(~blocked)
    table["status"] = np.where(blocked, NOT_ESTIMABLE, table["status"].astype("str"))
    table["reason"] = np.where(blocked, POOR_DATA, table["reason"].astype("str"))
    return as_result(table)
