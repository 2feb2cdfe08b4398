"""The tables that stages hand to one another: their columns, types and keys.

The one result table is frozen within a major version: columns are only ever added. Text keys that do not
apply are ``"_"``, missing values are null, and a null ``age_until`` means an open band.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rnc_epi.vocabulary.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

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


def as_result(table: pd.DataFrame, *, compact: bool = False) -> pd.DataFrame:
    """Return a table in the form of the one result table: every column, its type, sorted by the key.

    Absent text columns become ``"_"``, absent numbers null.

    Parameters
    ----------
    table : DataFrame
    compact : bool
        Whether text is left as categories, which take a tenth of the memory: for national tables.

    Raises
    ------
    InputError
        A column that the result table does not have, or two rows with one key.
    """
    import pandas as pd

    unknown = [name for name in table.columns if name not in RESULT_COLUMNS]
    if unknown:
        raise InputError("S002", found=", ".join(unknown), expected=", ".join(RESULT_COLUMNS))
    given = {name: table[name] for name in RESULT_COLUMNS if name in table.columns}
    given.pop("schema_version", None)
    order = _sorted_by_key(given, len(table))
    columns: dict[str, Any] = {}
    for name, kind in RESULT_COLUMNS.items():
        if kind == TEXT:
            word = SCHEMA_VERSION if name == "schema_version" else NOT_APPLICABLE
            columns[name] = _text(given[name], order) if name in given else _one_word(word, len(table))
            if not compact:
                # Taking from the few words is ten times faster than converting the column.
                words = columns[name]
                columns[name] = words.categories.array.take(words.codes)
        elif name in given:
            values = given[name] if str(given[name].dtype) == kind else given[name].astype(kind)
            columns[name] = values.array.take(order)
        else:
            missing = float("nan") if kind == NUMBER else pd.NA
            columns[name] = pd.array([missing], dtype=kind).repeat(len(table))
    return pd.DataFrame(columns, copy=False)


def _text(values: pd.Series, order: NDArray[np.intp]) -> pd.Categorical:
    import pandas as pd

    words = values.array if isinstance(values.dtype, pd.CategoricalDtype) else _categories(values)
    if words.codes.size and words.codes.min() < 0:
        if NOT_APPLICABLE not in words.categories:
            words = words.add_categories([NOT_APPLICABLE])
        words = words.fillna(NOT_APPLICABLE)
    if words.categories.dtype != "str":
        words = words.rename_categories(words.categories.astype("str"))
    return words.take(order)


def _categories(values: pd.Series) -> pd.Categorical:
    import pandas as pd

    return pd.Categorical(values.astype("str"))


def _one_word(word: str, n: int) -> pd.Categorical:
    import numpy as np
    import pandas as pd

    return pd.Categorical.from_codes(np.zeros(n, dtype=np.int8), categories=pd.Index([word], dtype="str"))


def _sorted_by_key(columns: Mapping[str, pd.Series], n: int) -> NDArray[np.intp]:
    """Return the rows in the total order of the key, nulls last; refuse two rows with one key."""
    import numpy as np

    place = np.zeros(n, dtype=np.int64)
    size = 1
    for name in RESULT_KEY:
        if name not in columns:
            continue
        ranks, distinct = _ranks(columns[name], RESULT_COLUMNS[name])
        if distinct > 1:
            if size * distinct >= 2**62:
                place, size = _dense(place)
            place, size = place * distinct + ranks, size * distinct
    order = np.argsort(place, kind="stable")
    in_order = place[order]
    same = in_order[1:] == in_order[:-1]
    if same.any():
        first = int(order[int(np.argmax(same))])
        named = [name for name in ("indicator", "site", "sex", "geo_level", "geo_code") if name in columns]
        where = ", ".join(f"{name}={columns[name].iloc[first]}" for name in named)
        repeated = np.zeros(n, dtype=bool)
        repeated[1:] = same
        repeated[:-1] |= same
        raise InputError("S003", found=int(repeated.sum()), where=where)
    return order


def _ranks(values: pd.Series, kind: str) -> tuple[NDArray[np.int64], int]:
    """Return the rank of each value among the distinct ones, nulls last, and how many ranks there are."""
    import numpy as np
    import pandas as pd

    if kind == TEXT:
        words = values.array if isinstance(values.dtype, pd.CategoricalDtype) else _categories(values)
        names = list(words.categories)
        codes = words.codes.astype(np.int64)
        # A null is shown, hence sorted, as "does not apply".
        names_seen = [*names, NOT_APPLICABLE]
        rank_of = {name: position for position, name in enumerate(sorted(set(names_seen)))}
        ranks = np.array([rank_of[name] for name in names_seen], dtype=np.int64)[codes]
        present = np.zeros(len(rank_of), dtype=bool)
        present[ranks] = True
        return (np.cumsum(present) - 1)[ranks], int(present.sum())
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    if numbers.size and not np.isnan(numbers).any() and numbers.min() == numbers.max():
        return np.zeros(len(numbers), dtype=np.int64), 1
    ranks, size = _dense(numbers)
    return ranks, size


def _dense(values: NDArray) -> tuple[NDArray[np.int64], int]:
    import numpy as np

    distinct, ranks = np.unique(values, return_inverse=True)
    return ranks.astype(np.int64), len(distinct)
