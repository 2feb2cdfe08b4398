"""A user's communes and EPCI in place of the synthetic ones: real codes, synthetic events.

The table has one row a commune: ``commune, name, epci, departement, population, x_lambert93_m, y_lambert93_m,
area_km2`` (other columns are left alone). Its communes may lie in any département that the package knows.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from rnc_epi.extracts import geography
from rnc_epi.extracts.sample import reference
from rnc_epi.extracts.sample.communes import WITHIN
from rnc_epi.extracts.sample.extent import Extent
from rnc_epi.extracts.sample.national import relative_population
from rnc_epi.extracts.sample.persons import Area
from rnc_epi.extracts.sample.places import BETWEEN, Communes, Places, as_score, smooth_deprivation
from rnc_epi.extracts.sample.proxies import SPAN, as_rows, by_span
from rnc_epi.extracts.sample.surroundings import (
    adjacency_table,
    areas_above,
    coverage_rows,
    labelled_person_years,
    links_above,
    score_rows,
)
from rnc_epi.extracts.sample.tables import VINTAGE
from rnc_epi.vocabulary.draws import seed_of
from rnc_epi.vocabulary.errors import FileProblem, InputError

COLUMNS: Final = (
    *("commune", "name", "epci", "departement", "population"),
    *("x_lambert93_m", "y_lambert93_m", "area_km2"),
)
NEIGHBOURS: Final = ("commune_a", "commune_b")
#: A code: up to forty signs without a space, a control character or the bar that joins keys.
_CODE: Final = r"[^\s\x00-\x1f\x7f|]{1,40}"
#: What no commune has: inhabitants, those of all together, metres from the origin of a projection, km².
_MOST_INHABITANTS: Final = 10_000_000
_MOST_TOGETHER: Final = 200_000_000
_FARTHEST: Final = 2e7
_AREAS: Final = (0.001, 1e6)
_NUMBERS: Final = ("population", "x_lambert93_m", "y_lambert93_m", "area_km2")


def _read(path: str | os.PathLike[str]) -> pd.DataFrame:
    try:
        return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    except (OSError, UnicodeDecodeError, ValueError, EOFError) as problem:
        found = type(problem).__name__
        raise FileProblem("G001", where=Path(path).name, found=found) from problem


def read_communes(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Return a user's communes, codes as text, numbers as numbers, in the order of départements and codes.

    Parameters
    ----------
    path : path
        CSV, or CSV compressed with gzip.

    Raises
    ------
    FileProblem
        G001, no such file, or no CSV.
    InputError
        G002 columns are missing; G003 a code twice or with a space, an unknown département, a number that is
        none or that no commune can have.
    """
    name = Path(path).name
    table = _read(path)
    missing = [column for column in COLUMNS if column not in table.columns]
    if missing:
        raise InputError("G002", where=name, found=", ".join(missing), expected=", ".join(COLUMNS))
    table = table[list(COLUMNS)]
    order = {code: place for place, code in enumerate(geography.departements()["code"])}
    numbers = table[list(_NUMBERS)].apply(pd.to_numeric, errors="coerce").astype("float64")
    population, points = numbers["population"], numbers[["x_lambert93_m", "y_lambert93_m"]]
    for found, wrong in (
        ("commune", ~table["commune"].str.fullmatch(_CODE) | table["commune"].duplicated()),
        ("epci", ~table["epci"].str.fullmatch(f"({_CODE})?")),
        ("departement", ~table["departement"].isin(list(order))),
        ("population", ~population.between(0, _MOST_INHABITANTS) | (population % 1 != 0)),
        ("population", (population > 0) & (population.sum() > _MOST_TOGETHER)),
        ("x_lambert93_m, y_lambert93_m", ~points.abs().le(_FARTHEST).all(axis=1)),
        ("area_km2", ~numbers["area_km2"].between(*_AREAS)),
    ):
        if wrong.any() or table.empty:
            example = "" if table.empty else table.loc[wrong, "commune"].iloc[0]
            raise InputError("G003", where=name, rows=int(wrong.sum()), found=found, example=example)
    table = table.assign(**{column: numbers[column] for column in _NUMBERS})
    # A commune outside any EPCI (four islands) stands for itself.
    alone = table["epci"].eq("")
    table = table.assign(
        unit=table["epci"].where(~alone, table["commune"]), place=table["departement"].map(order)
    )
    return table.sort_values(["place", "unit", "commune"], ignore_index=True)


