"""A small synthetic release, written by the release room, for the tests of what is drawn from releases.

Six départements of two régions of the métropole and two overseas ones, two registries; deaths by year,
incidence pooled. Counts below eleven are masked where the figures are made, one by one: the tests of
disclosure are elsewhere, here the report only has to show a masked row as such.

Import it with ``from tests.report_release import write_release``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import shapely

from rnc_epi.disclosure import load_policy
from rnc_epi.maths.intervals import poisson_interval
from rnc_epi.release import release_metadata, stage
from rnc_epi.vocabulary.areas import AreaKey
from rnc_epi.vocabulary.hierarchy import Hierarchy
from rnc_epi.vocabulary.policy import Lift
from rnc_epi.vocabulary.releasable import Releasable
from rnc_epi.vocabulary.schemas import DERIVED_FROM_COUNT, as_result
from rnc_epi.vocabulary.study import parse_study

VINTAGE = "cog2026"
YEARS = (2018, 2021)
BANDS = ((0, 50), (50, 75), (75, None))
#: Département, its région, its population; the first two overseas are alone in their région.
DEPARTEMENTS = {
    "22": ("53", 600_000),
    "29": ("53", 900_000),
    "35": ("53", 1_100_000),
    "14": ("28", 700_000),
    "50": ("28", 500_000),
    "61": ("28", 30_000),
    "971": ("01", 380_000),
    "974": ("04", 880_000),
}
NAMES = {"53": "Bretagne", "28": "Normandie", "01": "Guadeloupe", "04": "La Réunion"}
REGISTRIES = {"calvados": "14", "finistere": "29"}
#: Deaths or cases per 100 000 by site and sex; breast cancer of men is rare enough to be masked.
BURDEN = {
    ("lung", 1): 70.0,
    ("lung", 2): 35.0,
    ("breast", 1): 0.5,
    ("breast", 2): 40.0,
    ("thyroid", 1): 3.0,
    ("thyroid", 2): 9.0,
}
#: What the département of this code has times what the others have: it must be found to differ.
HIGH_IN_FINISTERE = 1.6


def write_release(out: Path, *, synthetic: bool = True, altered: str = "", events: str = "both") -> Path:
    """Write a staged release under `out` and return its folder.

    Parameters
    ----------
    out : Path
    synthetic : bool
        Whether the sources say that they are.
    altered : str
        What the source of deaths says of its alteration, French and English joined by `` / ``.
    events : {"both", "death", "incidence"}
    """
    lifts = (Lift("lung", "death", "Raison déclarée de la levée.", "Declared reason of the lift."),)
    policy = load_policy("default", source_thresholds={}, lifts=lifts)
    results, hierarchy = _results(events)
    sources = pd.DataFrame(
        [
            ("registres", "Registres d'essai", "registry", "MIT", synthetic, None, 11, None),
            ("deces", "Décès d'essai <b>", "deaths", "MIT", synthetic, altered or None, 11, "2020"),
        ],
        columns=[
            "source", "title", "kind", "licence", "synthetic", "altered", "disclosure_threshold",
            "definition_break_years",
        ],
    )  # fmt: skip
    areas = _areas()
    study = parse_study('schema = 1\ntitle = "Étude d\'essai & vérification"\nextract = "x"', "test")
    accounting = pd.DataFrame(
        [
            ("death_cells", "deces", "contract", "used", "_", 5_000, 9_000),
            ("death_cells", "deces", "contract", "excluded", "D131", 40, 60),
            ("death_cells", "deces", "contract", "quarantined", "D048", 7, 7),
        ],
        columns=["table_name", "source", "step", "fate", "reason", "rows", "events"],
    )
    return stage(
        [Releasable("indicators", results, policy.fingerprint())],
        policy=policy,
        metadata=release_metadata(
            study,
            sources,
            areas,
            results,
            policy,
            outline_notice={"fr": "Contours d'essai.", "en": "Test outlines."},
        ),
        hierarchy=hierarchy,
        areas=areas,
        accounting=accounting,
        manifest_facts={"extract_fingerprint": "test", "parameters": {}},
        out=out,
    )


def _cells(events: str) -> pd.DataFrame:
    """Return events and person-years by event, site, sex, département, year and band of ages."""
    rng = np.random.default_rng(20)
    rows = []
    for event_type in ("death", "incidence"):
        if events not in ("both", event_type):
            continue
        for (site, sex), rate in BURDEN.items():
            for code, (_, population) in DEPARTEMENTS.items():
                high = HIGH_IN_FINISTERE if (code, site) == ("29", "lung") else 1.0
                for year in range(*YEARS):
                    for (start, end), share, weight in zip(
                        BANDS, (0.6, 0.3, 0.1), (0.1, 1.5, 4.5), strict=True
                    ):
                        person_years = population * share / 2
                        mean = person_years * rate * weight * high / 1e5
                        rows.append(
                            (event_type, site, sex, code, year, start, end, rng.poisson(mean), person_years)
                        )
    columns = ["event_type", "site", "sex", "code", "year", "age_from", "age_until", "events", "person_years"]
    cells = pd.DataFrame(rows, columns=columns)
    whole = cells.groupby(["event_type", "sex", "code", "year", "age_from", "age_until"], dropna=False)
    everything = whole.agg({"events": "sum", "person_years": "first"}).reset_index()
    return pd.concat([cells, everything.assign(site="all_cancers")], ignore_index=True)


def _results(events: str) -> tuple[pd.DataFrame, Hierarchy]:
    cells = _cells(events)
    region = {code: entry[0] for code, entry in DEPARTEMENTS.items()}
    placed = []
    for level, code_of, wanted in (
        ("departement", {code: code for code in DEPARTEMENTS}, ("death",)),
        ("region", region, ("death",)),
        ("france_hexagonale", {code: "FRH" for code in DEPARTEMENTS if len(code) == 2}, ("death",)),
        ("registry_zone", {code: name for name, code in REGISTRIES.items()}, ("incidence",)),
        ("registry_zone", dict.fromkeys(REGISTRIES.values(), "ALL"), ("incidence",)),
    ):
        part = cells[cells["event_type"].isin(wanted) & cells["code"].isin(list(code_of))]
        placed.append(part.assign(geo_level=level, geo_code=part["code"].map(code_of)))
    cells = pd.concat(placed, ignore_index=True)
    pooled = cells.assign(period_from=YEARS[0], period_until=YEARS[1])
    yearly = cells[cells["geo_level"].isin(["region", "france_hexagonale"])]
    yearly = yearly.assign(period_from=yearly["year"], period_until=yearly["year"] + 1)
    keys = ["event_type", "site", "sex", "geo_level", "geo_code", "period_from", "period_until"]
    cells = pd.concat([pooled, yearly]).groupby([*keys, "age_from", "age_until"], dropna=False)
    cells = cells[["events", "person_years"]].sum().reset_index()
    return _indicators(cells, keys), _hierarchy(region)


def _indicators(cells: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    national = cells.groupby(["event_type", "site", "sex", "age_from"])[["events", "person_years"]].sum()
    rate = (national["events"] / national["person_years"]).rename("reference")
    cells = cells.join(rate, on=["event_type", "site", "sex", "age_from"])
    cells["expected"] = cells["reference"] * cells["person_years"]
    cells["weighted"] = (
        cells["events"] / cells["person_years"] * cells["age_from"].map({0: 0.8, 50: 0.16, 75: 0.04})
    )
    totals = cells.groupby(keys)[["events", "person_years", "expected", "weighted"]].sum().reset_index()
    low, high = _limits(totals["events"])
    common = {"per": 100_000, "measure_unit": "rate", "level": 0.95, "interval_kind": "confidence"}
    spread = 1 / np.maximum(totals["events"].to_numpy(float), 1)
    tables = [
        totals.assign(
            indicator="count", measure_unit="events", per=1, method="count", value=totals["events"]
        ),
        _rate(totals, "crude_rate", "crude", "garwood", totals["events"] / totals["person_years"], common),
        _rate(totals, "asr", "direct", "fay-feuer", totals["weighted"], common).assign(standard="world"),
    ]
    ratio = totals.assign(
        **(common | {"per": 1, "measure_unit": "ratio"}), method="indirect", interval_method="garwood"
    )
    ratio["indicator"] = ratio["event_type"].map({"death": "smr", "incidence": "sir"})
    ratio["comparator"] = ratio["event_type"].map(
        {"death": f"france_hexagonale:FRH:{VINTAGE}", "incidence": f"registry_zone:ALL:{VINTAGE}"}
    )
    ratio["value"] = totals["events"] / totals["expected"]
    ratio["lower"], ratio["upper"] = low / totals["expected"], high / totals["expected"]
    ratio["se"] = ratio["value"] * np.sqrt(spread)
    tables.append(ratio[~ratio["geo_level"].isin(["france_hexagonale"])])
    ages = cells[cells["geo_level"].isin(["france_hexagonale", "registry_zone"])]
    ages = ages[(ages["period_until"] - ages["period_from"]).gt(1)]
    by_age = _rate(
        ages, "age_specific_rate", "crude", "garwood", ages["events"] / ages["person_years"], common
    )
    tables.append(by_age)
    for position, table in enumerate(tables[:-1]):
        tables[position] = table.assign(age_from=0, age_until=pd.NA)
    if (totals["event_type"] == "incidence").any():
        tables.append(_not_estimable())
    table = pd.concat([part.drop(columns=["weighted", "reference"], errors="ignore") for part in tables])
    table = table.assign(
        geo_vintage=VINTAGE,
        estimator="observed",
        source=table["event_type"].map({"death": "deces", "incidence": "registres"}),
        expected=table["expected"].where(table["measure_unit"].eq("ratio")),
        status=table.get("status", pd.Series(index=table.index, dtype=object)).fillna("published"),
    )
    hidden = table["events"].between(1, 10) & table["status"].eq("published")
    table.loc[hidden, "status"] = "not_published"
    table.loc[hidden, [*DERIVED_FROM_COUNT, "person_years"]] = np.nan
    rounded = table.round({"value": 2, "lower": 2, "upper": 2, "se": 2, "expected": 1})
    rates = rounded["measure_unit"].eq("rate")
    for name in ("value", "lower", "upper", "se"):
        rounded.loc[rates, name] = rounded.loc[rates, name].round(1)
    return as_result(rounded.reset_index(drop=True))


def _limits(events: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    found = poisson_interval(events.to_numpy(float))
    return np.asarray(found.lower), np.asarray(found.upper)


def _rate(
    totals: pd.DataFrame,
    indicator: str,
    method: str,
    interval: str,
    value: pd.Series,
    common: dict[str, object],
) -> pd.DataFrame:
    events = totals["events"].to_numpy(float)
    low, high = _limits(totals["events"])
    scale = value.to_numpy(float) * 1e5
    part = np.maximum(events, 1)
    return totals.assign(
        **common,
        indicator=indicator,
        method=method,
        interval_method=interval,
        value=scale,
        lower=scale * low / part,
        upper=np.where(events > 0, scale * high / part, 1e5 * high / totals["person_years"]),
        se=scale / np.sqrt(part),
    )


def _not_estimable() -> pd.DataFrame:
    rows = [
        {
            "indicator": "asr", "measure_unit": "rate", "per": 100_000, "event_type": "incidence",
            "site": site, "sex": sex, "geo_level": "france_hexagonale", "geo_code": "FRH",
            "period_from": YEARS[0], "period_until": YEARS[1], "age_from": 0,
            "standard": "world", "method": "direct", "status": "not_estimable",
        }
        for site, sex in BURDEN
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _hierarchy(region: dict[str, str]) -> Hierarchy:
    below: dict[str, list[AreaKey]] = {}
    for code, parent in region.items():
        below.setdefault(parent, []).append(AreaKey("departement", code, VINTAGE))
    links = [(AreaKey("region", code, VINTAGE), tuple(children)) for code, children in sorted(below.items())]
    pooled = AreaKey("registry_zone", "ALL", VINTAGE)
    links.append((pooled, tuple(AreaKey("registry_zone", name, VINTAGE) for name in sorted(REGISTRIES))))
    return Hierarchy(sites=(), areas=tuple(links))


def _areas() -> pd.DataFrame:
    """Return the areas: départements are squares side by side, the overseas ones in insets."""
    rows = []
    for i, code in enumerate(DEPARTEMENTS):
        inset = '{"epsg": 5490, "scale": 1.5, "dx": 0, "dy": 0}' if len(code) == 3 else None
        left = 6e5 + 1e5 * i if inset is None else 1e5 + 1e5 * (i - 6)
        outline = shapely.to_wkb(shapely.box(left, 6.5e6, left + 9e4, 6.6e6))
        rows.append(("departement", code, f"Département {code}", f"Département {code}", outline, inset))
    rows += [("region", code, name, name, None, None) for code, name in NAMES.items()]
    rows += [("registry_zone", name, name.capitalize(), name.capitalize(), None, None) for name in REGISTRIES]
    rows.append(("france_hexagonale", "FRH", "France hexagonale", "Metropolitan France", None, None))
    columns = ["geo_level", "geo_code", "name_fr", "name_en", "outline", "inset"]
    return pd.DataFrame(rows, columns=columns).assign(geo_vintage=VINTAGE)
