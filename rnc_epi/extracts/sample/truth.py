"""What is true in a large sample and stands nowhere in its extract: one long table of quantities."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rnc_epi.extracts import geography
from rnc_epi.extracts.sample import reference
from rnc_epi.extracts.sample.extent import Extent, is_nation
from rnc_epi.extracts.sample.national import world_weights
from rnc_epi.extracts.sample.persons import Persons, performance
from rnc_epi.extracts.sample.places import Places, rank_of


def metropolitan(extent: Extent) -> np.ndarray:
    """Return which départements of an extent published national figures count."""
    kinds = geography.departements().set_index("code")["kind"]
    return kinds.loc[extent.departements].eq("metro").to_numpy()


def nation_by_year(extent: Extent, values: np.ndarray) -> tuple[str, list[str], list[int], np.ndarray]:
    """Return level, codes, years and values of yearly sums; of a part, the code is that of no nation."""
    return (
        "france_hexagonale",
        ["FRH" if is_nation(extent) else "part"] * len(extent.years),
        extent.years,
        values,
    )


def truth_rows(
    quantity: str,
    site: str,
    sex: int,
    level: str,
    codes: list[str],
    years: list[int] | None,
    values: np.ndarray,
) -> pd.DataFrame:
    """Return ``quantity, site, sex, geo_level, geo_code, year, value``; no year: all years together."""
    return pd.DataFrame(
        {
            "quantity": quantity,
            "site": site,
            "sex": sex,
            "geo_level": level,
            "geo_code": codes,
            "year": pd.array(years if years is not None else [pd.NA] * len(codes), dtype="Int16"),
            "value": values,
        }
    )


def truth_of_cases(
    extent: Extent,
    site: str,
    sex: int,
    cases: np.ndarray,
    expected: np.ndarray,
    person_years: np.ndarray,
    places: Places,
    chosen: np.ndarray,
    level: np.ndarray,
) -> pd.DataFrame:
    """Return what is true of a site: cases and rates by year, rates of départements, its gradient.

    The rate ratio of the extreme fifths is the declared one (level ``france_entiere``), then as it stands
    between communes and between zones, of metropolitan France (code ``FRH``) and of the nation (``FR``).
    """
    mainland = metropolitan(extent)
    persons = places.part_by_departement(chosen, person_years)
    weights = world_weights() * 1e5
    pooled = (expected.sum(axis=1) / persons.sum(axis=1)) @ weights
    ratio = reference.gradients().get((site, sex), 1.0)
    parts = []
    if mainland.any():
        yearly = (expected[mainland].sum(axis=0) / persons[mainland].sum(axis=0)) @ weights
        parts = [
            truth_rows(quantity, site, sex, *nation_by_year(extent, values))
            for quantity, values in (
                ("cases", cases[mainland].sum(axis=(0, 2))),
                ("expected_cases", expected[mainland].sum(axis=(0, 2))),
                ("asr_world", yearly),
            )
        ]
    parts += [
        truth_rows("asr_world", site, sex, "departement", extent.departements, None, pooled),
        truth_rows("rate_ratio_extreme_fifths", site, sex, "france_entiere", ["FR"], None, np.array([ratio])),
        *truth_of_fifths("rate_ratio_extreme_fifths", site, sex, places, level),
    ]
    sensitivity, value = performance(site)
    for quantity, share in (("sensitivity_under_75", sensitivity), ("positive_predictive_value", value)):
        parts.append(truth_rows(quantity, site, sex, "france_entiere", ["FR"], None, np.array([share])))
    if site in reference.proxies().index:
        row = reference.proxies().loc[site]
        for name in ("sigma_a", "sigma_h", "sigma_ha", "sigma_m", "deprivation"):
            parts.append(
                truth_rows(
                    f"proxy_{name}",
                    site,
                    sex,
                    "france_entiere",
                    ["FR"],
                    None,
                    np.array([row[name]], dtype=float),
                )
            )
    return pd.concat(parts, ignore_index=True)


def extreme_fifths(places: Places, level: np.ndarray, *, overseas: bool = False) -> dict[str, float]:
    """Return the ratio of the most to the least deprived fifth of people, by communes and by zones.

    Parameters
    ----------
    level : (n_communes,) array
    overseas : bool
        Whether fifths are of the whole nation; published ratios are of metropolitan France, where levels
        vary less beside deprivation. A geography that lies overseas alone is taken whole.
    """
    communes = places.communes
    mainland = places.metropolitan if places.metropolitan.any() else ~places.metropolitan
    found = {}
    for unit, values, score, population, kept in (
        ("commune", level, communes.score, communes.population, mainland[communes.zone]),
        (places.zone_level, places.by_zone(level), places.score, places.population, mainland),
    ):
        inside = np.ones(len(kept), dtype=bool) if overseas else kept
        rank = rank_of(score[inside], population[inside])
        ends = (rank < 0.2, rank >= 0.8)
        # A user's geography may be too small to have fifths.
        if all(part.any() for part in ends):
            least, most = (
                np.average(values[inside][part], weights=population[inside][part]) for part in ends
            )
            found[unit] = float(most / least)
    return found


def truth_of_fifths(
    quantity: str, site: str, sex: int, places: Places, level: np.ndarray
) -> list[pd.DataFrame]:
    """Return the ratio of the extreme fifths of metropolitan France (FRH) and of the nation (FR)."""
    return [
        truth_rows(quantity, site, sex, unit, [code], None, np.array([value]))
        for code, overseas in (("FRH", False), ("FR", True))
        for unit, value in extreme_fifths(places, level, overseas=overseas).items()
    ]


def truth_of_links(persons: Persons) -> pd.DataFrame:
    """Return the share linked of the registered tumours that the algorithm identified."""
    share = np.array([persons.matched / max(persons.matchable, 1)])
    return truth_rows("linked_share", "all_cancers", 0, "france_entiere", ["FR"], None, share)
