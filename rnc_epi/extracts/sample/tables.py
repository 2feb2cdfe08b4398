"""Draws from the truth, in the tables of the contract: what registries and death registry hand over."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rnc_epi.extracts import geography
from rnc_epi.extracts.sample import reference
from rnc_epi.extracts.sample.codes import coded, has_no_stage, needs_microscope
from rnc_epi.extracts.sample.world import ALL_CANCERS, World
from rnc_epi.vocabulary.contract import SITE_GROUP_ALL
from rnc_epi.vocabulary.draws import seed_of

REGISTRIES, DEATHS, POPULATION = "registres_synthetiques", "deces_synthetiques", "populations_synthetiques"
VINTAGE = geography.GEO_VINTAGE
NATIONS = (
    ("france_hexagonale", "FRH", "France hexagonale", "Metropolitan France"),
    ("france_entiere", "FR", "France entière", "Whole of France"),
)
#: Shares of the rows that make an extract an extract: unknown ages, in situ tumours, no stage, no source
#: but a death certificate.
UNKNOWN_AGE, IN_SITU, STAGE_MISSING, DEATH_CERTIFICATE_ONLY = 0.001, 0.03, 0.12, 0.015
_IN_SITU_SITES = ("bladder", "breast", "cervix_uteri", "melanoma_skin")
_STARTS = np.array(reference.AGE_STARTS)
_PERIOD = ["period_from", "period_until"]
_AREA = ["geo_level", "geo_code", "geo_vintage"]


def area_rows(registries: pd.DataFrame) -> pd.DataFrame:
    """Return the areas above the zones: nations, régions, départements and zones of registries."""
    nations = pd.DataFrame(
        [(level, code, VINTAGE, french, english) for level, code, french, english in NATIONS],
        columns=[*_AREA, "name_fr", "name_en"],
    )
    zones = registries.drop_duplicates("registry")
    zones = zones.assign(geo_level="registry_zone", geo_code=zones["registry"], geo_vintage=VINTAGE)
    parts = [
        nations.assign(population=pd.NA, outline=None, inset=None),
        geography.areas("region"),
        geography.areas("departement"),
        zones[[*_AREA, "name_fr", "name_en"]].assign(population=pd.NA, outline=None, inset=None),
    ]
    return pd.concat([part.astype({"population": "Int64"}) for part in parts], ignore_index=True)


def membership_rows(registries: pd.DataFrame) -> pd.DataFrame:
    """Return which départements make up each région, nation and zone of a registry."""
    departements = geography.departements()
    metropolitan = departements.loc[departements["kind"] == "metro", "code"]
    links = [
        ("region", code, child)
        for child, code in zip(departements["code"], departements["region"], strict=True)
    ]
    links += [("france_hexagonale", "FRH", child) for child in metropolitan]
    links += [("france_entiere", "FR", child) for child in departements["code"]]
    links += [
        ("registry_zone", zone, child)
        for zone, child in zip(registries["registry"], registries["departement"], strict=True)
    ]
    table = pd.DataFrame(links, columns=["parent_level", "parent_code", "child_code"])
    return table.assign(
        child_level="departement",
        child_vintage=VINTAGE,
        parent_vintage=VINTAGE,
        valid_from=pd.NA,
        valid_until=pd.NA,
        weight=1.0,
    )


def coverage(registries: pd.DataFrame, world: World) -> pd.DataFrame:
    """Return which départements and years each registry covers, all sites."""
    return pd.DataFrame(
        {
            "registry": registries["registry"],
            "geo_level": "departement",
            "geo_code": registries["departement"],
            "geo_vintage": VINTAGE,
            "site_group": SITE_GROUP_ALL,
            "age_from": 0,
            "age_until": pd.NA,
            "period_from": world.years[0],
            "period_until": world.years[-1] + 1,
        }
    )


def _cells(world: World, codes: list[str], sex: int, counts: np.ndarray) -> pd.DataFrame:
    """Return the non-zero counts of a (département, year, band) array as rows; zeros are in the scope."""
    where = np.nonzero(counts)
    year = np.array(world.years)[where[1]]
    start = _STARTS[where[2]]
    return pd.DataFrame(
        {
            "sex": sex,
            "geo_level": "departement",
            "geo_code": np.array(codes, dtype=object)[where[0]],
            "geo_vintage": VINTAGE,
            "period_from": year,
            "period_until": year + 1,
            "age_from": start,
            "age_until": pd.array(start + 5, dtype="Int64"),
            "age_status": "known",
            "events": counts[where],
        }
    ).assign(age_until=lambda t: t["age_until"].where(t["age_from"] < _STARTS[-1]))


def person_years(world: World) -> pd.DataFrame:
    """Return person-years by département and year."""
    parts = [
        _cells(world, world.departements, sex, values).rename(columns={"events": "person_years"})
        for sex, values in world.person_years.items()
    ]
    return pd.concat(parts, ignore_index=True).assign(source=POPULATION)


def _drawn(
    world: World, rates: np.ndarray, sex: int, positions: list[int], key: str, seed: int
) -> np.ndarray:
    mean = rates[positions] * world.person_years[sex][positions]
    return np.random.default_rng(seed_of(key, seed)).poisson(mean)


def incidence_cells(world: World, covered: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Draw the cells that some registries hand over, by leaf, département and year."""
    positions = [world.departements.index(code) for code in covered["departement"]]
    registry = dict(zip(covered["departement"], covered["registry"], strict=True))
    parts = []
    for (leaf, sex), rates in world.leaf_rates.items():
        counts = _drawn(world, rates, sex, positions, f"cells|{leaf}|{sex}", seed)
        parts.append(_cells(world, covered["departement"].tolist(), sex, counts).assign(site=leaf))
    table = pd.concat(parts, ignore_index=True)
    return table.assign(source=REGISTRIES, registry=table["geo_code"].map(registry))


