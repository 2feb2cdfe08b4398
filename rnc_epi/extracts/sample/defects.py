"""Defects on demand: known errors planted in rows of persons, and the list of who carries which.

Each spoils one column of a row in the way that the catalogue of the contract names, and nothing else, so that
the checks must find exactly the listed rows, with the listed fate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pandas as pd

from rnc_epi.vocabulary.draws import seed_of
from rnc_epi.vocabulary.errors import InputError


@dataclass(frozen=True)
class Defect:
    """One way to spoil a row.

    Parameters
    ----------
    code : str
        Number of the catalogue.
    fate : {"quarantine", "warn"}
        What the contract does with the row.
    column : str
        The column that is spoilt.
    value : object
        What is written there.
    where : callable, optional
        Rows that can have the defect; all of them by default.
    """

    code: str
    fate: str
    column: str
    value: Any
    where: Callable[[pd.DataFrame], pd.Series] | None = None


def _invasive(rows: pd.DataFrame) -> pd.Series:
    return rows["behaviour"].eq(3)


DEFECTS: Final[dict[str, tuple[Defect, ...]]] = {
    "tumours": (
        Defect("D031", "quarantine", "month", 13),
        Defect("D037", "quarantine", "age_years", 150),
        Defect("D038", "warn", "age_years", 999),
        Defect("D039", "quarantine", "year", 1999),
        Defect("D040", "quarantine", "follow_up_days", -30, lambda rows: rows["vital_status"].eq(0)),
        Defect("D041", "quarantine", "follow_up_days", -30, lambda rows: rows["vital_status"].eq(1)),
        Defect("D048", "quarantine", "sex", 9),
        Defect("D049", "quarantine", "topography", "C61.9", lambda rows: rows["sex"].eq(2)),
        Defect("D049", "quarantine", "topography", "C56.9", lambda rows: rows["sex"].eq(1)),
        Defect("D051", "quarantine", "topography", "C29.9"),
        Defect("D052", "quarantine", "morphology", "7999"),
        Defect("D054", "quarantine", "behaviour", 5, _invasive),
        Defect("D061", "quarantine", "basis_of_diagnosis", 0, lambda rows: rows["follow_up_days"].gt(0)),
        Defect("D065", "quarantine", "geo_code", "X00-000"),
        Defect("D107", "quarantine", "morphology", None),
        Defect("D139", "warn", "vital_status", 7),
    ),
    "snds_cases": (
        Defect("D037", "quarantine", "age_years", 150),
        Defect("D038", "warn", "age_years", 999),
        Defect("D048", "quarantine", "sex", 9),
        Defect("D049", "quarantine", "site", "prostate", lambda rows: rows["sex"].eq(2)),
        Defect("D065", "quarantine", "geo_code", "X00-000"),
    ),
}
KEYS: Final = {"tumours": "tumour_key", "snds_cases": "case_key"}


@dataclass
class Defects:
    """Plants defects in a share of the rows and remembers them.

    Parameters
    ----------
    rate : float
        Share of the rows of each table, between 0 and 1.
    seed : int

    Raises
    ------
    InputError
        M004, the rate is no share.
    """

    rate: float
    seed: int
    planted: list[pd.DataFrame] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not 0 <= self.rate <= 1:
            raise InputError("M004", what="defects", expected="[0, 1]", found=self.rate)

    def spoil(self, table: str, frames: pd.DataFrame | Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        """Yield the parts of a table with their defects; the same whatever the parts."""
        rng = np.random.default_rng(seed_of(f"defects|{table}", self.seed))
        for frame in [frames] if isinstance(frames, pd.DataFrame) else frames:
            chance, choice = rng.random((len(frame), 2)).T
            yield self._spoilt(table, frame, chance < self.rate, choice)

    def _spoilt(
        self, table: str, frame: pd.DataFrame, chosen: np.ndarray, choice: np.ndarray
    ) -> pd.DataFrame:
        kinds = DEFECTS[table]
        everywhere = np.ones(len(frame), dtype=bool)
        possible = np.stack(
            [everywhere if kind.where is None else kind.where(frame).to_numpy(dtype=bool) for kind in kinds],
            axis=1,
        )
        # One of the kinds that a row can have, each as likely.
        nth = (choice * possible.sum(axis=1)).astype(np.int64)
        taken = np.argmax(np.cumsum(possible, axis=1) == (nth + 1)[:, None], axis=1)
        spoilt = frame.copy()
        for number, kind in enumerate(kinds):
            rows = chosen & (taken == number)
            if not rows.any():
                continue
            spoilt[kind.column] = _with_value(spoilt[kind.column], rows, kind.value)
            self.planted.append(
                pd.DataFrame(
                    {
                        "table": table,
                        "key": frame[KEYS[table]].to_numpy()[rows],
                        "code": kind.code,
                        "fate": kind.fate,
                        "column": kind.column,
                    }
                )
            )
        return spoilt

    def truth(self) -> pd.DataFrame:
        """Return ``table, key, code, fate, column`` of every planted defect, by table and key."""
        columns = ["table", "key", "code", "fate", "column"]
        if not self.planted:
            return pd.DataFrame({name: pd.Series(dtype="object") for name in columns})
        whole = pd.concat(self.planted, ignore_index=True)
        return whole.sort_values(["table", "key"], ignore_index=True)


def _with_value(column: pd.Series, rows: np.ndarray, value: Any) -> pd.Series:
    """Return a column with a value in some rows; words and small integers make room for it."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        if value is not None and value not in column.cat.categories:
            column = column.cat.add_categories([value])
        return column.where(~rows, value)
    if pd.api.types.is_integer_dtype(column.dtype):
        column = column.astype("Int32")
    return column.where(~rows, value)
