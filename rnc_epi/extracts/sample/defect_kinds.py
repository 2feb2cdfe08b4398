"""The defects that can be planted: what each does to a row, and what the contract says of it.

Each is such that the checks find it and nothing else: codes are changed one to one, so that no key is shared
by accident; person-years lack one inner band of a stratum, never two of the same; short tables get another
row rather than lose one that others need; no registry gets a second source.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import pandas as pd

Where = Callable[[pd.DataFrame], pd.Series]


@dataclass(frozen=True)
class Defect:
    """One way to spoil a row.

    Parameters
    ----------
    code : str
        Number of the catalogue.
    fate : {"normalise", "quarantine", "warn", "refuse"}
        What the contract does with the row, or with the extract.
    changes : dict of column to value
        What is written there: a value, or a function of the rows that gives one for each.
    where : callable, optional
        Rows that can have the defect; all of them by default.
    action : {"change", "add", "drop"}
        Whether the row is spoilt, a spoilt copy of it is added, or it is left out.
    rows : int
        How many rows the contract counts for one defect: two where it counts both of a pair.
    """

    code: str
    fate: str
    changes: dict[str, Any] = field(default_factory=dict)
    where: Where | None = None
    action: str = "change"
    rows: int = 1

    @property
    def column(self) -> str:
        """Return the columns that are spoilt, empty where a whole row is."""
        return ", ".join(self.changes)


def _is(**values: Any) -> Where:
    """Return the rows in which columns have these values."""

    def where(rows: pd.DataFrame) -> pd.Series:
        found = pd.Series(True, index=rows.index)
        for column, value in values.items():
            found &= rows[column].eq(value).fillna(False).astype(bool)
        return found

    return where


def _marked(column: str) -> dict[str, Any]:
    """Return the change that makes an unknown code of each known one, another for another."""
    return {column: lambda rows: "X" + rows[column].astype(str)}


def _swapped(first: str, second: str) -> dict[str, Any]:
    return {first: lambda rows: rows[second], second: lambda rows: rows[first]}


def _small(rows: pd.DataFrame) -> pd.Series:
    return rows["person_years"].between(0, 500, inclusive="neither")


_TWICE: Final = Defect("D021", "refuse", action="add", rows=2)
_PERSONS: Final = (
    Defect("D025", "quarantine", {"person_key": None}),
    Defect("D037", "quarantine", {"age_years": 150}),
    Defect("D038", "warn", {"age_years": 999}),
    Defect("D134", "warn", {"age_years": 110}),
    Defect("D048", "quarantine", {"sex": 9}),
    Defect("D065", "quarantine", {"geo_code": "X00-000"}),
    _TWICE,
)
_TUMOURS: Final = (
    *_PERSONS,
    Defect("D018", "normalise", {"stage": "NA"}),
    Defect("D031", "quarantine", {"month": 13}),
    Defect("D039", "quarantine", {"year": 1999}),
    Defect("D040", "quarantine", {"follow_up_days": -30}, _is(vital_status=0)),
    Defect("D041", "quarantine", {"follow_up_days": -30}, _is(vital_status=1)),
    Defect("D049", "quarantine", {"topography": "C61.9"}, _is(sex=2)),
    Defect("D049", "quarantine", {"topography": "C56.9"}, _is(sex=1)),
    Defect("D051", "quarantine", {"topography": "C29.9"}),
    Defect("D052", "quarantine", {"morphology": "7999"}),
    Defect("D054", "quarantine", {"behaviour": 5}, _is(behaviour=3)),
    Defect("D058", "normalise", {"topography": lambda rows: rows["topography"].astype(str).str.lower()}),
    Defect("D061", "quarantine", {"basis_of_diagnosis": 0}, lambda rows: rows["follow_up_days"].gt(0)),
    Defect("D107", "quarantine", {"morphology": None}),
    Defect("D139", "warn", {"vital_status": 7}),
    Defect("D057", "refuse", {"topography": "C90.0"}),
    Defect("D122", "refuse", {"registry": "nowhere"}),
)
_SNDS_CASES: Final = (
    *_PERSONS,
    Defect("D049", "quarantine", {"site": "prostate"}, _is(sex=2)),
    Defect("D115", "refuse", {"site": "unknown_site"}),
    Defect("D124", "refuse", {"link_probability": 1.5}, lambda rows: rows["link_probability"].notna()),
)
#: Of tables of counts. A site becomes one that its sex does not have: the key of that cell is nobody's.
_CELLS: Final = (
    # Of men alone: a cell of men and that of women, both of unknown sex, would share a key.
    Defect("D048", "quarantine", {"sex": 9}, _is(sex=1)),
    Defect("D049", "quarantine", {"site": "prostate"}, _is(site="lung", sex=2)),
    Defect("D049", "quarantine", {"site": "ovary"}, _is(site="lung", sex=1)),
    Defect("D065", "quarantine", _marked("geo_code")),
    Defect("D116", "normalise", {"site": "testis", "events": 0}, _is(site="lung", sex=2), "add"),
    Defect("D081", "refuse", {"events": lambda rows: -rows["events"]}),
    Defect("D110", "refuse", {"age_status": "perhaps"}),
    Defect(
        "D111",
        "refuse",
        _swapped("age_from", "age_until"),
        lambda rows: rows["age_until"].notna(),
    ),
    Defect("D114", "refuse", {"period_until": lambda rows: rows["period_from"]}),
    Defect("D115", "refuse", _marked("site")),
    _TWICE,
)
_UNDECLARED: Final = Defect("D121", "refuse", {"source": "nobody"})
_OUTSIDE_COVERAGE: Final = Defect(
    "D039",
    "quarantine",
    {name: lambda rows, name=name: rows[name] - 100 for name in ("period_from", "period_until")},
)

DEFECTS: Final[dict[str, tuple[Defect, ...]]] = {
    "tumours": _TUMOURS,
    "snds_cases": _SNDS_CASES,
    "incidence_cells": (*_CELLS, _OUTSIDE_COVERAGE, Defect("D122", "refuse", {"registry": "anywhere"})),
    "death_cells": (*_CELLS, _UNDECLARED),
    "proxy_cells": (*_CELLS, _UNDECLARED, Defect("D123", "refuse", _marked("proxy"))),
    "person_years": (
        _TWICE,
        # Where the steps between periods (D142) are not looked at.
        Defect("D081", "refuse", {"person_years": lambda rows: -rows["person_years"]}, _small),
        Defect("D082", "refuse", where=_is(age_from=40), action="drop"),
    ),
}
#: Of tables that are short and that the others rest on: one defect of each kind at least, whatever the rate.
DEFECTS_OF_SHORT_TABLES: Final[dict[str, tuple[Defect, ...]]] = {
    "membership": (
        _TWICE,
        Defect("D119", "refuse", _marked("parent_code"), action="add"),
        Defect("D124", "refuse", {"weight": 1.5}),
    ),
    "coverage": (
        _TWICE,
        # The same area and first year once more, for a year longer: which of the two holds?
        Defect(
            "D022", "refuse", {"period_until": lambda rows: rows["period_until"] + 1}, action="add", rows=2
        ),
        Defect("D111", "refuse", {"age_from": 150}, action="add"),
        Defect(
            "D114",
            "refuse",
            _swapped("period_from", "period_until"),
            action="add",
        ),
        Defect("D119", "refuse", _marked("geo_code"), action="add"),
    ),
    "cells_scope": (
        _TWICE,
        Defect("D047", "refuse", {"sex": 7}, action="add"),
        Defect("D115", "refuse", _marked("site"), action="add"),
        Defect("D119", "refuse", {"geo_level": "galaxy"}, action="add"),
        Defect("D120", "refuse", {"table_name": "letters"}, action="add"),
    ),
    "adjacency": (_TWICE, Defect("D119", "refuse", _marked("neighbour_code"), action="add")),
    "deprivation": (
        _TWICE,
        Defect("D119", "refuse", _marked("geo_code"), action="add"),
        Defect("D123", "refuse", {"higher_is": "sideways"}),
    ),
}
