"""The tables of a large sample that hold no event: areas, coverage, person-years, deprivation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import pandas as pd

from rnc_epi.extracts import geography
from rnc_epi.extracts.sample import reference
from rnc_epi.extracts.sample.extent import Extent, nations_of
from rnc_epi.extracts.sample.national import relative_population
from rnc_epi.extracts.sample.persons import SNDS, Area
from rnc_epi.extracts.sample.places import Places
from rnc_epi.extracts.sample.proxies import SPAN, as_rows, by_span
from rnc_epi.extracts.sample.tables import (
    DEATHS,
    POPULATION,
    REGISTRIES,
    VINTAGE,
    area_rows,
    constant,
    membership_rows,
)
from rnc_epi.vocabulary.contract import SITE_GROUP_ALL

PROXIES: Final = "proxys_synthetiques"
DEPRIVATION: Final = ("synthetic_edi", "synthetic_2021")


def sources_table(*, has_snds_cases: bool = True) -> pd.DataFrame:
    """Return who hands over, each declared synthetic."""
    rows = [
        (REGISTRIES, "Registres des cancers (données synthétiques)", "registry"),
        (DEATHS, "Causes médicales de décès (données synthétiques)", "deaths"),
        (SNDS, "Cas repérés dans le SNDS (données synthétiques)", "snds"),
        (PROXIES, "ALD, PMSI et décès par département (données synthétiques)", "snds"),
        (POPULATION, "Populations : totaux COG, structure par âge nationale (synthétique)", "census"),
    ]
    if not has_snds_cases:
        rows = [row for row in rows if row[0] != SNDS]
    table = pd.DataFrame(rows, columns=["source", "title", "kind"])
    return table.assign(
        licence="MIT AND CC-BY-4.0",
        synthetic=True,
        altered=None,
        disclosure_threshold=11,
        definition_break_years=None,
    )


def areas_above(registries: pd.DataFrame, extent: Extent) -> pd.DataFrame:
    """Return départements, zones of registries, and the régions and nations that the extent holds whole."""
    above = area_rows(registries)
    kept = above["geo_code"].isin(extent.departements) & (above["geo_level"] == "departement")
    kept |= above["geo_level"] == "registry_zone"
    kept |= (above["geo_level"] == "region") & above["geo_code"].isin(_regions(extent))
    kept |= above["geo_level"].isin(nations_of(extent))
    return above[kept].reset_index(drop=True)


def links_above(registries: pd.DataFrame, extent: Extent) -> pd.DataFrame:
    """Return which départements make up the areas above them."""
    above = membership_rows(registries)
    parents = above["parent_level"].isin(["registry_zone", *nations_of(extent)])
    parents |= (above["parent_level"] == "region") & above["parent_code"].isin(_regions(extent))
    return above[above["child_code"].isin(extent.departements) & parents].reset_index(drop=True)


def areas_table(
    registries: pd.DataFrame, extent: Extent, zones: list[str], communes: pd.DataFrame
) -> pd.DataFrame:
    """Return the areas from the communes up to the nation."""
    above, below = areas_above(registries, extent), zone_areas(zones)
    inside = below.set_index("geo_code").loc[communes["zone"]]
    number = communes["code"].str.split("-").str[2].astype(int).astype(str).to_numpy()
    names = {
        "name_fr": inside["name_fr"].to_numpy() + ", commune " + number,
        "name_en": inside["name_en"].to_numpy() + ", commune " + number,
    }
    lowest = pd.DataFrame({"geo_level": "commune", "geo_code": communes["code"], "geo_vintage": VINTAGE})
    lowest = lowest.assign(**names, population=communes["population"], outline=None, inset=None)
    lowest = lowest.astype({"population": "Int64"})
    return pd.concat([above, below[above.columns], lowest[above.columns]], ignore_index=True)


def chosen_communes(places: Places, chosen: np.ndarray) -> pd.DataFrame:
    """Return ``code, zone, population, score`` of the communes of the zones that an extent holds."""
    communes = places.communes
    table = pd.DataFrame(
        {
            "code": communes.codes,
            "zone": np.array(places.zones, dtype=object)[communes.zone],
            "population": communes.population,
            "score": communes.score,
        }
    )
    return table[chosen[communes.zone]].reset_index(drop=True)


def zone_areas(zones: list[str]) -> pd.DataFrame:
    """Return names, populations and outlines of zones."""
    table = geography.areas("zone")
    table = table[table["geo_code"].isin(zones)].drop(columns="population")
    table = table.merge(geography.zones()[["code", "population"]], left_on="geo_code", right_on="code")
    return table.drop(columns="code").astype({"population": "Int64"})


def _regions(extent: Extent) -> list[str]:
    """Return the régions that the extent holds whole: the sum of a part is no région."""
    table = geography.departements()
    whole = table["code"].isin(extent.departements).groupby(table["region"]).all()
    return whole.index[whole].tolist()


def membership_table(
    registries: pd.DataFrame, extent: Extent, zones: list[str], communes: pd.DataFrame
) -> pd.DataFrame:
    """Return which communes make up each zone, and so on upwards."""
    above, below = links_above(registries, extent), zone_links(zones)
    lowest = pd.DataFrame({"child_code": communes["code"], "parent_code": communes["zone"]}).assign(
        **{name: below[name].iloc[0] for name in below.columns if name not in ("child_code", "parent_code")}
    )
    lowest = lowest.assign(child_level="commune", parent_level="zone")
    return pd.concat([above, below[above.columns], lowest[above.columns]], ignore_index=True)


def zone_links(zones: list[str]) -> pd.DataFrame:
    """Return in which département each zone lies."""
    of_zone = geography.zones().set_index("code")["departement"]
    return pd.DataFrame({"child_code": zones, "parent_code": of_zone.loc[zones].to_numpy()}).assign(
        child_level="zone",
        parent_level="departement",
        child_vintage=VINTAGE,
        parent_vintage=VINTAGE,
        valid_from=pd.NA,
        valid_until=pd.NA,
        weight=1.0,
    )


def coverage_table(area: Area) -> pd.DataFrame:
    """Return which zones and years a registry covers, all sites."""
    covered = np.flatnonzero(area.registry >= 0)
    rows = pd.DataFrame(
        {
            "registry": [area.registries[area.registry[zone]] for zone in covered],
            "geo_level": "zone",
            "geo_code": [area.zones[zone] for zone in covered],
        }
    )
    return coverage_rows(rows, area)


def coverage_rows(covered: pd.DataFrame, area: Area) -> pd.DataFrame:
    """Return the coverage of areas, given as ``registry, geo_level, geo_code``."""
    return covered[["registry", "geo_level", "geo_code"]].assign(
        geo_vintage=VINTAGE,
        site_group=SITE_GROUP_ALL,
        age_from=0,
        age_until=pd.NA,
        period_from=area.years[0],
        period_until=area.covered_until,
    )


def person_years_table(
    places: Places, chosen: np.ndarray, years: list[int], person_years: dict[int, np.ndarray]
) -> Iterator[pd.DataFrame]:
    """Return person-years of zones by year and of communes by periods of years, sex after sex.

    Parameters
    ----------
    person_years : dict of sex to (zone, year, band) array
    """
    zones = np.array(places.zones, dtype=object)[chosen].tolist()
    communes = places.communes
    inside = chosen[communes.zone]
    codes = np.array(communes.codes, dtype=object)[inside].tolist()
    for sex, shape in relative_population(years).items():
        rows = as_rows(person_years[sex], zones, years, 1)
        yield labelled_person_years(rows, sex, "zone")
        pooled, starts = by_span(shape[None, :, :], years)
        values = np.round(communes.population[inside][:, None, None] * pooled, 2)
        yield labelled_person_years(as_rows(values, codes, starts, SPAN), sex, "commune")


def labelled_person_years(rows: pd.DataFrame, sex: int, level: str) -> pd.DataFrame:
    """Return rows of counts as rows of person-years."""
    return rows.rename(columns={"events": "person_years"}).assign(
        source=POPULATION, sex=sex, geo_level=level, geo_vintage=VINTAGE, age_status="known"
    )


def labelled_cells(rows: pd.DataFrame, source: str, site: str, sex: int, level: str) -> pd.DataFrame:
    """Return rows of counts as rows of a table of cells, words held once."""
    words = {
        "source": source, "site": site, "geo_level": level, "geo_vintage": VINTAGE, "age_status": "known",
    }  # fmt: skip
    return rows.assign(sex=sex, **{name: constant(word, len(rows)) for name, word in words.items()})


def scope_table(rows: list[tuple[str, str, str, str, int]], years: list[int]) -> pd.DataFrame:
    """Return what the tables of cells claim to cover."""
    return pd.DataFrame(rows, columns=["table_name", "source", "geo_level", "site", "sex"]).assign(
        period_from=years[0],
        period_until=years[-1] + 1,
        age_from=0,
        age_until=pd.NA,
    )


def deprivation_table(places: Places, chosen: np.ndarray) -> pd.DataFrame:
    """Return the score of each zone."""
    codes = pd.Series(np.array(places.zones, dtype=object)[chosen])
    return score_rows("zone", codes, pd.Series(places.score[chosen]))


def score_rows(level: str, codes: pd.Series, scores: pd.Series) -> pd.DataFrame:
    """Return scores of deprivation as rows of the contract; an area may have none."""
    index, vintage = DEPRIVATION
    return pd.DataFrame(
        {
            "index": index,
            "vintage": vintage,
            "geo_level": level,
            "geo_code": codes.to_numpy(),
            "geo_vintage": VINTAGE,
            "score": np.round(scores.to_numpy(dtype=np.float64), 4),
            "higher_is": "more_deprived",
        }
    )


def adjacency_table(levels: dict[str, list[str]]) -> pd.DataFrame:
    """Return the neighbours of the areas of some levels, each pair in both directions, sorted.

    Parameters
    ----------
    levels : dict of str to list of str
        Codes of each level that an extract holds; borders with areas that it does not hold are left out.
    """
    parts = []
    for level, codes in levels.items():
        found = geography.adjacency(level)
        names = np.array(found.codes, dtype=object)
        first, second = names[found.pairs[:, 0]], names[found.pairs[:, 1]]
        both = pd.DataFrame(
            {
                "geo_level": level,
                "geo_code": np.concatenate([first, second]),
                "geo_vintage": geography.GEO_VINTAGE,
                "neighbour_code": np.concatenate([second, first]),
            }
        )
        inside = both["geo_code"].isin(codes) & both["neighbour_code"].isin(codes)
        parts.append(both[inside].sort_values(["geo_code", "neighbour_code"]))
    return pd.concat(parts, ignore_index=True)


def surroundings(
    places: Places, chosen: np.ndarray, extent: Extent, area: Area, person_years: dict[int, np.ndarray]
) -> dict[str, pd.DataFrame | Iterator[pd.DataFrame]]:
    """Return areas, membership, coverage, person-years, deprivation and adjacency of the synthetic zones.

    Parameters
    ----------
    person_years : dict of sex to (zone, year, band) array
    """
    registries = reference.registries()
    registries = registries[registries["departement"].isin(extent.departements)]
    communes = chosen_communes(places, chosen)
    of_communes = score_rows("commune", communes["code"], communes["score"])
    return {
        "areas": areas_table(registries, extent, area.zones, communes),
        "membership": membership_table(registries, extent, area.zones, communes),
        "coverage": coverage_table(area),
        "person_years": person_years_table(places, chosen, extent.years, person_years),
        "deprivation": pd.concat([deprivation_table(places, chosen), of_communes], ignore_index=True),
        "adjacency": adjacency_table({"departement": extent.departements, "zone": area.zones}),
    }
