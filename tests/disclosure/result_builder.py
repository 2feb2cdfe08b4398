"""Synthetic result tables that add up: deaths by site, sex, area, period and age, from one Poisson cube."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from rnc_epi.vocabulary.areas import AreaKey
from rnc_epi.vocabulary.hierarchy import Hierarchy
from rnc_epi.vocabulary.schemas import as_result

VINTAGE = "cog2026"
AGES = [(0, 15), (15, 50), (50, 65), (65, 75), (75, None)]
AGE_SHARE = np.array([0.01, 0.09, 0.25, 0.30, 0.35])
PY_SHARE = np.array([0.17, 0.42, 0.19, 0.12, 0.10])


@dataclass(frozen=True)
class Study:
    """An internal result table and what adds up in it."""

    results: pd.DataFrame
    hierarchy: Hierarchy


def study(
    *,
    sites: int = 6,
    departements: int = 24,
    regions: int = 5,
    years: tuple[int, int] = (2016, 2021),
    pooled: tuple[tuple[int, int], ...] = ((2016, 2021),),
    national: float = 900.0,
    source: str = "deaths",
    seed: int = 1,
) -> Study:
    """Return a study: leaf sites under two groups under `all`, départements under regions under France."""
    rng = np.random.default_rng(seed)
    site_names = [f"site{number}" for number in range(sites)]
    site_rate = national / (1.0 + np.arange(sites)) ** 1.3
    population = rng.lognormal(0.0, 0.7, departements)
    population /= population.sum()
    n_years = years[1] - years[0]
    sex_share = np.array([0.55, 0.45])
    mean = np.einsum("s,x,d,a->sxda", site_rate, sex_share, population, AGE_SHARE)
    leaf = rng.poisson(np.repeat(mean[..., None, :], n_years, axis=3))  # site, sex, area, year, age
    py_leaf = np.einsum("x,d,a->xda", np.array([0.49, 0.51]), population, PY_SHARE) * 6.0e7
    py_leaf = np.repeat(py_leaf[:, :, None, :], n_years, axis=2)

    half = max(1, sites // 2)
    groups = {name: [number] for number, name in enumerate(site_names)}
    tree = []
    if sites > 2:
        groups |= {"group_a": list(range(half)), "group_b": list(range(half, sites))}
        groups["all"] = list(range(sites))
        tree = [("group_a", tuple(site_names[:half])), ("group_b", tuple(site_names[half:])),
                ("all", ("group_a", "group_b"))]  # fmt: skip
    codes = [f"{number + 1:02d}" for number in range(departements)]
    region_of = np.arange(departements) % regions
    areas = [("departement", code, [number]) for number, code in enumerate(codes)]
    areas += [("region", f"{r + 11}", list(np.flatnonzero(region_of == r))) for r in range(regions)]
    areas += [("france_hexagonale", "FRA", list(range(departements)))]
    key = {(level, code): AreaKey(level, code, VINTAGE) for level, code, _ in areas}
    france = key["france_hexagonale", "FRA"]
    area_tree = [(france, tuple(key["region", f"{r + 11}"] for r in range(regions)))]
    area_tree += [
        (
            key["region", f"{r + 11}"],
            tuple(key["departement", codes[d]] for d in np.flatnonzero(region_of == r)),
        )
        for r in range(regions)
    ]
    singles = [(year, year + 1) for year in range(*years)] if n_years > 1 else []

    rows = []
    for site, members in groups.items():
        for sex, sexes in ((0, [0, 1]), (1, [0]), (2, [1])):
            for level, code, inside in areas:
                fine = level != "departement"
                periods = dict.fromkeys([*pooled, *(singles if fine else [])])
                for begin, end in periods:
                    span = slice(begin - years[0], end - years[0])
                    events = leaf[members][:, sexes][:, :, inside][:, :, :, span].sum(axis=(0, 1, 2, 3))
                    py = py_leaf[sexes][:, inside][:, :, span].sum(axis=(0, 1, 2))
                    stratum = {
                        "event_type": "death", "site": site, "sex": sex, "geo_level": level, "geo_code": code,
                        "geo_vintage": VINTAGE, "period_from": begin, "period_until": end, "source": source,
                        "status": "estimated", "estimator": "observed",
                    }  # fmt: skip
                    rows += _rows(stratum, events, py, fine)
    return Study(as_result(pd.DataFrame(rows)), Hierarchy(tuple(tree), tuple(area_tree)))


def _rows(stratum: dict, events: np.ndarray, py: np.ndarray, ages: bool) -> list[dict]:
    total, person_years = float(events.sum()), float(py.sum())
    whole = stratum | {"age_from": 0, "age_until": None, "events": total, "person_years": person_years}
    rate = total / person_years * 1e5
    half = 1.96 * np.sqrt(total) / person_years * 1e5
    interval = {"interval_method": "normal", "level": 0.95, "interval_kind": "confidence"}
    limits = {"lower": max(0.0, rate - half), "upper": rate + half, "se": half / 1.96} | interval
    standardised = float((events / py * PY_SHARE).sum() * 1e5)
    expected = person_years * 2.3e-5
    rows = [
        whole | {"indicator": "count", "measure_unit": "persons", "value": total},
        whole | {"indicator": "crude_rate", "measure_unit": "rate", "per": 100_000, "value": rate} | limits,
        whole | {"indicator": "asr", "measure_unit": "rate", "per": 100_000, "standard": "world",
                 "method": "direct", "value": standardised} | limits,
        whole | {"indicator": "smr", "measure_unit": "ratio", "comparator": "france", "expected": expected,
                 "value": total / expected, "lower": total / expected * 0.8, "upper": total / expected * 1.2}
        | interval,
    ]  # fmt: skip
    if ages:
        for (age_from, age_until), deaths, years in zip(AGES, events, py, strict=True):
            band = stratum | interval | {"indicator": "age_specific_rate", "measure_unit": "rate"}
            band |= {"age_from": age_from, "age_until": age_until, "per": 100_000}
            band |= {"events": float(deaths), "person_years": float(years), "value": deaths / years * 1e5}
            rows.append(band)
    return rows
