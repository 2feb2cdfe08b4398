"""The tables that stages hand to one another: their columns, types and keys.

The one result table is frozen within a major version: columns are only ever added. Text keys that do not
apply are ``"_"``, missing values are null, and a null ``age_until`` means an open band.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rnc_epi.vocabulary.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

SCHEMA_VERSION: Final = "1"
NOT_APPLICABLE: Final = "_"

TEXT, INTEGER, NUMBER = "str", "Int64", "float64"

#: Columns of the one result table, in their order, with the type they have in pandas.
RESULT_COLUMNS: Final[dict[str, str]] = {
    "indicator": TEXT,
    "measure_unit": TEXT,
    "per": INTEGER,
    "event_type": TEXT,
    "site": TEXT,
    "sex": INTEGER,
    "geo_level": TEXT,
    "geo_code": TEXT,
    "geo_vintage": TEXT,
    "period_from": INTEGER,
    "period_until": INTEGER,
    "age_from": INTEGER,
    "age_until": INTEGER,
    "stratum_type": TEXT,
    "stratum": TEXT,
    "comparator": TEXT,
    "standard": TEXT,
    "estimator": TEXT,
    "method": TEXT,
    "value": NUMBER,
    "lower": NUMBER,
    "upper": NUMBER,
    "se": NUMBER,
    "interval_method": TEXT,
    "level": NUMBER,
    "interval_kind": TEXT,
    "events": NUMBER,
    "expected": NUMBER,
    "person_years": NUMBER,
    "data_grade": TEXT,
    "status": TEXT,
    "reason": TEXT,
    "source": TEXT,
    "schema_version": TEXT,
}

#: Primary key of the result table (contract.md); compared null-safe.
RESULT_KEY: Final[tuple[str, ...]] = (
    "indicator",
    "per",
    "event_type",
    "site",
    "sex",
    "geo_level",
    "geo_code",
    "geo_vintage",
    "period_from",
    "period_until",
    "age_from",
    "age_until",
    "stratum_type",
    "stratum",
    "comparator",
    "standard",
    "estimator",
    "method",
    "interval_method",
    "level",
)

#: Columns whose value gives back the count of persons, hidden together or not at all.
DERIVED_FROM_COUNT: Final[tuple[str, ...]] = ("value", "lower", "upper", "se", "events", "expected")

#: Status before disclosure (internal) and after it (public).
ESTIMATED, NOT_ESTIMABLE = "estimated", "not_estimable"
PUBLISHED, NOT_PUBLISHED = "published", "not_published"
INTERNAL_STATUSES: Final = (ESTIMATED, NOT_ESTIMABLE)
PUBLIC_STATUSES: Final = (PUBLISHED, NOT_PUBLISHED, NOT_ESTIMABLE)

#: Columns of the cells that indicators are computed from: one row a stratum and age band.
CELL_COLUMNS: Final[dict[str, str]] = {
    "event_type": TEXT,
    "source": TEXT,
    "site": TEXT,
    "sex": INTEGER,
    "geo_level": TEXT,
    "geo_code": TEXT,
    "geo_vintage": TEXT,
    "period_from": INTEGER,
    "period_until": INTEGER,
    "age_from": INTEGER,
    "age_until": INTEGER,
    "age_status": TEXT,
    "events": NUMBER,
    "person_years": NUMBER,
}

#: Stratum of a cells row: everything but the age band.
CELL_STRATUM: Final[tuple[str, ...]] = (
    "event_type",
    "source",
    "site",
    "sex",
    "geo_level",
    "geo_code",
    "geo_vintage",
    "period_from",
    "period_until",
)

KNOWN_AGE, UNKNOWN_AGE = "known", "unknown"


def as_result(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table in the form of the one result table: every column, its type, sorted by the key.

    Absent text columns become ``"_"``, absent numbers null.

    Raises
    ------
    InputError
        A column that the result table does not have, or two rows with one key.
    """
    import pandas as pd

    unknown = [name for name in table.columns if name not in RESULT_COLUMNS]
    if unknown:
        raise InputError("S002", found=", ".join(unknown), expected=", ".join(RESULT_COLUMNS))
    columns = {}
    for name, kind in RESULT_COLUMNS.items():
        if name == "schema_version":
            columns[name] = pd.Series(SCHEMA_VERSION, index=table.index, dtype="str")
        elif name in table.columns:
            columns[name] = table[name].astype(kind)
            if kind == TEXT:
                columns[name] = columns[name].fillna(NOT_APPLICABLE)
        elif kind == TEXT:
            columns[name] = pd.Series(NOT_APPLICABLE, index=table.index, dtype="str")
        else:
            columns[name] = pd.Series(
                float("nan") if kind == NUMBER else pd.NA, index=table.index, dtype=kind
            )
    result = pd.DataFrame(columns, index=table.index)
    require_unique_key(result)
    return sort_result(result)


def require_unique_key(table: pd.DataFrame) -> None:
    """Raise ``S003`` if two rows of a result table share the primary key."""
    duplicated = table.duplicated(list(RESULT_KEY), keep=False)
    if duplicated.any():
        first = table.loc[duplicated, list(RESULT_KEY)].iloc[0]
        where = ", ".join(
            f"{name}={first[name]}" for name in ("indicator", "site", "sex", "geo_level", "geo_code")
        )
        raise InputError("S003", found=int(duplicated.sum()), where=where)


def sort_result(table: pd.DataFrame) -> pd.DataFrame:
    """Return a result table in the total order of its key, nulls last, with a fresh index."""
    return table.sort_values(list(RESULT_KEY), kind="stable", na_position="last").reset_index(drop=True)
