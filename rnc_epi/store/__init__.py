"""The only room that opens a database: locked-down DuckDB, named SQL steps, data frames, row accounting."""

from rnc_epi.store.accounting import RowAccounting
from rnc_epi.store.connection import Store, StoredColumn, open_locked
from rnc_epi.store.steps import read_step

__all__ = ["RowAccounting", "Store", "StoredColumn", "open_locked", "read_step"]
