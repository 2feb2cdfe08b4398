"""The cancer registries of France, a packaged table: what each covers, where, from when, who says so."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from rnc_epi.vocabulary.classification.codes import read_table

#: Word for the whole of metropolitan France in the table.
METROPOLITAN = "metropolitan"
GENERAL = "general"


class FrenchRegistry(NamedTuple):
    """One line: a registry and what it covers.

    Parameters
    ----------
    registry : str
        Slug, the same for several lines of one registry.
    name : str
        In French, as the registry calls itself.
    site_groups : tuple of str
        ``"general"``, or slugs of the site table.
    departements : tuple of str
        Codes of the COG, or ``("metropolitan",)``.
    period_from, period_until : int, int or None
        Half-open years of diagnosis; None = still going.
    age_from, age_until : int, int or None
        Half-open ages in completed years; None = without upper limit.
    population_share : float
        Part of the département that is covered.
    death_certificates : {"no", "not_stated"}
        Whether certificates are a source of cases.
    checked : {"source", "notes"}
        Whether the years were read in `source`.
    part_of : tuple of str
        General registries of the same area whose cases these are too, so that they are not counted twice.
    source : str
    """

    registry: str
    name: str
    site_groups: tuple[str, ...]
    departements: tuple[str, ...]
    period_from: int
    period_until: int | None
    age_from: int
    age_until: int | None
    population_share: float
    death_certificates: str
    checked: str
    part_of: tuple[str, ...]
    source: str

    @property
    def general(self) -> bool:
        """Whether every cancer is recorded, at all ages."""
        return self.site_groups == (GENERAL,) and self.age_from == 0 and self.age_until is None

    def covers(self, departement: str, year: int) -> bool:
        """Tell whether diagnoses of a year in a département are recorded."""
        inside = self.period_from <= year and (self.period_until is None or year < self.period_until)
        return inside and departement in self.departements


@cache
def french_registries() -> tuple[FrenchRegistry, ...]:
    """Return every line, general registries first.

    Examples
    --------
    >>> sorted(line.registry for line in french_registries() if line.covers("33", 2015))
    ['gironde', 'gironde_hematologie', 'gironde_snc']
    """
    return tuple(_line(entry) for entry in read_table("french_registries")["registry"])


def general_registry_departements(year: int, *, overseas: bool = False) -> dict[str, float]:
    """Return the départements that a general registry covers in a year, with the share that is covered.

    Examples
    --------
    >>> departements = general_registry_departements(2015)
    >>> len(departements), departements["59"], "90" in general_registry_departements(2018)
    (19, 0.3, False)
    """
    found: dict[str, float] = {}
    for line in french_registries():
        for code in line.departements:
            if line.general and line.covers(code, year) and (overseas or not code.startswith("97")):
                found[code] = line.population_share
    return dict(sorted(found.items()))


def uses_death_certificates(registry: str) -> bool | None:
    """Tell whether a French registry takes cases from death certificates; None where it is not in the table.

    Where it does not, the share of cases known from a certificate alone is not applicable, which is no zero.

    Examples
    --------
    >>> uses_death_certificates("isere"), uses_death_certificates("elsewhere") is None
    (False, True)
    """
    found = {line.death_certificates for line in french_registries() if line.registry == registry}
    return None if not found or found == {"not_stated"} else "no" not in found


def coverage_rows(registry: str, *, geo_vintage: str, until: int) -> list[tuple[Any, ...]]:
    """Return the lines of a registry in the form of the table ``coverage`` of an extract.

    Parameters
    ----------
    registry : str
    geo_vintage : str
        Vintage of the codes of départements.
    until : int
        First year without data, for registries that are still going.

    Examples
    --------
    >>> coverage_rows("doubs_belfort", geo_vintage="cog2026", until=2021)[1]
    ('doubs_belfort', 'departement', '90', 'cog2026', 'general', 0, None, 2007, 2017)
    """
    return [
        (
            line.registry,
            "departement",
            code,
            geo_vintage,
            group,
            line.age_from,
            line.age_until,
            line.period_from,
            until if line.period_until is None else min(line.period_until, until),
        )
        for line in french_registries()
        if line.registry == registry and line.period_from < until
        for code in line.departements
        if code != METROPOLITAN and line.population_share == 1.0
        for group in line.site_groups
    ]


def _line(entry: dict[str, Any]) -> FrenchRegistry:
    return FrenchRegistry(
        registry=entry["registry"],
        name=entry["fr"],
        site_groups=tuple(entry["site_group"]),
        departements=tuple(entry["departements"]),
        period_from=entry["from"],
        period_until=entry.get("until"),
        age_from=entry.get("age_from", 0),
        age_until=entry.get("age_until"),
        population_share=entry.get("population_share", 1.0),
        death_certificates=entry["dco"],
        checked=entry["checked"],
        part_of=tuple(filter(None, entry.get("part_of", "").split(", "))),
        source=entry["source"],
    )
