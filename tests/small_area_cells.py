"""A made-up map for the tests of the small-area room: sixty zones of six départements and their nation.

Import it with ``from tests.small_area_cells import made_map``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from rnc_epi.cells.table import Cells
from rnc_epi.smallarea import AreaGraph
from rnc_epi.vocabulary.ages import BandSet

AREA = ["geo_level", "geo_code", "geo_vintage"]
ZONES, PARENTS = 60, 6
CODES = [f"z{i:02d}" for i in range(ZONES)]
PARENT_CODES = [f"d{i}" for i in range(PARENTS)]
PARENT_OF = [f"d{i // 10}" for i in range(ZONES)]


@dataclass(frozen=True)
class MadeMap:
    cells: Cells
    areas: pd.DataFrame
    adjacency: pd.DataFrame
    graphs: dict[str, AreaGraph]
    membership: pd.DataFrame
    deprivation: pd.DataFrame
    risk: np.ndarray


def areas_of(level: str, codes: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"geo_level": level, "geo_code": codes, "geo_vintage": "v"})


def strata_of(areas: pd.DataFrame, **changed) -> pd.DataFrame:
    fixed = {
        "event_type": "death", "source": "s", "site": "lung", "sex": 1,
        "period_from": 2016, "period_until": 2021,
    }  # fmt: skip
    columns = ["event_type", "source", "site", "sex", *AREA, "period_from", "period_until"]
    return areas.assign(**fixed | changed)[columns]


def made_map(seed: int = 0, *, scale: float = 1.0) -> MadeMap:
    """Return a 6 x 10 map, z59 an island; risks follow a wave, and deprivation follows the risks."""
    rng = np.random.default_rng(seed)
    pairs = [(i, i + 1) for i in range(ZONES - 2) if i % 6 != 5] + [(i, i + 6) for i in range(ZONES - 7)]
    zones, parents = areas_of("zone", CODES), areas_of("departement", PARENT_CODES)
    adjacency = pd.DataFrame(
        [("zone", CODES[a], "v", CODES[b]) for a, b in pairs]
        + [("departement", f"d{k}", "v", f"d{k + 1}") for k in range(PARENTS - 1)],
        columns=[*AREA, "neighbour_code"],
    )
    place = np.arange(ZONES)
    graphs = {
        "zone": AreaGraph.from_adjacency(adjacency, zones.assign(x=place % 6 * 1.0, y=place // 6 * 1.0)),
        "departement": AreaGraph.from_adjacency(adjacency, parents.assign(x=0.0, y=np.arange(6.0))),
    }
    person_years = rng.gamma(3, 5000, (ZONES, 1)) * np.array([0.6, 0.3, 0.1])
    risk = np.exp(0.3 * np.sin(place / 8) + 0.1 * rng.standard_normal(ZONES))
    events = rng.poisson(scale * person_years * np.array([1e-4, 1e-3, 4e-3]) * risk[:, None])
    nation = areas_of("france_hexagonale", ["FRH"])
    by_parent = [slice(10 * k, 10 * k + 10) for k in range(PARENTS)]
    counted = np.vstack([events, *(events[part].sum(0) for part in by_parent), events.sum(0)])
    lived = np.vstack([person_years, *(person_years[part].sum(0) for part in by_parent), person_years.sum(0)])
    strata = strata_of(pd.concat([zones, parents, nation], ignore_index=True))
    cells = Cells(
        strata, BandSet.from_starts([0, 50, 75]), counted.astype(np.int64), np.zeros(67, np.int64), lived
    )
    membership = pd.DataFrame(
        {
            "child_level": "zone", "child_code": CODES, "child_vintage": "v",
            "parent_level": "departement", "parent_code": PARENT_OF, "parent_vintage": "v",
            "valid_from": None, "valid_until": None, "weight": 1.0,
        }
    )  # fmt: skip
    score = np.log(risk) + 0.05 * rng.standard_normal(ZONES)
    score[3] = np.nan
    deprivation = zones.assign(index="EDI", vintage="2017", score=score, higher_is="more_deprived")
    return MadeMap(cells, zones, adjacency, graphs, membership, deprivation, risk)
