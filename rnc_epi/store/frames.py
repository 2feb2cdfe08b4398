"""From DuckDB to pandas with types that depend on the query alone, never on the rows that it returned.

Integers of any width, HUGEINT sums included, become ``Int64``; DECIMAL and floats ``float64``; text ``str``;
flags ``boolean``; bytes stay Python objects. An empty result and a result full of nulls keep these types.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
from duckdb import sqltypes

_INTEGERS: Final = frozenset(
    sign + kind for kind in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT") for sign in ("", "U")
)

_PANDAS_TYPES: Final = {
    pa.int64(): pd.Int64Dtype(),
    pa.string(): pd.StringDtype(na_value=np.nan),
    pa.bool_(): pd.BooleanDtype(),
}


def data_frame(relation: duckdb.DuckDBPyRelation, order_by: Sequence[str] = ()) -> pd.DataFrame:
    """Return the rows of a relation in the total order of its columns, `order_by` first.

    Raises
    ------
    TypeError
        A column has a type that the package does not exchange (lists, structures, dates).
    """
    names = relation.columns
    columns = [
        duckdb.ColumnExpression(name).cast(_exchanged(str(kind), name)).alias(name)
        for name, kind in zip(names, relation.types, strict=True)
    ]
    order = [*order_by, *(name for name in names if name not in order_by)]
    keys = [duckdb.ColumnExpression(name).asc().nulls_last() for name in order]
    table = relation.select(*columns).sort(*keys).to_arrow_table()
    frame = table.to_pandas(types_mapper=_pandas_type)
    # Arrow may hand over read-only buffers; a copy makes frames that later steps can write to.
    return frame.copy()


def _exchanged(kind: str, name: str) -> sqltypes.DuckDBPyType:
    if kind in _INTEGERS:
        return sqltypes.BIGINT
    if kind in ("FLOAT", "DOUBLE") or kind.startswith("DECIMAL"):
        return sqltypes.DOUBLE
    if kind == "VARCHAR" or kind.startswith("ENUM"):
        return sqltypes.VARCHAR
    if kind == "BOOLEAN":
        return sqltypes.BOOLEAN
    if kind == "BLOB":
        return sqltypes.BLOB
    raise TypeError(f"column {name} has type {kind}, which data frames of the package do not carry")


def _pandas_type(kind: pa.DataType) -> object:
    return _PANDAS_TYPES.get(kind)
