"""The international rules for multiple primary cancers, applied to each person over time.

Of tumours that are one cancer the first by date is counted; the others are set aside as
``not_a_new_primary``. Only invasive tumours are compared. Where only an unknown primary site stands between
two tumours the rules do not decide: both are counted, and told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from rnc_epi.extracts.classification.codes import TUMOURS, keep_meanings
from rnc_epi.extracts.classification.narrowing import leave_out
from rnc_epi.extracts.contract_checks.tables import usable
from rnc_epi.vocabulary.classification.primaries import (
    NO_GROUP,
    Verdict,
    morphology_groups,
    morphology_verdicts,
    unknown_topography,
)
from rnc_epi.vocabulary.errors import ExtractRefused
from rnc_epi.vocabulary.schemas import NOT_APPLICABLE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rnc_epi.extracts.opening import Extract
    from rnc_epi.store import Store

REASON: Final = "not_a_new_primary"
STEP: Final = "multiple_primaries"
_INVASIVE: Final = 3
_LAST_MONTH: Final = 13
_CODES: Final = {Verdict.DIFFERENT: 0, Verdict.SAME: 1, Verdict.UNDECIDED: 2}


@dataclass(frozen=True)
class PrimariesApplied:
    """What the rules did: rows compared, set aside, and left undecided, by source."""

    table: pd.DataFrame

    @property
    def excluded(self) -> int:
        """Tumours that are no new primary."""
        return int(self.table["excluded"].sum())

    @property
    def undecided(self) -> int:
        """Tumours that are counted although the rules do not decide."""
        return int(self.table["undecided"].sum())


def new_primaries(tumours: pd.DataFrame) -> pd.DataFrame:
    """Tell which tumours of each person are new primary cancers.

    Parameters
    ----------
    tumours : DataFrame
        ``person_key, tumour_key, year, month, topography_group, morphology_group`` of invasive tumours; the
        groups as in `rnc_epi.vocabulary.classification.primaries`. A null month comes last in its year; a
        null key of person is a person of its own.

    Returns
    -------
    DataFrame
        ``tumour_key``, ``new_primary`` (bool), ``same_as`` (key of the tumour that it repeats, or null),
        ``undecided`` (bool), in the order given.

    References
    ----------
    .. [1] IARC, IACR, ENCR. International rules for multiple primary cancers (ICD-O third edition). 2004.

    Examples
    --------
    A person has an adenocarcinoma of the colon in 2015 and again in 2018, then one of the lung:

    >>> table = pd.DataFrame({"person_key": 1, "tumour_key": [1, 2, 3], "year": [2015, 2018, 2019]})
    >>> table = table.assign(month=1, topography_group=[18, 18, 33], morphology_group=3)
    >>> new_primaries(table)["new_primary"].tolist()
    [True, False, True]
    """
    table = tumours.reset_index(drop=True)
    month = pd.to_numeric(table["month"], errors="coerce").fillna(_LAST_MONTH)
    order = np.lexsort((table["tumour_key"].to_numpy(), month.to_numpy(), table["year"].to_numpy()))
    sorted_rows = table.iloc[order].assign(row=order)
    known = sorted_rows[sorted_rows["person_key"].notna()]
    known = known.assign(rank=known.groupby("person_key", sort=False).cumcount())
    new = np.ones(len(table), dtype=bool)
    undecided = np.zeros(len(table), dtype=bool)
    same_as = np.full(len(table), -1, dtype=np.int64)
    several = known[known.groupby("person_key", sort=False)["rank"].transform("max") > 0]
    columns = ["person_key", "row", "rank", "topography_group", "morphology_group"]
    pairs = several[columns].merge(several[columns], on="person_key", suffixes=("", "_later"))
    pairs = pairs[pairs["rank"] < pairs["rank_later"]]
    decision = _verdicts(pairs)
    earlier, later = pairs["row"].to_numpy(), pairs["row_later"].to_numpy()
    rank, rank_later = pairs["rank"].to_numpy(), pairs["rank_later"].to_numpy()
    for place in np.unique(rank_later):
        at = np.flatnonzero((rank_later == place) & new[earlier])
        at = at[np.argsort(rank[at], kind="stable")]
        repeats = at[decision[at] == _CODES[Verdict.SAME]]
        # The first of the tumours that it repeats: the pairs come in the order of time.
        rows, first = np.unique(later[repeats], return_index=True)
        new[rows] = False
        same_as[rows] = earlier[repeats[first]]
        undecided[later[at[decision[at] == _CODES[Verdict.UNDECIDED]]]] = True
    undecided &= new
    keys = table["tumour_key"].astype("Int64")
    repeated = keys.take(np.maximum(same_as, 0)).reset_index(drop=True).where(same_as >= 0)
    return pd.DataFrame({"tumour_key": keys, "new_primary": new, "same_as": repeated, "undecided": undecided})


def has_person_keys(store: Store) -> bool:
    """Tell whether some usable tumour has the key of a person."""
    return bool(store.rows(f"SELECT 1 FROM {usable('tumours')} WHERE person_key IS NOT NULL LIMIT 1"))


def judged_primaries(store: Store) -> pd.DataFrame:
    """Return what `new_primaries` says of the persons who have several invasive tumours in an extract."""
    keep_meanings(store)
    tumours = store.read(
        f"""
        SELECT t.source, t.person_key, t.tumour_key, t.year, t.month, m.topography_group, m.morphology_group
        FROM {usable("tumours")} AS t JOIN {TUMOURS} AS m USING (topography, morphology, behaviour)
        WHERE t.behaviour = {_INVASIVE} AND t.person_key IN (
            SELECT person_key FROM {usable("tumours")} WHERE behaviour = {_INVASIVE}
            GROUP BY person_key HAVING count(*) > 1)
        """,
        order_by=["person_key", "tumour_key"],
    )
    return new_primaries(tumours).assign(source=tumours["source"])


def apply_multiple_primaries(extract: Extract) -> PrimariesApplied:
    """Leave only new primary cancers among the usable tumours of an extract; account for the others.

    To be called once, after the extract is open and before cells are made.

    Raises
    ------
    ExtractRefused
        O091, no row has a key of person; D130, rows were lost, a fault of the package.
    """
    store = extract.store
    if not has_person_keys(store):
        raise ExtractRefused("O091", table="tumours")
    judged = judged_primaries(store)
    rows_in = dict(store.rows(f"SELECT source, count(*) FROM {usable('tumours')} GROUP BY source"))
    store.keep("no_new_primaries", judged.loc[~judged["new_primary"], ["tumour_key"]])
    leave_out(store, "tumours", "tumour_key", "no_new_primaries", STEP)
    left = dict(store.rows(f"SELECT source, count(*) FROM {usable('tumours')} GROUP BY source"))
    lines = []
    for source, before in sorted(rows_in.items()):
        mine = judged[judged["source"] == source]
        gone, used = int((~mine["new_primary"]).sum()), left.get(source, 0)
        extract.accounting.record("tumours", source, STEP, "used", NOT_APPLICABLE, rows=used, events=used)
        if gone:
            extract.accounting.record("tumours", source, STEP, "excluded", REASON, rows=gone, events=gone)
        extract.accounting.require_conserved("tumours", source, STEP, rows_in=before, events_in=before)
        lines.append((source, before, len(mine), gone, int(mine["undecided"].sum())))
    columns = ["source", "rows", "compared", "excluded", "undecided"]
    return PrimariesApplied(pd.DataFrame(lines, columns=columns))


def _verdicts(pairs: pd.DataFrame) -> NDArray[np.int64]:
    """Return the verdict of each pair, as `verdict` of the vocabulary gives it, for all pairs at once."""
    size = max(group.number for group in morphology_groups()) + 1
    by_morphology = np.zeros((size, size), dtype=np.int64)
    for (one, other), decided in morphology_verdicts().items():
        by_morphology[one, other] = _CODES[decided]
    first, second = pairs["morphology_group"].to_numpy(), pairs["morphology_group_later"].to_numpy()
    here, there = pairs["topography_group"].to_numpy(), pairs["topography_group_later"].to_numpy()
    lacking = (first == NO_GROUP) | (second == NO_GROUP) | (here < 0) | (there < 0)
    unknown = (here == unknown_topography()) | (there == unknown_topography())
    by_site = np.select(
        [lacking, here == there, unknown],
        [_CODES[Verdict.UNDECIDED], _CODES[Verdict.SAME], _CODES[Verdict.UNDECIDED]],
        _CODES[Verdict.DIFFERENT],
    )
    found = by_morphology[first, second]
    return np.where(found == _CODES[Verdict.UNDECIDED], by_site, found)
