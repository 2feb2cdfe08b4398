"""What part of the synthetic nation a sample holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rnc_epi.extracts import geography
from rnc_epi.extracts.sample import reference
from rnc_epi.extracts.sample.national import YEARS
from rnc_epi.vocabulary.errors import InputError

#: The region of the regional sample: Nouvelle-Aquitaine, half of whose départements have a registry.
REGION: Final = "75"
#: Registries hand over this many years later.
REGISTRY_LAG: Final = 2


@dataclass(frozen=True)
class Extent:
    """What a sample holds of the nation.

    Parameters
    ----------
    departements : list of str
    years : list of int
    leaves : frozenset of str, optional
        Leaves that are drawn; all of them by default.
    """

    departements: list[str]
    years: list[int]
    leaves: frozenset[str] | None = None


def national_extent() -> Extent:
    """Return the 101 départements from 2004 to 2023."""
    return Extent(geography.departements()["code"].tolist(), list(YEARS))


def regional_extent(region: str = REGION) -> Extent:
    """Return the départements of one région over the last ten years.

    Raises
    ------
    InputError
        M005, no such région, or none that a registry covers in part: its sample would hold no tumour.

    Examples
    --------
    >>> regional_extent("28").departements
    ['14', '27', '50', '61', '76']
    """
    table = geography.departements()
    covered = table["code"].isin(reference.registries()["departement"])
    possible = sorted(table.loc[covered, "region"].unique())
    if region not in possible:
        raise InputError("M005", what="region", found=region, expected=", ".join(possible))
    return Extent(table.loc[table["region"] == region, "code"].tolist(), list(YEARS[-10:]))


def nations_of(extent: Extent) -> list[str]:
    """Return the levels of the nations of which an extent holds every département.

    Examples
    --------
    >>> nations_of(national_extent()), nations_of(regional_extent())
    (['france_hexagonale', 'france_entiere'], [])
    """
    table = geography.departements()
    held = table["code"].isin(extent.departements)
    found = ["france_hexagonale"] if held[table["kind"] == "metro"].all() else []
    return [*found, "france_entiere"] if held.all() else found


def is_nation(extent: Extent) -> bool:
    """Return whether an extent holds France hexagonale, of which figures are published."""
    return "france_hexagonale" in nations_of(extent)
