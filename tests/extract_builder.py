"""A small valid extract for tests: the tables as data frames, and a function that writes them to a file.

Two registries (Isère hands over rows, Calvados cells), three départements in two régions, deaths as cells
in all three, three years (2016-2018), person-years by sex, year and 18 five-year bands. The figures come
from a seeded generator, so every test sees the same extract::

    tables = minimal_tables()
    tables["tumours"].loc[0, "sex"] = 3
    path = write_extract(tmp_path / "x.duckdb", tables)

Import it with ``from tests.extract_builder import minimal_tables, write_extract``.

`write_extract` gives each column the first type that the contract names for its kind. `statements` are run
at the end, for defects of structure: ``["alter table tumours drop column sex"]``. A table left out of
`tables` is absent from the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from rnc_epi.vocabulary.contract import TABLES, TYPES

VINTAGE = "cog2026"
YEARS = (2016, 2017, 2018)
AGE_STARTS = tuple(range(0, 90, 5))
#: site slug: (topography, morphology, sexes, cases per 100 000 at age 60 or so)
SITES: dict[str, tuple[str, str, tuple[int, ...], float]] = {
    "colorectum": ("C18.7", "8140", (1, 2), 120.0),
    "pancreas": ("C25.0", "8140", (1, 2), 30.0),
    "prostate": ("C61.9", "8140", (1,), 300.0),
}
DEPARTEMENTS = ("01", "14", "38")
REGION_OF = {"01": "84", "14": "28", "38": "84"}
REGISTRY_OF = {"14": "calvados", "38": "isere"}
ROWS_REGISTRY = "isere"
CELLS_REGISTRY = "calvados"


def _age_bands() -> list[tuple[int, int | None]]:
    return [(start, start + 5 if start < 85 else None) for start in AGE_STARTS]


def _frame(table: str, rows: Iterable[Sequence[object]]) -> pd.DataFrame:
    # Objects, so that null stays null and a test may put any value anywhere.
    return pd.DataFrame(list(rows), columns=list(TABLES[table].column_names), dtype=object)


def _expected(site: str, age_from: int, person_years: float) -> float:
    return SITES[site][3] * (age_from / 60) ** 3 / 100_000 * person_years


def _person_years(code: str, sex: int, age_from: int) -> float:
    size = {"01": 40_000.5, "14": 45_000.25, "38": 80_000.125}[code]
    return round(size * max(0.12, 1 - age_from / 95) * (1.0 if sex == 1 else 1.03), 6)


def minimal_tables() -> dict[str, pd.DataFrame]:
    """Return the tables of the valid extract, fresh at each call, as frames of Python objects.

    Tables: sources, tumours (Isère), incidence_cells (Calvados), death_cells (all three départements),
    person_years, areas, membership, coverage, cells_scope. A few ages are unknown in rows and in cells.
    """
    rng = np.random.default_rng(20161231)
    tables = {
        "sources": _frame(
            "sources",
            [
                ("registres", "Registres (essai)", "registry", "essai", True, None, 11, None),
                ("cepidc", "Décès (essai)", "deaths", "essai", True, None, 11, None),
                ("insee", "Populations (essai)", "census", "essai", True, None, 11, None),
            ],
        ),
        "areas": _frame(
            "areas",
            [
                (
                    "france_hexagonale",
                    "FR",
                    VINTAGE,
                    "France hexagonale",
                    "Metropolitan France",
                    None,
                    None,
                    None,
                ),
                ("region", "28", VINTAGE, "Normandie", "Normandie", None, None, None),
                ("region", "84", VINTAGE, "Auvergne-Rhône-Alpes", "Auvergne-Rhône-Alpes", None, None, None),
                ("departement", "01", VINTAGE, "Ain", "Ain", 600_000, None, None),
                ("departement", "14", VINTAGE, "Calvados", "Calvados", 700_000, None, None),
                ("departement", "38", VINTAGE, "Isère", "Isère", 1_300_000, None, None),
                ("registry_zone", "calvados", VINTAGE, "Calvados", "Calvados", None, None, None),
                ("registry_zone", "isere", VINTAGE, "Isère", "Isère", None, None, None),
            ],
        ),
    }
    links: list[tuple[object, ...]] = []
    for code in DEPARTEMENTS:
        child = ("departement", code, VINTAGE)
        links.append((*child, "region", REGION_OF[code], VINTAGE, None, None, 1.0))
        links.append((*child, "france_hexagonale", "FR", VINTAGE, None, None, 1.0))
        if code in REGISTRY_OF:
            links.append((*child, "registry_zone", REGISTRY_OF[code], VINTAGE, None, None, 1.0))
    tables["membership"] = _frame("membership", links)
    tables["coverage"] = _frame(
        "coverage",
        [
            (registry, "departement", code, VINTAGE, "general", 0, None, YEARS[0], YEARS[-1] + 1)
            for code, registry in REGISTRY_OF.items()
        ],
    )
    tables["person_years"] = _frame(
        "person_years",
        [
            ("insee", sex, "departement", code, VINTAGE, year, year + 1, start, until, "known",
             _person_years(code, sex, start))
            for code in DEPARTEMENTS
            for sex in (1, 2)
            for year in YEARS
            for start, until in _age_bands()
        ],
    )  # fmt: skip
    tables["tumours"] = _tumours(rng)
    tables["incidence_cells"] = _cells(rng, "incidence_cells", ("14",), ("registres", CELLS_REGISTRY), 1.0)
    tables["death_cells"] = _cells(rng, "death_cells", DEPARTEMENTS, ("cepidc",), 0.4)
    tables["cells_scope"] = _frame(
        "cells_scope",
        [
            (table, source, site, sex, "departement", YEARS[0], YEARS[-1] + 1, 0, None)
            for table, source in (("incidence_cells", "registres"), ("death_cells", "cepidc"))
            for site, (_, _, sexes, _) in SITES.items()
            for sex in sexes
        ],
    )
    return tables


def _tumours(rng: np.random.Generator) -> pd.DataFrame:
    rows: list[tuple[object, ...]] = []
    for site, (topography, morphology, sexes, _) in SITES.items():
        for sex in sexes:
            for year in YEARS:
                for start, until in _age_bands():
                    mean = _expected(site, start, _person_years("38", sex, start))
                    for _ in range(rng.poisson(mean)):
                        age = int(rng.integers(start, until or 95))
                        key = len(rows) + 1
                        rows.append(
                            (key, 500_000 + key, "registres", ROWS_REGISTRY, sex,
                             None if key % 200 == 0 else age, year, int(rng.integers(1, 13)), topography,
                             morphology, 3, 7, None, "departement", "38", VINTAGE, 0, 365)
                        )  # fmt: skip
    return _frame("tumours", rows)


def _cells(
    rng: np.random.Generator, table: str, codes: tuple[str, ...], front: tuple[str, ...], share: float
) -> pd.DataFrame:
    rows: list[tuple[object, ...]] = []
    for code in codes:
        for site, (_, _, sexes, _) in SITES.items():
            for sex in sexes:
                for year in YEARS:
                    key = (sex, "departement", code, VINTAGE, year, year + 1)
                    what = (site,) if table == "incidence_cells" else (site, None)
                    for start, until in _age_bands():
                        mean = share * _expected(site, start, _person_years(code, sex, start))
                        events = int(rng.poisson(mean))
                        # Zero cells are left out, as registries do: the scope says that they are zero.
                        if events:
                            rows.append((*front, *what, *key, start, until, "known", events))
                    if sex == 1 and year == YEARS[0]:
                        rows.append((*front, *what, *key, None, None, "unknown", 2))
    return _frame(table, rows)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def write_extract(
    path: Path | str, tables: dict[str, pd.DataFrame] | None = None, *, statements: Iterable[str] = ()
) -> Path:
    """Write tables to a DuckDB file with the types of the contract, then run `statements`; return its path.

    Columns that the contract does not know are written as text.
    """
    path = Path(path)
    tables = minimal_tables() if tables is None else tables
    connection = duckdb.connect(str(path))
    try:
        connection.execute("SET threads=1")
        for name, frame in tables.items():
            kinds = {column.name: column.kind for column in TABLES[name].columns} if name in TABLES else {}
            types = {column: TYPES[kinds[column]][0] if column in kinds else "VARCHAR" for column in frame}
            connection.register("incoming", frame.astype(object).where(frame.notna(), None))
            columns = ", ".join(
                f"CAST({_quoted(column)} AS {kind}) AS {_quoted(column)}" for column, kind in types.items()
            )
            connection.execute(f"CREATE TABLE {_quoted(name)} AS SELECT {columns} FROM incoming")
            connection.unregister("incoming")
        for statement in statements:
            connection.execute(statement)
    finally:
        connection.close()
    return path