def read_neighbours(path: str | os.PathLike[str], table: pd.DataFrame) -> pd.DataFrame:
    """Return pairs of neighbouring communes, ``commune_a, commune_b``, each pair once.

    Parameters
    ----------
    path : path
        CSV, or CSV compressed with gzip.
    table : DataFrame
        `read_communes`.

    Raises
    ------
    FileProblem
        G001, no such file, or no CSV.
    InputError
        G002 columns are missing; G003 a commune that the table does not have, or its own neighbour.
    """
    name = Path(path).name
    pairs = _read(path)
    missing = [column for column in NEIGHBOURS if column not in pairs.columns]
    if missing:
        raise InputError("G002", where=name, found=", ".join(missing), expected=", ".join(NEIGHBOURS))
    pairs = pairs[list(NEIGHBOURS)]
    wrong = ~pairs.isin(set(table["commune"])).all(axis=1) | (pairs["commune_a"] == pairs["commune_b"])
    if wrong.any():
        example = pairs.loc[wrong, "commune_a"].iloc[0]
        raise InputError(
            "G003", where=name, rows=int(wrong.sum()), found="commune_a, commune_b", example=example
        )
    ordered = np.sort(pairs.to_numpy(dtype=object), axis=1)
    return pd.DataFrame(ordered, columns=list(NEIGHBOURS)).drop_duplicates(ignore_index=True)


@dataclass(frozen=True)
class OwnGeography:
    """A user's communes (`read_communes`) and which of them touch (`read_neighbours`), if that is known."""

    communes: pd.DataFrame
    neighbours: pd.DataFrame | None = None


def require_registry(own: OwnGeography, extent: Extent, where: str) -> None:
    """Refuse communes of which none is lived in, in the sample, and covered by a registry.

    Parameters
    ----------
    where : str
        Name of the table of communes.

    Raises
    ------
    InputError
        G011.
    """
    covered = sorted(set(reference.registries()["departement"]) & set(extent.departements))
    lived_in = own.communes["population"] > 0
    if not (lived_in & own.communes["departement"].isin(covered)).any():
        raise InputError("G011", where=where, expected=", ".join(covered))


def own_places(table: pd.DataFrame, seed: int) -> Places:
    """Return the places of a user's communes; the zones are the pieces of EPCI within a département.

    A commune without inhabitants has no event, and is left out here.
    """
    table = table[table["population"] > 0].reset_index(drop=True)
    departements = list(dict.fromkeys(table["departement"]))
    piece = table["departement"] + "|" + table["unit"]
    zones = list(dict.fromkeys(piece))
    zone = piece.map({code: place for place, code in enumerate(zones)}).to_numpy()
    first = np.flatnonzero(np.diff(zone, prepend=-1))
    of_departement = table["departement"].map({code: place for place, code in enumerate(departements)})
    kinds = geography.departements().set_index("code")["kind"]
    metropolitan = table["departement"].map(kinds).eq("metro").to_numpy()
    population = table["population"].to_numpy(dtype=np.float64)
    points = table[["x_lambert93_m", "y_lambert93_m"]].to_numpy(dtype=np.float64) / 1000
    points = points + np.where(metropolitan, 0, (table["place"].to_numpy() + 1) * 1e5)[:, None]
    inhabitants = np.bincount(zone, population)
    middles = np.column_stack([np.bincount(zone, points[:, i] * population) / inhabitants for i in (0, 1)])
    density = np.log(population / table["area_km2"].to_numpy())
    rng = np.random.default_rng(seed_of("deprivation", seed))
    deprivation = smooth_deprivation(points, density, metropolitan, rng)
    deprivation += BETWEEN * rng.standard_normal(len(zones))[zone] + WITHIN * rng.standard_normal(len(table))
    of_zones = np.bincount(zone, deprivation * population) / inhabitants
    return Places(
        zones,
        departements,
        of_departement.to_numpy()[first],
        inhabitants,
        metropolitan[first],
        middles,
        as_score(of_zones),
        Communes(table["commune"].tolist(), zone, population, as_score(deprivation)),
        seed,
        "epci",
    )


def own_surroundings(
    own: OwnGeography, places: Places, extent: Extent, area: Area
) -> dict[str, pd.DataFrame | Iterator[pd.DataFrame]]:
    """Return areas, membership, coverage, person-years, deprivation and adjacency of a user's geography.

    Person-years are those of départements by year and of communes by five years; an EPCI is the sum of its
    communes, in whichever départements they lie.
    """
    inside = own.communes[own.communes["departement"].isin(extent.departements)].reset_index(drop=True)
    registries = reference.registries()
    registries = registries[registries["departement"].isin(extent.departements)]
    covered = registries.assign(geo_level="departement", geo_code=registries["departement"])
    scores = pd.Series(places.communes.score, index=places.communes.codes)
    inside = inside.assign(score=inside["commune"].map(scores))
    return {
        "areas": _areas(inside, registries, extent),
        "membership": pd.concat([links_above(registries, extent), _links(inside)], ignore_index=True),
        "coverage": coverage_rows(covered, area),
        "person_years": _person_years(inside, extent.years),
        "deprivation": pd.concat(
            [score_rows("commune", inside["commune"], inside["score"]), _scores_of_epci(inside)],
            ignore_index=True,
        ),
        "adjacency": pd.concat(
            [
                adjacency_table({"departement": extent.departements}),
                *_adjacency(own.neighbours, inside),
            ],
            ignore_index=True,
        ),
    }


