"""A small synthetic country as cells: registries in some départements, correlates in all of them.

Import it with ``from tests.country_cells import country_cells``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from rnc_epi.cells.table import Cells, concatenate
from rnc_epi.vocabulary.ages import BandSet
from rnc_epi.vocabulary.areas import AreaKey
from rnc_epi.vocabulary.hierarchy import Hierarchy

VINTAGE = "cog"
BANDS = BandSet.five_year(85)
MIDDLES = np.append(np.arange(2.5, 85, 5), 88.5)
NATION = AreaKey("france_hexagonale", "FRH", VINTAGE)
#: Spread of the ratio between districts by correlate: two good ones, one middling, one that tells nothing.
SPREAD = {"A": 0.03, "HA": 0.02, "H": 0.10, "M": 0.45}


def area(number: int) -> AreaKey:
    return AreaKey("departement", f"{number + 1:02d}", VINTAGE)


def region(number: int) -> AreaKey:
    return AreaKey("region", f"R{number}", VINTAGE)


@dataclass(frozen=True)
class SyntheticCountry:
    """Cells, hierarchy, and the cases that a registry would have counted everywhere."""

    incidence: Cells
    proxies: list[Cells]
    deaths: Cells
    hierarchy: Hierarchy
    truth: np.ndarray
    person_years: np.ndarray


def strata(event_type: str, site: str, sex: int, areas: list[AreaKey], first: int, last: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "event_type": event_type,
            "source": "registries" if event_type == "incidence" else "snds",
            "site": site,
            "sex": sex,
            "geo_level": [one.geo_level for one in areas],
            "geo_code": [one.geo_code for one in areas],
            "geo_vintage": [one.geo_vintage for one in areas],
            "period_from": first,
            "period_until": last,
        }
    )


def cells(frame: pd.DataFrame, events: np.ndarray, person_years: np.ndarray) -> Cells:
    return Cells(
        strata=frame,
        bands=BANDS,
        events=events.astype(np.int64),
        unknown_age=np.zeros(len(frame), dtype=np.int64),
        person_years=person_years,
    )


def country_cells(
    *,
    areas: int = 30,
    registries: int = 14,
    regions: int = 5,
    site: str = "pancreas",
    sex: int = 1,
    years: tuple[int, int] = (2014, 2019),
    cases: float = 700.0,
    spread: dict[str, float] | None = None,
    sigma_incidence: float = 0.12,
    seed: int = 1,
) -> SyntheticCountry:
    """Return a country whose first départements have registries; regions take every fifth one."""
    generator = np.random.default_rng(seed)
    spread = SPREAD if spread is None else spread
    first, last = years
    length = last - first
    size = np.exp(generator.normal(0, 0.4, areas))
    share = np.interp(MIDDLES, [0, 40, 60, 75, 95], [0.06, 0.068, 0.065, 0.045, 0.03])
    person_years = 4e5 * size[:, None] * share
    curve = np.exp(-10.5 + 4.2 * (1 - np.exp(-((np.maximum(MIDDLES - 25, 0) / 32) ** 2)))) * (MIDDLES > 20)
    level = cases / (length * 4e5 * share @ curve)
    rate = curve * level * np.exp(generator.normal(0, sigma_incidence, areas))[:, None]
    drawn = generator.poisson(np.broadcast_to(rate * person_years, (length, areas, BANDS_COUNT)))
    truth = drawn.sum(axis=0)
    places = [area(number) for number in range(areas)]
    yearly = [
        cells(
            strata("incidence", site, sex, places[:registries], first + k, first + k + 1),
            drawn[k, :registries],
            person_years[:registries],
        )
        for k in range(length)
    ]
    member = np.arange(areas) % regions
    parents = [region(number) for number in range(regions)]
    proxies = []
    for name, sigma in spread.items():
        ratio = {"A": 0.85, "H": 0.95, "HA": 1.1, "M": 0.8}[name]
        effect = generator.normal(0, sigma, areas)[:, None]
        mean = ratio * np.exp(0.15 - 0.003 * (MIDDLES - 60) + effect)
        same = np.minimum(0.5, 0.8 * mean)
        counts = generator.binomial(truth, same) + generator.poisson(truth * (mean - same))
        by_region = np.stack([counts[member == number].sum(axis=0) for number in range(regions)])
        at_risk = length * person_years
        people = np.stack([at_risk[member == number].sum(axis=0) for number in range(regions)])
        frame = strata(f"proxy_{name}", site, sex, [*places, *parents, NATION], first, last)
        proxies.append(
            cells(
                frame,
                np.vstack([counts, by_region, counts.sum(axis=0)]),
                np.vstack([at_risk, people, at_risk.sum(axis=0)]),
            )
        )
    deaths = concatenate(
        [
            cells(
                strata("death", site, sex, [NATION], first + k, first + k + 1),
                np.zeros((1, BANDS_COUNT)),
                person_years.sum(axis=0)[None],
            )
            for k in range(length)
        ]
    )
    below = tuple(
        (parent, tuple(place for place, number in zip(places, member, strict=True) if number == k))
        for k, parent in enumerate(parents)
    )
    return SyntheticCountry(
        incidence=concatenate(yearly),
        proxies=proxies,
        deaths=deaths,
        hierarchy=Hierarchy(areas=(*below, (NATION, tuple(places)))),
        truth=truth,
        person_years=person_years,
    )


BANDS_COUNT = len(BANDS)
