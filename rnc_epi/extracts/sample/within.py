"""What the small sample says within départements and outside registries: zones, their deaths, proxies.

The deaths of a département are shared out among its zones, so that zones add up to what the yearly cells say;
proxies are drawn from the very cases that registries record, and elsewhere from cases that nobody records.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from rnc_epi.extracts.sample import reference
from rnc_epi.extracts.sample.places import FIFTHS_APART, Places
from rnc_epi.extracts.sample.proxies import as_rows, draw_proxies
from rnc_epi.extracts.sample.truth import truth_rows
from rnc_epi.extracts.sample.world import World
from rnc_epi.vocabulary.draws import seed_of
from rnc_epi.vocabulary.sites import leaves

#: Sites whose deaths are given by zone, all years together; all cancers are these and the others.
ZONE_SITES: Final = (
    *("lip_oral_pharynx", "colorectum", "pancreas", "lung", "breast", "prostate"),
    "all_cancers",
)
#: Sites that come with proxies: some calibrate (pancreas, lung), some do not (thyroid, melanoma).
PROXY_SITES: Final = (
    *("lip_oral_pharynx", "oesophagus", "stomach", "colorectum", "liver", "pancreas", "lung"),
    *("melanoma_skin", "breast", "prostate", "thyroid"),
)
#: Log ratio of the mortality of the most to that of the least deprived inhabitant, beyond incidence.
_LETHALITY_GRADIENT: Final = 0.12
#: The same for the deaths of the sites that are not named, and the spread of zones for these.
_GRADIENT_OF_OTHERS, _SPREAD_OF_OTHERS = 0.20, 0.04
#: Share of the variance of zones within a département that neighbours have in common.
_NEIGHBOURS: Final = 0.8

Counts = dict[tuple[str, int], np.ndarray]


def relative_risks(places: Places, site: str, sex: int) -> np.ndarray:
    """Return the mortality of each zone relative to its département: gradient, neighbourhood, its own part.

    The mean over the inhabitants of each département is 1.
    """
    if site == "other":
        slope, spread = _GRADIENT_OF_OTHERS, _SPREAD_OF_OTHERS
    else:
        slope = np.log(reference.gradients().get((site, sex), 1.0)) / FIFTHS_APART + _LETHALITY_GRADIENT
        spread = reference.group_spread().get((site, sex), reference.spread().get((site, sex), 0.0))
    rng = np.random.default_rng(seed_of(f"zones|{site}|{sex}", places.seed))
    near = places.field(40.0, rng)
    own = rng.standard_normal(len(places.zones))
    log_risk = slope * (places.rank - 0.5)
    log_risk += spread * (np.sqrt(_NEIGHBOURS) * near + np.sqrt(1 - _NEIGHBOURS) * own)
    risk = np.exp(log_risk)
    mean = places.by_departement(risk * places.population) / places.by_departement(places.population)
    return np.asarray(risk / mean[places.departement_of])


def zone_person_years(world: World, places: Places) -> dict[int, np.ndarray]:
    """Return (zone, band) person-years of all years together, which add up to those of the départements."""
    found = {}
    starts = np.searchsorted(places.departement_of, np.arange(len(places.departements)))
    before = np.cumsum(places.population) - places.population
    before -= before[starts][places.departement_of]
    total = places.by_departement(places.population)[places.departement_of]
    for sex, values in world.person_years.items():
        hundredths = np.rint(values.sum(axis=1) * 100).astype(np.int64)[places.departement_of]
        # Rounded bounds, not rounded parts: the parts of a département then add up exactly.
        lower = np.rint(hundredths * (before / total)[:, None]).astype(np.int64)
        upper = np.rint(hundredths * ((before + places.population) / total)[:, None]).astype(np.int64)
        found[sex] = (upper - lower) / 100
    return found


def zone_deaths(world: World, places: Places, deaths: Counts) -> tuple[Counts, pd.DataFrame]:
    """Share out the deaths of départements among their zones.

    Parameters
    ----------
    deaths : dict of (site, sex) to (département, year, band) array

    Returns
    -------
    counts : dict of (site, sex) to (zone, 1, band) array
        All years together.
    truth : DataFrame
        The true mortality of each zone relative to the nation, and the rate ratio of the extreme fifths.
    """
    counts: Counts = {}
    truth = []
    person_years, rates = zone_person_years(world, places), world.death_rates()
    for sex in (1, 2):
        named = [site for site in ZONE_SITES if (site, sex) in deaths and site != "all_cancers"]
        pooled = {site: deaths[(site, sex)].sum(axis=1) for site in (*named, "all_cancers")}
        means = {
            site: (rates[(site, sex)] * world.person_years[sex]).sum(axis=1)
            for site in (*named, "all_cancers")
        }
        whole = pooled.pop("all_cancers")
        pooled["other"] = whole - np.sum([pooled[site] for site in named], axis=0)
        means["other"] = means["all_cancers"] - np.sum([means[site] for site in named], axis=0)
        of_all = expected_of_all = np.zeros_like(person_years[sex])
        for site, parts in pooled.items():
            risk = relative_risks(places, site, sex)
            drawn = _shared_out(places, site, sex, parts, risk)
            share = places.population / places.by_departement(places.population)[places.departement_of]
            expected = means[site][places.departement_of] * (share * risk)[:, None]
            of_all, expected_of_all = of_all + drawn, expected_of_all + expected
            if site != "other":
                counts[(site, sex)] = drawn[:, None, :].astype(np.int64)
                truth += _truth(places, site, sex, expected, person_years[sex])
        counts[("all_cancers", sex)] = of_all[:, None, :].astype(np.int64)
        truth += _truth(places, "all_cancers", sex, expected_of_all, person_years[sex])
    return counts, pd.concat(truth, ignore_index=True)


def _shared_out(places: Places, site: str, sex: int, counts: np.ndarray, risk: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(seed_of(f"zone deaths|{site}|{sex}", places.seed))
    found = np.zeros((len(places.zones), counts.shape[1]), dtype=np.int64)
    for departement, of_bands in enumerate(counts):
        zones = np.flatnonzero(places.departement_of == departement)
        weight = places.population[zones] * risk[zones]
        found[zones] = rng.multinomial(of_bands, weight / weight.sum()).T
    return found


def _truth(
    places: Places, site: str, sex: int, expected: np.ndarray, person_years: np.ndarray
) -> list[pd.DataFrame]:
    national = expected.sum(axis=0) / person_years.sum(axis=0)
    risk = expected.sum(axis=1) / (person_years @ national)
    fifth = np.digitize(places.rank, [0.2, 0.4, 0.6, 0.8])
    ends = [expected[fifth == q].sum() / (person_years[fifth == q] @ national).sum() for q in (0, 4)]
    ratio = np.array([ends[1] / ends[0]])
    return [
        truth_rows("mortality_relative_risk", site, sex, "zone", places.zones, None, risk),
        truth_rows("mortality_ratio_extreme_fifths", site, sex, "france_entiere", ["FR"], None, ratio),
    ]


def small_proxies(
    world: World, places: Places, recorded: pd.DataFrame, deaths: Counts, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw the proxies of every département, all years together, and state what is true of them.

    Parameters
    ----------
    recorded : DataFrame
        ``leaf, sex, geo_code, age_from, events`` that the registries recorded.
    deaths : dict of (site, sex) to (département, year, band) array
    """
    covered = reference.registries()["departement"]
    known = np.isin(np.array(world.departements, dtype=object), covered)
    rows, truth = [], []
    for site in PROXY_SITES:
        for sex in (1, 2):
            of_site = [leaf for leaf in leaves(site) if (leaf, sex) in world.leaf_rates]
            if not of_site:
                continue
            expected = np.zeros((len(world.departements), len(reference.AGE_STARTS)))
            elsewhere = np.zeros_like(expected, dtype=np.int64)
            for leaf in of_site:
                mean = (world.leaf_rates[(leaf, sex)] * world.person_years[sex]).sum(axis=1)
                rng = np.random.default_rng(seed_of(f"elsewhere|{leaf}|{sex}", seed))
                expected += mean
                elsewhere += rng.poisson(mean)
            mine = recorded[recorded["leaf"].isin(of_site) & (recorded["sex"] == sex)]
            cases = np.where(known[:, None], _grid(mine, world.departements), elsewhere)
            drawn = draw_proxies(places, site, sex, cases[:, None, :], expected[:, None, :])
            drawn["M"] = deaths[(site, sex)].sum(axis=1, keepdims=True)
            for proxy, values in drawn.items():
                span = as_rows(values, world.departements, [world.years[0]], len(world.years))
                rows.append(span.assign(site=site, sex=sex, proxy=proxy))
            whole = cases.sum(axis=1).astype(np.float64)
            truth.append(truth_rows("cases", site, sex, "departement", world.departements, None, whole))
            row = reference.proxies().loc[site]
            for name in ("sigma_a", "sigma_h", "sigma_ha", "deprivation"):
                value = np.array([row[name]], dtype=np.float64)
                truth.append(truth_rows(f"proxy_{name}", site, sex, "france_entiere", ["FR"], None, value))
    return pd.concat(rows, ignore_index=True), pd.concat(truth, ignore_index=True)


def _grid(rows: pd.DataFrame, departements: list[str]) -> np.ndarray:
    found = np.zeros((len(departements), len(reference.AGE_STARTS)), dtype=np.int64)
    place = {code: position for position, code in enumerate(departements)}
    at = rows["geo_code"].map(place).to_numpy(dtype=np.int64), rows["age_from"].to_numpy(np.int64) // 5
    np.add.at(found, at, rows["events"].to_numpy(dtype=np.int64))
    return found
