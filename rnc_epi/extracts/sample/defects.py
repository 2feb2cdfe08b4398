"""Defects on demand: known errors planted in the tables of a sample, and the list of who carries which."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import numpy as np
import pandas as pd

from rnc_epi.extracts.sample.defect_kinds import DEFECTS, DEFECTS_OF_SHORT_TABLES, Defect
from rnc_epi.vocabulary.contract import TABLES
from rnc_epi.vocabulary.draws import seed_of
from rnc_epi.vocabulary.errors import InputError

Frames: TypeAlias = pd.DataFrame | Iterable[pd.DataFrame]
COLUMNS: Final = ("table", "key", "code", "fate", "column", "rows")


@dataclass
class Defects:
    """Plants defects in a share of the rows and remembers them.

    Parameters
    ----------
    rate : float
        Share of the rows of each table, between 0 and 1.
    seed : int
    refusals : bool
        Whether there are also defects for which the contract refuses an extract.

    Raises
    ------
    InputError
        M004, the rate is no share.
    """

    rate: float
    seed: int
    refusals: bool = False
    planted: list[pd.DataFrame] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not 0 <= self.rate <= 1:
            raise InputError("M004", what="defects", expected="[0, 1]", found=self.rate)

    def spoil_all(self, tables: Mapping[str, Frames]) -> dict[str, Frames]:
        """Return the tables with their defects; those in parts are spoilt when they are read."""
        found: dict[str, Frames] = dict(tables)
        if self.rate == 0:
            return found
        if self.refusals and "tumours" in found and isinstance(coverage := found["coverage"], pd.DataFrame):
            found["tumours"] = self._without_a_year(found["tumours"], coverage)
        for name in DEFECTS:
            if name in found:
                found[name] = self.spoil(name, found[name])
        for name in DEFECTS_OF_SHORT_TABLES:
            if self.refusals and name in found:
                frame = found[name]
                whole = frame if isinstance(frame, pd.DataFrame) else pd.concat(list(frame))
                found[name] = self._spoil_short(name, whole.reset_index(drop=True))
        return found

    def spoil(self, table: str, frames: Frames) -> Iterator[pd.DataFrame]:
        """Yield the parts of a table with their defects; the same whatever the parts."""
        kinds = [kind for kind in DEFECTS[table] if self.refusals or kind.fate != "refuse"]
        rng = np.random.default_rng(seed_of(f"defects|{table}", self.seed))
        for frame in [frames] if isinstance(frames, pd.DataFrame) else frames:
            chance, choice = rng.random((len(frame), 2)).T
            if not kinds:
                yield frame
                continue
            possible = np.stack(
                [
                    np.ones(len(frame), dtype=bool)
                    if kind.where is None
                    else kind.where(frame).to_numpy(dtype=bool)
                    for kind in kinds
                ],
                axis=1,
            )
            # One of the kinds that a row can have, each as likely.
            nth = (choice * possible.sum(axis=1)).astype(np.int64)
            taken = np.argmax(np.cumsum(possible, axis=1) == (nth + 1)[:, None], axis=1)
            chosen = (chance < self.rate) & possible.any(axis=1)
            yield self._spoilt(table, frame, kinds, np.where(chosen, taken, -1))

    def truth(self) -> pd.DataFrame:
        """Return what was planted, by table and key: ``table, key, code, fate, column, rows``.

        The key is that of the row before it was spoilt, its parts joined by ``|``; `rows` is what the
        contract counts for the defect.
        """
        if not self.planted:
            return pd.DataFrame({name: pd.Series(dtype="object") for name in COLUMNS})
        whole = pd.concat(self.planted, ignore_index=True)
        return whole.sort_values(["table", "key", "code"], ignore_index=True)

    def _spoil_short(self, table: str, frame: pd.DataFrame) -> pd.DataFrame:
        kinds = DEFECTS_OF_SHORT_TABLES[table]
        each = max(1, round(self.rate * len(frame) / len(kinds)))
        order = np.random.default_rng(seed_of(f"defects|{table}", self.seed)).permutation(len(frame))
        taken = np.full(len(frame), -1)
        for number in range(len(kinds)):
            taken[order[number * each : (number + 1) * each]] = number
        return self._spoilt(table, frame, list(kinds), taken)

    def _spoilt(
        self, table: str, frame: pd.DataFrame, kinds: list[Defect], taken: np.ndarray
    ) -> pd.DataFrame:
        """Return a part of a table with the kind of defect that each row takes, -1 for none."""
        changed, added = frame.copy(), []
        kept = np.ones(len(frame), dtype=bool)
        for number, kind in enumerate(kinds):
            rows = taken == number
            if not rows.any():
                continue
            self._note(table, kind, frame[rows])
            if kind.action == "drop":
                kept &= ~rows
            elif kind.action == "add":
                added.append(_with_changes(frame[rows], frame[rows], np.ones(rows.sum(), dtype=bool), kind))
            else:
                changed = _with_changes(changed, frame, rows, kind)
        changed = changed[kept]
        return pd.concat([changed, *added], ignore_index=True) if added else changed

    def _without_a_year(self, frames: Frames, coverage: pd.DataFrame) -> Iterator[pd.DataFrame]:
        """Yield the tumours without one year of one registry, as if it had not been loaded (D084)."""
        # A registry may hand over cells instead of rows.
        of_rows = frames["registry"] if isinstance(frames, pd.DataFrame) else coverage["registry"]
        registry = str(of_rows.min())
        mine = coverage[coverage["registry"] == registry]
        year = int(mine["period_from"].min() + mine["period_until"].max()) // 2
        self._note_one("tumours", f"{registry}|{year}", Defect("D084", "refuse", action="drop", rows=0))
        for frame in [frames] if isinstance(frames, pd.DataFrame) else frames:
            yield frame[~(frame["registry"].eq(registry) & frame["year"].eq(year)).to_numpy(dtype=bool)]

    def _note(self, table: str, kind: Defect, rows: pd.DataFrame) -> None:
        names = [name for name in TABLES[table].key if name in rows.columns]
        key = rows[names[0]].astype(str)
        for name in names[1:]:
            key = key + "|" + rows[name].astype(object).where(rows[name].notna(), "").astype(str)
        self.planted.append(_lines(table, key.to_numpy(dtype=object), kind))

    def _note_one(self, table: str, key: str, kind: Defect) -> None:
        self.planted.append(_lines(table, np.array([key], dtype=object), kind))


def _lines(table: str, keys: np.ndarray, kind: Defect) -> pd.DataFrame:
    values = (table, keys, kind.code, kind.fate, kind.column, kind.rows)
    return pd.DataFrame(dict(zip(COLUMNS, values, strict=True)))


def _with_changes(target: pd.DataFrame, origin: pd.DataFrame, rows: np.ndarray, kind: Defect) -> pd.DataFrame:
    """Return a table with the values that a kind of defect writes in some rows."""
    values = {name: value(origin) if callable(value) else value for name, value in kind.changes.items()}
    return target.assign(**{name: _with_value(target[name], rows, value) for name, value in values.items()})


def _with_value(column: pd.Series, rows: np.ndarray, value: Any) -> pd.Series:
    """Return a column with a value, or one for each row, in some rows; its type makes room for it."""
    if isinstance(value, pd.Series):
        if isinstance(column.dtype, pd.CategoricalDtype):
            column = column.astype(object)
    elif isinstance(column.dtype, pd.CategoricalDtype) and value is not None:
        column = column.cat.add_categories([value]) if value not in column.cat.categories else column
    if pd.api.types.is_integer_dtype(column.dtype):
        column = column.astype("Int64")
    return column.where(~rows, value)