def _areas(inside: pd.DataFrame, registries: pd.DataFrame, extent: Extent) -> pd.DataFrame:
    above = areas_above(registries, extent)
    names = geography.epci().set_index("code")["name_fr"]
    groups = inside[inside["epci"] != ""].groupby("epci")["population"].sum()
    parts = [above]
    for level, codes, words, population in (
        ("epci", groups.index, names.reindex(groups.index), groups),
        ("commune", inside["commune"], inside["name"], inside["population"]),
    ):
        word = pd.Series(words).to_numpy(dtype=object)
        word = np.where(pd.isna(word) | (word == ""), np.asarray(codes, dtype=object), word)
        lower = pd.DataFrame({"geo_level": level, "geo_code": np.asarray(codes, dtype=object)})
        lower = lower.assign(
            geo_vintage=VINTAGE, name_fr=word, name_en=word, population=population.to_numpy(), outline=None,
            inset=None,
        )  # fmt: skip
        parts.append(lower.astype({"population": "Int64"})[above.columns])
    return pd.concat(parts, ignore_index=True)


def _links(inside: pd.DataFrame) -> pd.DataFrame:
    """Return communes in their EPCI and département, and how much of each EPCI lies in each département."""
    grouped = inside[inside["epci"] != ""]
    shares = grouped.groupby(["epci", "departement"], as_index=False)["population"].sum()
    shares["weight"] = shares["population"] / shares.groupby("epci")["population"].transform("sum")
    links = [
        ("commune", grouped["commune"], "epci", grouped["epci"], 1.0),
        ("commune", inside["commune"], "departement", inside["departement"], 1.0),
        ("epci", shares["epci"], "departement", shares["departement"], shares["weight"].fillna(1.0)),
    ]
    parts = [
        pd.DataFrame({"child_code": child.to_numpy(), "parent_code": parent.to_numpy()}).assign(
            child_level=child_level,
            parent_level=parent_level,
            child_vintage=VINTAGE,
            parent_vintage=VINTAGE,
            valid_from=pd.NA,
            valid_until=pd.NA,
            weight=weight if isinstance(weight, float) else weight.to_numpy(),
        )
        for child_level, child, parent_level, parent, weight in links
    ]
    return pd.concat(parts, ignore_index=True)


def _person_years(inside: pd.DataFrame, years: list[int]) -> Iterator[pd.DataFrame]:
    lived_in = inside[inside["population"] > 0]
    codes = lived_in["commune"].tolist()
    population = lived_in["population"].to_numpy(dtype=np.float64)
    whole = lived_in.groupby("departement", sort=True)["population"].sum()
    for sex, shape in relative_population(years).items():
        yearly = np.round(whole.to_numpy()[:, None, None] * shape[None, :, :], 2)
        yield labelled_person_years(as_rows(yearly, whole.index.tolist(), years, 1), sex, "departement")
        pooled, starts = by_span(shape[None, :, :], years)
        for at, start in enumerate(starts):
            values = np.round(population[:, None, None] * pooled[:, [at], :], 2)
            yield labelled_person_years(as_rows(values, codes, [start], SPAN), sex, "commune")


def _scores_of_epci(inside: pd.DataFrame) -> pd.DataFrame:
    known = inside[(inside["epci"] != "") & inside["score"].notna()]
    weighted = (known["score"] * known["population"]).groupby(known["epci"]).sum()
    mean = weighted / known.groupby("epci")["population"].sum()
    return score_rows("epci", mean.index.to_series(), mean)


def _adjacency(pairs: pd.DataFrame | None, inside: pd.DataFrame) -> list[pd.DataFrame]:
    """Return the neighbours of communes and of EPCI, in both directions; EPCI touch where two communes do."""
    if pairs is None:
        return []
    pairs = pairs[pairs.isin(set(inside["commune"])).all(axis=1)]
    epci = inside.set_index("commune")["epci"]
    groups = pairs.apply(lambda column: column.map(epci))
    groups = groups[(groups["commune_a"] != groups["commune_b"]) & groups.ne("").all(axis=1)]
    found = []
    for level, of_level in (("commune", pairs), ("epci", groups)):
        both = np.concatenate([of_level.to_numpy(dtype=object), of_level.to_numpy(dtype=object)[:, ::-1]])
        rows = pd.DataFrame(both, columns=["geo_code", "neighbour_code"]).drop_duplicates()
        rows = rows.sort_values(["geo_code", "neighbour_code"])
        found.append(rows.assign(geo_level=level, geo_vintage=VINTAGE))
    return found
