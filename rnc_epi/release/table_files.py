r"""Tables as bytes: CSV that Excel and R read alike, and Parquet; the same bytes at each run.

CSV is UTF-8 without byte order mark, with commas, points, ``\n`` and empty cells for nulls. Codes that begin
with a zero are text: the dictionary says so, and Parquet keeps it. A text that a spreadsheet would run as a
formula is refused, because a quiet prefix would change codes.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any, Final

from rnc_epi.vocabulary.errors import DisclosureRefused
from rnc_epi.vocabulary.schemas import INTEGER, NUMBER, RESULT_COLUMNS, TEXT

if TYPE_CHECKING:
    import pandas as pd

#: First characters that a spreadsheet takes for a formula (OWASP, CSV injection).
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def csv_bytes(table: pd.DataFrame, *, mark: bool = False) -> bytes:
    r"""Return a table as CSV.

    Parameters
    ----------
    mark : bool
        Whether to begin with the byte order mark by which Excel knows UTF-8: for tables that people read.

    Raises
    ------
    DisclosureRefused
        ``R003``, a text that begins like a formula.

    Examples
    --------
    >>> import pandas as pd
    >>> csv_bytes(pd.DataFrame({"code": ["01"], "value": [12.0], "none": [None]}))
    b'code,value,none\n01,12,\n'
    """
    columns = [[_written(value, name) for value in table[name].tolist()] for name in table.columns]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([_written(name, "header") for name in table.columns])
    writer.writerows(zip(*columns, strict=True))
    return text.getvalue().encode("utf-8-sig" if mark else "utf-8")


def _written(value: Any, column: str) -> str:
    if value is None or type(value).__name__ == "NAType" or value != value:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    text = str(value)
    if text.startswith(_FORMULA) or "\x00" in text:
        raise DisclosureRefused("R003", where=column)
    return text


def _is_null(value: Any) -> bool:
    # pandas.NA first: comparing it raises.
    return value is None or type(value).__name__ == "NAType" or value != value


def parquet_bytes(table: pd.DataFrame) -> bytes:
    """Return a table in the form of the result table as Parquet, without anything that names a machine."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {TEXT: pa.string(), INTEGER: pa.int64(), NUMBER: pa.float64()}
    schema = pa.schema([(name, kinds[RESULT_COLUMNS[name]]) for name in table.columns])
    arrays = [
        pa.array(
            [None if _is_null(value) else value for value in table[n].tolist()],
            type=schema.field(n).type,
        )
        for n in table.columns
    ]
    sink = io.BytesIO()
    pq.write_table(
        pa.table(arrays, schema=schema), sink, compression="zstd", version="2.6", store_schema=False
    )
    return sink.getvalue()
