"""A plain data frame of groups, ages and counts as strata: its columns checked, its groups put in order."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from rnc_epi.inequality.strata import GroupedStrata
from rnc_epi.maths.requirements import require_counts
from rnc_epi.vocabulary.ages import AgeBand, BandSet
from rnc_epi.vocabulary.deprivation import UNKNOWN_GROUP
from rnc_epi.vocabulary.errors import InputError

#: A label of a group that tells its place: words, a number, words, as in ``Q10`` or ``10e décile``.
_NUMBERED: Final = re.compile(r"(\D*)(\d+)(\D*)")


def require_frame(table: object, what: str = "table") -> pd.DataFrame:
    """Return a data frame (I031)."""
    if not isinstance(table, pd.DataFrame):
        raise InputError("I031", what=what, found=type(table).__name__)
    return table


def require_columns(table: object, names: Sequence[str], what: str = "table") -> None:
    """Refuse what is no data frame (I031) or lacks a column (N002)."""
    held = require_frame(table, what).columns
    missing = [name for name in names if name not in held]
    if missing:
        raise InputError("N002", found=", ".join(missing), expected=", ".join(map(str, held)))


def ordered_labels(groups: pd.Series, order: Sequence[Any] | None) -> list[Any]:
    """Return the groups from the least to the most deprived.

    Without `order`, numbers are in their order, so are labels that differ by a number alone (``Q2`` before
    ``Q10``), and categories that say theirs. No other labels tell an order.

    Raises
    ------
    InputError
        ``I030`` labels that tell no order, ``I033`` an `order` that does not name each group once.
    """
    present = groups.unique().tolist()
    if order is not None:
        stated = list(order)
        lacking = [str(one) for one in present if one not in stated]
        repeated = sorted({str(one) for one in stated if stated.count(one) > 1})
        if lacking or repeated:
            raise InputError("I033", found=", ".join(lacking) or "_", repeated=", ".join(repeated) or "_")
        return stated
    if isinstance(groups.dtype, pd.CategoricalDtype) and groups.cat.ordered:
        return [one for one in groups.cat.categories if one in present]
    if all(isinstance(one, int | float | np.number) and not isinstance(one, bool) for one in present):
        return sorted(present)
    found = [_NUMBERED.fullmatch(one) if isinstance(one, str) else None for one in present]
    parts = {(one.group(1), one.group(3)) for one in found if one is not None}
    numbers = [int(one.group(2)) for one in found if one is not None]
    if len(numbers) < len(present) or len(parts) != 1 or len(set(numbers)) < len(present):
        raise InputError("I030", found=", ".join(sorted(map(str, present))[:8]))
    return [label for _, label in sorted(zip(numbers, present, strict=True), key=lambda pair: pair[0])]


def strata_of_frame(
    table: pd.DataFrame,
    *,
    by: Sequence[str],
    group: str,
    order: Sequence[Any] | None,
    events: str,
    person_years: str,
) -> GroupedStrata:
    """Return a frame as strata by age and group; events without age count in totals alone.

    Raises
    ------
    InputError
        ``N001`` no ages, ``N002`` a column is missing, ``N003`` a band of a group is missing, ``I001`` fewer
        than three groups, ``I030``, ``I033`` groups without an order, ``I031`` no data frame, ``I032`` rows
        without a group, ``M001``, ``M007``, ``M008`` counts that are none.
    """
    require_columns(table, [*by, group, events, person_years])
    aged = _with_ages(table)
    if aged[group].isna().any():
        raise InputError("I032", what=group, found=int(aged[group].isna().sum()))
    kept = aged[~aged[group].astype(str).eq(UNKNOWN_GROUP)]
    labels = ordered_labels(kept[group], order)
    if len(labels) < 3:
        raise InputError("I001", what=group, found=len(labels))
    place = kept[group].map({label: position for position, label in enumerate(labels)}).to_numpy(np.intp)
    if by:
        stratum = kept.groupby(list(by), sort=True, observed=True, dropna=False).ngroup().to_numpy()
        keys = kept.assign(_n=stratum).drop_duplicates("_n").sort_values("_n")[list(by)]
    else:
        stratum, keys = np.zeros(len(kept), dtype=np.intp), pd.DataFrame(index=range(1))
    bands, band = _bands(kept)
    n, known = int(stratum.max(initial=0)) + 1, band >= 0
    shape = (n, len(bands), len(labels))
    seen, counts, years = np.zeros(shape, dtype=bool), np.zeros(shape), np.zeros(shape)
    at = (stratum[known], band[known], place[known])
    seen[at] = True
    hole = ~seen & seen.any(axis=1, keepdims=True)
    if hole.any():
        first = np.argwhere(hole)[0]
        where = f"{group}={labels[int(first[2])]}"
        raise InputError("N003", where=where, found=bands[int(first[1])].label(), n=int(hole.sum()))
    seen_events = require_counts(kept[events].to_numpy(), events)
    np.add.at(counts, at, seen_events[known])
    np.add.at(years, at, require_counts(kept.loc[known, person_years].to_numpy(), person_years))
    unknown = np.zeros((n, len(labels)))
    np.add.at(unknown, (stratum[~known], place[~known]), seen_events[~known])
    none = np.zeros((n, len(bands)))
    return GroupedStrata(
        keys.reset_index(drop=True),
        tuple(str(label) for label in labels),
        bands,
        counts,
        years,
        unknown,
        none,
        none,
        np.zeros(n),
        np.zeros(n, dtype=bool),
        np.ones(n, dtype=bool),
    )


def _bands(aged: pd.DataFrame) -> tuple[BandSet, np.ndarray]:
    """Return the bands of a frame and the position of each row, -1 for unknown age."""
    known = aged["age_from"].notna().to_numpy(dtype=bool)
    pairs = aged.loc[known, ["age_from", "age_until"]].drop_duplicates().sort_values("age_from")
    bands = BandSet(
        AgeBand(int(row.age_from), None if pd.isna(row.age_until) else int(row.age_until))
        for row in pairs.itertuples(index=False)
    )
    band = np.full(len(aged), -1, dtype=np.intp)
    band[known] = np.searchsorted(bands.starts, aged.loc[known, "age_from"].to_numpy(dtype=np.int64))
    return bands, band


def _with_ages(table: pd.DataFrame) -> pd.DataFrame:
    if "age_from" in table.columns:
        until = table["age_until"] if "age_until" in table.columns else pd.Series(pd.NA, index=table.index)
        aged = table.assign(age_from=table["age_from"].astype("Int64"), age_until=until.astype("Int64"))
        if "age_status" in table.columns:
            aged.loc[table["age_status"].eq("unknown"), ["age_from", "age_until"]] = pd.NA
        return aged
    if "age" not in table.columns:
        raise InputError(
            "N001", expected="age_from, age_until; age", found=", ".join(map(str, table.columns))
        )
    labels = table["age"].where(table["age"].notna() & table["age"].ne("unknown"), None)
    bands = {label: AgeBand.parse(str(label)) for label in labels.dropna().unique()}
    return table.assign(
        age_from=pd.array([bands[one].age_from if one in bands else None for one in labels], dtype="Int64"),
        age_until=pd.array([bands[one].age_until if one in bands else None for one in labels], dtype="Int64"),
    )