def death_counts(world: World, seed: int) -> dict[tuple[str, int], np.ndarray]:
    """Draw deaths by (département, year, band): of each site, then of all cancers, which add up."""
    everywhere = list(range(len(world.departements)))
    rates = world.death_rates()
    found: dict[tuple[str, int], np.ndarray] = {}
    for slug, sex in rates:
        if slug != ALL_CANCERS:
            found[(slug, sex)] = _drawn(
                world, rates[(slug, sex)], sex, everywhere, f"deaths|{slug}|{sex}", seed
            )
    for sex in (1, 2):
        own = [key for key in found if key[1] == sex]
        other = np.maximum(rates[(ALL_CANCERS, sex)] - np.sum([rates[key] for key in own], axis=0), 0.0)
        drawn = _drawn(world, other, sex, everywhere, f"deaths|other|{sex}", seed)
        found[(ALL_CANCERS, sex)] = np.sum([found[key] for key in own], axis=0) + drawn
    return found


def death_cells(world: World, counts: dict[tuple[str, int], np.ndarray]) -> pd.DataFrame:
    """Return deaths by département and year as rows."""
    parts = [
        _cells(world, world.departements, sex, of).assign(site=slug) for (slug, sex), of in counts.items()
    ]
    return pd.concat(parts, ignore_index=True).assign(source=DEATHS, icd10=None)


def tumours(world: World, covered: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Draw the tumours of the registries that hand over rows; the column `leaf` is no part of the table."""
    positions = [world.departements.index(code) for code in covered["departement"]]
    codes = covered["departement"].to_numpy(dtype=object)
    registries = covered["registry"].to_numpy(dtype=object)
    parts = []
    for (leaf, sex), rates in world.leaf_rates.items():
        rng = np.random.default_rng(seed_of(f"tumours|{leaf}|{sex}", seed))
        counts = rng.poisson(rates[positions] * world.person_years[sex][positions])
        where = np.repeat(np.arange(counts.size), counts.ravel())
        area, year, band = np.unravel_index(where, counts.shape)
        n = len(where)
        width = np.where(band == len(_STARTS) - 1, 12, 5)
        in_situ = (leaf in _IN_SITU_SITES) & (rng.random(n) < IN_SITU)
        stage = rng.choice(["1", "2", "3", "4"], size=n, p=[0.3, 0.25, 0.2, 0.25])
        followed = np.minimum(rng.exponential(2500, n), 365.25 * 3).astype(np.int64)
        age = _STARTS[band] + rng.integers(0, width)
        unknown, month = rng.random(n) < UNKNOWN_AGE, rng.integers(1, 13, n)
        certificate_only = (rng.random(n) < DEATH_CERTIFICATE_ONLY) & ~in_situ & (not needs_microscope(leaf))
        basis = np.where(certificate_only, 0, 7)
        followed[certificate_only] = 0
        topography, morphology = coded(leaf, age, basis)
        parts.append(
            pd.DataFrame(
                {
                    "leaf": leaf,
                    "registry": registries[area],
                    "sex": sex,
                    "age_years": age,
                    "unknown": unknown,
                    "year": np.array(world.years)[year],
                    "month": month,
                    "topography": topography,
                    "morphology": morphology,
                    "behaviour": np.where(in_situ, 2, 3),
                    "basis_of_diagnosis": basis,
                    "stage": _stages(leaf, stage, in_situ, rng.random(n) < STAGE_MISSING),
                    "geo_code": codes[area],
                    "follow_up_days": followed,
                    "vital_status": (followed < 1095).astype(np.int64),
                }
            )
        )
    table = pd.concat(parts, ignore_index=True)
    stated_age = table["age_years"].astype("Int64").where(~table["unknown"])
    # Shuffled, so that the order of the file says nothing that the columns do not.
    order = np.random.default_rng(seed_of("order", seed)).permutation(len(table))
    table = table.assign(age_years=stated_age).drop(columns="unknown").iloc[order].reset_index(drop=True)
    return table.assign(
        tumour_key=np.arange(1, len(table) + 1),
        person_key=np.random.default_rng(seed_of("persons", seed)).permutation(len(table)) + 1,
        source=REGISTRIES,
        geo_level="departement",
        geo_vintage=VINTAGE,
    )


def _stages(leaf: str, stage: np.ndarray, in_situ: np.ndarray, missing: np.ndarray) -> pd.Series:
    """Return stages as registries record them: 0 in situ, none of the blood, some not recorded."""
    return pd.Series(np.where(in_situ, "0", stage)).mask(missing | has_no_stage(leaf))


def constant(word: str, n: int) -> pd.Categorical:
    """Return a column of one word, held once."""
    return pd.Categorical.from_codes(np.zeros(n, dtype=np.int8), [word])
