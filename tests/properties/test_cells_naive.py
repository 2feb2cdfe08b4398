"""Random small extracts: the engine of `rnc_epi.cells` and the naive one give the same cells, exactly."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from rnc_epi.cells.build import CellBuilder, Selection
from rnc_epi.cells.groups import GROUPING_COLUMNS
from rnc_epi.extracts.opening import Extract
from rnc_epi.store import RowAccounting
from rnc_epi.store.connection import lock
from rnc_epi.vocabulary.contract import TABLES
from rnc_epi.vocabulary.periods import Period
from tests.by_hand.small_extract import V, frame
from tests.extract_builder import write_extract
from tests.naive_engine import NaiveEngine

CODES = ("01", "14", "38")
YEARS = (2016, 2017, 2018)
POOLED = Period(2016, 2019)
GROUPS = {"01": "Q1", "14": "Q2", "38": None}
EVENT_TYPES = ("incidence", "death", "proxy_A", "proxy_HA")
SITES = (
    "all_cancers",
    "colorectum",
    "colon",
    "rectum",
    "prostate",
    "leukaemia",
    "lymphoid_leukaemia",
    "breast",
)
TUMOUR_CODES = [("C18.7", "8140"), ("C20.9", "8140"), ("C61.9", "8140"), ("C50.9", "8500"), ("C42.1", "9811"),
                ("C42.1", "9861"), ("C42.1", "9800"), ("C77.0", "9999"), ("C44.5", "8070")]  # fmt: skip
BANDS = (((0, 15), (15, 50), (50, 75), (75, None)), ((0, 15), (15, 50), (50, None)), ((0, 50), (50, None)))


def draw_extract(seed: int) -> dict[str, pd.DataFrame]:
    """Return the tables of a random small extract; what the contract refuses may be drawn too."""
    draw = random.Random(seed)
    area = {code: ("departement", code, V) for code in CODES}
    links = []
    for code in CODES:
        links.append((*area[code], "france_hexagonale", "FR", V, None, None, 1.0))
        links.append((*area[code], "registry_zone", draw.choice(["z1", "z2"]), V, None, None, 1.0))
        first, second = draw.choice(["84", "28"]), draw.choice(["84", "28"])
        if first == second:
            links.append((*area[code], "region", first, V, None, None, 1.0))
        else:
            links.append((*area[code], "region", first, V, None, 2018, 1.0))
            links.append((*area[code], "region", second, V, 2018, None, 1.0))
    denominated = draw.choices([CODES, CODES[1:]], [4, 1])[0]
    finest = {code: draw.choices(BANDS, [6, 1, 1])[0] for code in CODES}
    person_years = [
        ("insee", sex, *area[code], year, year + 1, first, until, "known",
         draw.randint(1, 99) + draw.random())
        for code in denominated for sex in (1, 2) for year in YEARS for first, until in finest[code]
    ]  # fmt: skip
    rows_of, cells_of = draw.choice([(CODES[:2], CODES[2:]), (CODES[2:], CODES[:2]), (CODES[:1], CODES[2:])])
    coverage, tumours, cells = [], [], []
    for code in rows_of:
        ages = draw.choices([(0, None), (0, 15), (15, None), (0, 18), (50, None)], [6, 1, 1, 1, 1])[0]
        group = draw.choices(["general", "colorectum", "leukaemia"], [4, 1, 1])[0]
        span = draw.choice([(2016, 2019), (2016, 2019), (2017, 2019)])
        coverage.append(("rows", *area[code], group, *ages, *span))
        if draw.random() < 0.3:
            coverage.append(("rows", *area[code], "colon", 0, None, 2016, 2018))
    for key in range(draw.randint(0, 14)):
        topography, morphology = draw.choice(TUMOUR_CODES)
        age = draw.choice([None, 0, 14, 15, 17, 18, 49, 50, 74, 75, 99])
        where = area[draw.choice([*rows_of, draw.choice(CODES)])]
        tumours.append((key, None, "registres", "rows", draw.choice([1, 2]), age, draw.choice(YEARS), None,
                        topography, morphology, draw.choices([3, 2], [9, 1])[0], None, None, *where, None,
                        None))  # fmt: skip
    _by_commune(draw, rows_of, coverage, tumours, person_years, links)
    bands = draw.choice([BANDS[1], BANDS[1], BANDS[2]])
    spans = {site: draw.choice([[(2016, 2019)], [(year, year + 1) for year in YEARS]])
             for site in ("colorectum", "prostate", "breast")}  # fmt: skip
    for code in cells_of:
        coverage.append(("cells", *area[code], "general", 0, draw.choice([None, None, 50]), 2016, 2019))
        cells += _cells(draw, ("registres", "cells"), area[code], spans, bands, unknown=True)
    scope = [
        ("incidence_cells", "registres", site, sex, "departement", 2016, 2019, 0, None)
        for site in spans for sex in ((1,) if site == "prostate" else (1, 2)) if draw.random() < 0.9
    ]  # fmt: skip
    yearly = {site: [(year, year + 1) for year in YEARS] for site in ("colon", "rectum", "breast")}
    deaths = []
    for code in CODES:
        for row in _cells(draw, ("cepidc",), area[code], yearly, BANDS[2], unknown=False):
            deaths.append((row[0], row[1], None, *row[2:]))
    scope += [("death_cells", "cepidc", site, sex, "departement", 2016, 2019, 0, None)
              for site in yearly for sex in (1, 2)]  # fmt: skip
    proxies, counted = [], {"colorectum": [(2016, 2019)], "prostate": [(2016, 2019)]}
    for letters in ("A", "HA"):
        for code in CODES:
            rows = _cells(draw, ("snds",), area[code], counted, BANDS[2], unknown=True)
            proxies += [(row[0], letters, *row[1:]) for row in rows if row[2] == 1 or letters == "A"]
    scope += [("proxy_cells", "snds", site, sex, "departement", 2016, 2019, 0, None)
              for site in counted for sex in (1, 2)]  # fmt: skip
    given = {
        "person_years": person_years, "membership": links, "coverage": coverage, "tumours": tumours,
        "incidence_cells": cells, "death_cells": deaths, "proxy_cells": proxies, "cells_scope": scope,
        "areas": [], "sources": [],
    }  # fmt: skip
    tables = {name: frame(name, rows) for name, rows in given.items()}
    for name in ("tumours", "incidence_cells", "death_cells", "proxy_cells"):
        if tables[name].empty:
            del tables[name]
    # As the contract stores them: millionths.
    tables["person_years"]["person_years"] = [round(v, 6) for v in tables["person_years"]["person_years"]]
    return tables


def _by_commune(draw, rows_of, coverage, tumours, person_years, links):
    """Let the tumours of a département of rows be coded to its two communes, in one of several ways."""
    code, way = rows_of[0], draw.choice(["no", "no", "years within", "all years at once within", "climb"])
    local = ("departement", code, V)
    if way == "no" or not any(tuple(row[2:5]) == local for row in person_years):
        return
    communes = [("commune", code + letter, V) for letter in "ab"]
    links += [(*commune, *local, None, None, 1.0) for commune in communes]
    known = draw.choice([1.0, 1.0, 0.5])
    for n, row in enumerate(tumours):
        if tuple(row[13:16]) == local and draw.random() < known:
            tumours[n] = (*row[:13], *draw.choice(communes), *row[16:])
    own = [row for row in person_years if tuple(row[2:5]) == local]
    if way == "years within":
        person_years += [(*row[:2], *commune, *row[5:]) for commune in communes for row in own]
    elif way == "all years at once within":
        at_once = {(row[:2], row[7:10]): row for row in own}.values()
        person_years += [
            (*row[:2], *commune, 2016, 2019, *row[7:]) for commune in communes for row in at_once
        ]
    else:
        mine = [row for row in coverage if tuple(row[1:4]) == local]
        coverage[:] = [row for row in coverage if tuple(row[1:4]) != local]
        coverage += [(row[0], *commune, *row[4:]) for row in mine for commune in communes]


def _cells(draw, front, area, spans, bands, *, unknown):
    rows = []
    for site, periods in spans.items():
        for sex in (1,) if site == "prostate" else (1, 2):
            for period in periods:
                for band in bands:
                    if draw.random() < 0.4:
                        rows.append((*front, site, sex, *area, *period, *band, "known", draw.randint(0, 9)))
                if unknown and draw.random() < 0.1:
                    rows.append((*front, site, sex, *area, *period, None, None, "unknown", 1))
    return rows


def unchecked(path, tables, threads=1) -> Extract:
    """Open an extract without the checks of the contract, which have their own tests."""
    write_extract(path, tables)
    store = lock(path, threads=threads)
    for name in TABLES:
        if name in tables:
            store.run_view(f"usable_{name}", f"SELECT * FROM extract.main.{name}")
    return Extract(store, tuple(tables), (), RowAccounting())


def compare(seed: int, folder) -> int:
    """Compare the two engines on one extract; return the number of strata compared."""
    tables = draw_extract(seed)
    extract = unchecked(folder / f"{seed}.duckdb", tables)
    try:
        builder = CellBuilder(extract)
        found = {}
        selection = Selection(SITES, event_types=EVENT_TYPES, years=YEARS, pooled=(POOLED,))
        for event_type, _, part in builder.stream(selection):
            for row, key in enumerate(part.strata.itertuples(index=False)):
                area = (key.geo_level, key.geo_code, key.geo_vintage)
                at = (event_type, key.site, key.sex, area, (key.period_from, key.period_until))
                found[at] = figures(part, row)
        groups = pd.DataFrame(
            [("departement", code, V, "g", name) for code, name in GROUPS.items()], columns=GROUPING_COLUMNS
        )
        in_groups = {}
        for part in builder.grouped(selection, groups) if found else ():
            for row, key in enumerate(part.strata.itertuples(index=False)):
                area = (key.geo_level, key.geo_code, key.geo_vintage)
                at = (key.event_type, key.site, key.sex, area, (key.period_from, key.period_until))
                in_groups[(*at, key.stratum)] = figures(part, row)
        ledger = extract.accounting.frame()
        ledger = ledger[ledger["step"] == "cells"]
    finally:
        extract.close()
    expected, fates, expected_groups = {}, {}, {}
    for event_type in EVENT_TYPES:
        naive = NaiveEngine(tables, event_type, (2016, 2019))
        expected |= {(event_type, *key): value for key, value in naive.strata(SITES).items()}
        expected_groups |= {(event_type, *key): value for key, value in naive_groups(naive).items()}
        for name, counts in naive.fates.items():
            fates.setdefault(name, Counter()).update(counts)
    for name, counts in fates.items():
        own = ledger[ledger["table_name"] == name]
        said = {"used" if row.fate == "used" else row.reason: int(row.events) for row in own.itertuples()}
        assert {fate: n for fate, n in said.items() if n} == {fate: n for fate, n in counts.items() if n}
        # The law of conservation: every row and event that came in is used or excluded.
        entered = tables[name]["events"].sum() if "events" in tables[name] else len(tables[name])
        assert (own["rows"].sum(), own["events"].sum()) == (len(tables[name]), entered)
    assert found == expected
    single = {key: value for key, value in in_groups.items() if key[-1] != "all"}
    assert single == expected_groups
    all_is_the_sum_of_the_groups(in_groups)
    return len(found)


def figures(part, row):
    """Return the figures of a stratum in the form of the naive engine."""
    micro = np.rint(part.person_years[row] * 1e6).astype(int).tolist()
    bands = zip(part.events[row].tolist(), micro, part.covered[row].tolist(), strict=True)
    return list(bands), int(part.unknown_age[row])


def naive_groups(naive):
    """Return the groups of départements within each area above them, stratum by stratum."""
    periods = sorted({*naive.base_periods, (POOLED.period_from, POOLED.period_until)})
    # The registries are pooled where more than one of them counts something by département.
    counted = {key[3] for key in naive.claims}
    links = [row for row in naive.tables["membership"] if row["parent_level"] == "registry_zone"]
    zones = {row["parent_code"] for row in links if ("departement", row["child_code"], V) in counted}
    above = [area for area in naive.all_areas() if area[0] not in ("departement", "commune")]
    if naive.event_type == "incidence" and len(zones) > 1:
        above.append(("registry_zone", "ALL", V))
    members = {}
    for code in CODES:
        members.setdefault(GROUPS[code] or "unknown", []).append(("departement", code, V))
    universe = [("departement", code, V) for code in CODES]
    return {
        (site, sex, area, period, name): value
        for site in SITES for sex in (1, 2, 0) for area in above for period in periods
        for name, inside in members.items()
        if (value := naive.group(site, sex, area, period, inside, universe)) is not None
    }  # fmt: skip


def all_is_the_sum_of_the_groups(found):
    """Assert that what is said of all groups is the sum of what is said of each."""
    for key in [key for key in found if key[-1] == "all"]:
        parts = [found[(*key[:-1], name)] for name in ("Q1", "Q2") if (*key[:-1], name) in found]
        bands = [(sum(x[0] for x in at), sum(x[1] for x in at), any(x[2] for x in at))
                 for at in zip(*(part[0] for part in parts), strict=True)]  # fmt: skip
        whole = found[key]
        if key[0] != "incidence":  # in part is not known
            bands = [
                (d, n, True) if c else (0, 0, False)
                for (d, n, _), (_, _, c) in zip(bands, whole[0], strict=True)
            ]
        assert (bands, sum(part[1] for part in parts)) == whole


@pytest.mark.parametrize("seed", range(25))
def test_random_small_extracts_give_the_same_cells_in_both_engines(seed, tmp_path):
    compare(seed, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("block", range(10))
def test_many_random_small_extracts_give_the_same_cells_in_both_engines(block, tmp_path):
    assert sum(compare(1_000 + 25 * block + n, tmp_path) > 0 for n in range(25)) >= 20
