"""The tables of the contract that a file has, and how SQL names them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from rnc_epi.store import Store, StoredColumn
from rnc_epi.store.steps import quoted
from rnc_epi.vocabulary.contract import TABLES, TYPES

ROW_TABLES: Final = tuple(name for name, table in TABLES.items() if table.rows_of_persons)
CELL_TABLES: Final = ("incidence_cells", "death_cells", "proxy_cells")
#: Tables whose rows carry the pseudonym of a person.
KEYED_TABLES: Final = tuple(name for name, table in TABLES.items() if "person_key" in table.column_names)
AREA: Final = ("geo_level", "geo_code", "geo_vintage")


@dataclass(frozen=True)
class ExtractTables:
    """Tables of the contract in a file; DuckDB compares names without case, and so does this.

    Parameters
    ----------
    present : dict of str to (column in lower case to StoredColumn)
        By their name in the contract.
    others : tuple of (table, columns)
        Tables that the contract does not know.

    Attributes
    ----------
    respellings : dict of (table, column) to SQL
        How a column is read where the checks found it spelt otherwise; ``{c}`` stands for the column.
    outside_block : dict of table to int
        Rows of persons outside the years and ages of which every combination has person-years.
    """

    present: dict[str, dict[str, StoredColumn]]
    others: tuple[tuple[str, tuple[StoredColumn, ...]], ...]
    respellings: dict[tuple[str, str], str] = field(default_factory=dict)
    outside_block: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, store: Store) -> ExtractTables:
        """Return the tables of a store."""
        present = {
            _as_declared(name): {_as_declared(column.name): column for column in columns}
            for name, columns in store.tables.items()
            if _as_declared(name) in TABLES
        }
        # The order of the contract, not of the file, so that findings come in one order.
        ordered = {name: present[name] for name in TABLES if name in present}
        others = tuple(
            (name, store.tables[name]) for name in sorted(store.tables) if _as_declared(name) not in TABLES
        )
        return cls(ordered, others)

    def type_of(self, table: str, column: str) -> str | None:
        """Return the DuckDB type of a column, or None where it is absent."""
        found = self.present.get(table, {}).get(column)
        return None if found is None else found.type

    def respell(self, table: str, column: str, template: str) -> None:
        """Read a column of a table through an SQL expression from now on."""
        self.respellings[table, column] = template

    def respelled(self, table: str, column: str, value: str) -> str:
        """Return the SQL of a column as it is used, `value` being the SQL of the column in the file."""
        template = self.respellings.get((table, column))
        return value if template is None else template.replace("{c}", value)

    def qualified(self, table: str) -> str:
        """Return a table of the extract as SQL names it, safe from temporary tables of the same name."""
        return "extract.main." + quoted(table, TABLES)


def _as_declared(name: str) -> str:
    """Return a name without case, as DuckDB compares names: in ASCII alone (the sign of Kelvin is no k)."""
    return name.lower() if name.isascii() else name


def holds_persons(table: str) -> bool:
    """Tell whether rows or events of a table stand for persons."""
    return table in ROW_TABLES or table in CELL_TABLES


def contract_type(table: str, column: str) -> str:
    """Return the DuckDB type that a column has after the checks."""
    kinds = {declared.name: declared.kind for declared in TABLES[table].columns}
    return TYPES[kinds[column]][0]


def usable(table: str) -> str:
    """Return the name of the temporary view of the rows that passed."""
    if table not in TABLES:
        raise ValueError(f"{table} is not a table of the contract")
    return f"usable_{table}"
