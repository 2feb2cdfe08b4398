"""A tiny extract whose events can be counted on fingers; every person is listed below.

Départements 38 and 73 are seen by the registry "isere", which hands over one row a tumour; département 14
by "calvados", which hands over cells. Years 2016-2018, bands 0-14, 15-49, 50+. Every year each département
has, a sex, 1000 + 2000 + 1500 person-years for men and 1000 + 2000 + 1600 for women.

73 belongs to region 84 until the end of 2017 and to region 28 from 2018 on; 38 is always in 84, 14 in 28.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from rnc_epi.cells.build import CellBuilder, Selection
from rnc_epi.cells.table import Cells
from rnc_epi.extracts.opening import open_extract
from rnc_epi.vocabulary.contract import TABLES
from tests.extract_builder import write_extract

V = "cog2026"
YEARS = (2016, 2017, 2018)
BANDS = ((0, 15), (15, 50), (50, None))
PERSON_YEARS = {(1, 0): 1000, (1, 15): 2000, (1, 50): 1500, (2, 0): 1000, (2, 15): 2000, (2, 50): 1600}
DEPARTEMENTS = ("14", "38", "73")


def frame(table: str, rows: Iterable[Sequence[object]]) -> pd.DataFrame:
    """Return rows in the columns of a table of the contract."""
    return pd.DataFrame(list(rows), columns=list(TABLES[table].column_names), dtype=object)


def departement(code: str) -> tuple[str, str, str]:
    return ("departement", code, V)


def tumour(key, sex, age, year, code, topography, morphology="8140", behaviour=3, registry="isere"):
    area = departement(code)
    return (key, None, "registres", registry, sex, age, year, None, topography, morphology, behaviour, None,
            None, *area, None, None)  # fmt: skip


#: One line a person.
TUMOURS = (
    tumour(1, 1, 60, 2016, "38", "C18.7"),  # colon, 50+
    tumour(2, 1, 62, 2016, "38", "C20.9"),  # rectum, 50+
    tumour(3, 1, 40, 2017, "38", "C18.7"),  # colon, 15-49
    tumour(4, 2, 70, 2016, "38", "C50.9", "8500"),  # breast, 50+
    tumour(5, 2, None, 2016, "38", "C18.7"),  # colon, unknown age: counted, in no band
    tumour(6, 1, 55, 2018, "73", "C61.9"),  # prostate, 50+, in region 28 by then
    tumour(7, 1, 50, 2016, "38", "C67.9", "8130", 2),  # in situ: excluded
    tumour(8, 2, 30, 2017, "38", "C77.0", "9999"),  # a morphology of no site: excluded
    tumour(9, 1, 45, 2016, "38", "C73.9"),  # thyroid, 15-49
    tumour(10, 1, 14, 2016, "73", "C42.1", "9811"),  # lymphoid leukaemia, 0-14: not yet 15
    tumour(11, 1, 15, 2016, "73", "C42.1", "9811"),  # lymphoid leukaemia, 15-49: the birthday counts
    tumour(12, 2, 80, 2018, "38", "C44.5", "8070"),  # skin: not covered by a general registry
    tumour(13, 1, 75, 2018, "38", "C20.9"),  # rectum, 50+
)


def cell(registry, site, sex, code, year, band, events, until=None):
    """One cell of a registry; `band` None is unknown age."""
    ages = (None, None, "unknown") if band is None else (*band, "known")
    return ("registres", registry, site, sex, *departement(code), year, until or year + 1, *ages, events)


CELLS = (
    cell("calvados", "colorectum", 1, "14", 2016, (50, None), 3),
    cell("calvados", "colorectum", 1, "14", 2016, (15, 50), 1),
    cell("calvados", "colorectum", 2, "14", 2017, None, 2),  # unknown age
    cell("calvados", "prostate", 1, "14", 2018, (50, None), 4),
)


def death(site, sex, code, year, band, events, icd10=None, until=None):
    ages = (None, None, "unknown") if band is None else (*band, "known")
    return ("cepidc", site, icd10, sex, *departement(code), year, until or year + 1, *ages, events)


#: Deaths come in two bands only, 0-49 and 50+.
DEATHS = (
    death("colorectum", 1, "38", 2016, (50, None), 2),
    death("colorectum", 1, "38", 2016, (0, 50), 1),
    death("colorectum", 2, "73", 2018, (50, None), 5),
)


def tables() -> dict[str, pd.DataFrame]:
    """Return the tables of the tiny extract, fresh at each call."""
    kinds = (("registres", "registry"), ("cepidc", "deaths"), ("insee", "census"))
    sources = [(name, name, kind, "essai", True, None, 11, None) for name, kind in kinds]
    areas = [(*departement(code), code, code, None, None, None) for code in DEPARTEMENTS]
    areas += [("region", code, V, code, code, None, None, None) for code in ("28", "84")]
    areas += [("registry_zone", code, V, code, code, None, None, None) for code in ("calvados", "isere")]
    areas += [("france_hexagonale", "FR", V, "France", "France", None, None, None)]
    links = [
        (*departement("14"), "region", "28", V, None, None, 1.0),
        (*departement("38"), "region", "84", V, None, None, 1.0),
        (*departement("73"), "region", "84", V, None, 2018, 1.0),
        (*departement("73"), "region", "28", V, 2018, None, 1.0),
        (*departement("14"), "registry_zone", "calvados", V, None, None, 1.0),
        (*departement("38"), "registry_zone", "isere", V, None, None, 1.0),
        (*departement("73"), "registry_zone", "isere", V, None, None, 1.0),
        *((*departement(code), "france_hexagonale", "FR", V, None, None, 1.0) for code in DEPARTEMENTS),
    ]
    covered = (("calvados", "14"), ("isere", "38"), ("isere", "73"))
    scope = [
        ("incidence_cells", "registres", site, sex, "departement", 2016, 2019, 0, None)
        for site, sexes in (("colorectum", (1, 2)), ("prostate", (1,)), ("breast", (1, 2)))
        for sex in sexes
    ]
    scope += [
        ("death_cells", "cepidc", "colorectum", sex, "departement", 2016, 2019, 0, None) for sex in (1, 2)
    ]
    return {
        "sources": frame("sources", sources),
        "areas": frame("areas", areas),
        "membership": frame("membership", links),
        "coverage": frame(
            "coverage",
            [(name, *departement(code), "general", 0, None, 2016, 2019) for name, code in covered],
        ),
        "person_years": frame("person_years", person_years(DEPARTEMENTS)),
        "tumours": frame("tumours", TUMOURS),
        "incidence_cells": frame("incidence_cells", CELLS),
        "death_cells": frame("death_cells", DEATHS),
        "cells_scope": frame("cells_scope", scope),
    }


def person_years(codes, *, source="insee", bands=BANDS, years=YEARS, sizes=None):
    """Return rows of person-years; a band that is not in `sizes` sums those inside it."""
    sizes = sizes or PERSON_YEARS
    return [
        (source, sex, *departement(code), year, year + 1, first, until, "known",
         sum(size for (of, age), size in sizes.items() if of == sex and first <= age < (until or 999)))
        for code in codes for sex in (1, 2) for year in years for first, until in bands
    ]  # fmt: skip


class Read:
    """Cells of an extract by their keys, and its accounting."""

    def __init__(self, parts: list[Cells], accounting: pd.DataFrame) -> None:
        self.parts, self.accounting = parts, accounting
        self.at = {}
        for part in parts:
            for row, stratum in enumerate(part.strata.itertuples(index=False)):
                key = (stratum.event_type, stratum.site, stratum.sex, stratum.geo_level, stratum.geo_code,
                       stratum.period_from, stratum.period_until)  # fmt: skip
                assert key not in self.at, f"two strata with one key {key}"
                self.at[key] = (part, row)

    def events(self, *key):
        """Return (events by band, events of unknown age) of a stratum."""
        part, row = self.at[key]
        return part.events[row].tolist(), int(part.unknown_age[row])

    def person_years(self, *key):
        part, row = self.at[key]
        return part.person_years[row].tolist()

    def covered(self, *key):
        part, row = self.at[key]
        return part.covered[row].tolist()

    def bands(self, *key):
        return self.at[key][0].bands.labels()

    def fate(self, table: str) -> dict[str, tuple[int, int]]:
        """Return rows and events of a table by fate in the step "cells"."""
        own = self.accounting[(self.accounting["table_name"] == table) & (self.accounting["step"] == "cells")]
        names = ["used" if row.fate == "used" else row.reason for row in own.itertuples()]
        return {name: (int(row.rows), int(row.events))
                for name, row in zip(names, own.itertuples(), strict=True)}  # fmt: skip


def read(folder: Path, given: dict[str, pd.DataFrame], selection: Selection, **options) -> Read:
    """Write the tables, open the file, and return the cells of a selection."""
    path = folder / "x.duckdb"
    path.unlink(missing_ok=True)
    write_extract(path, given)
    with open_extract(path, **{"threads": 1, **options}) as extract:
        return Read(CellBuilder(extract).cells(selection), extract.accounting.frame())
