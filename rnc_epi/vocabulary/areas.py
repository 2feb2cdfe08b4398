"""Where: an area is a level, a code and a vintage together; a code alone is never a key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rnc_epi.vocabulary.errors import InputError

#: Levels that the package knows by name, from the widest to the finest; an extract may declare others.
GEO_LEVELS: Final[dict[str, tuple[str, str]]] = {
    "france_entiere": ("France entière", "Whole of France"),
    "france_hexagonale": ("France hexagonale", "Metropolitan France"),
    "region": ("Région", "Region"),
    "departement": ("Département", "Département"),
    "departement_sante": ("Département (Corse réunie)", "Département (Corsica as one)"),
    "registry_zone": ("Zone de registre", "Registry zone"),
    "epci": ("Intercommunalité (EPCI)", "Intercommunal area (EPCI)"),
    "commune": ("Commune", "Commune"),
    "iris": ("Iris", "IRIS"),
}

#: Levels that name the nation as a whole.
NATIONAL_LEVELS: Final = ("france_entiere", "france_hexagonale")

#: Code of the pooled row of all registries that cover an event, offered where France is not estimable.
POOLED_REGISTRIES: Final = "ALL"


@dataclass(frozen=True, order=True)
class AreaKey:
    """The identity of an area.

    Parameters
    ----------
    geo_level, geo_code, geo_vintage : str
        Level (``"departement"``), code at that level (``"01"``), edition of the codes (``"cog2026"``).

    Examples
    --------
    >>> AreaKey("region", "01", "cog2026") == AreaKey("departement", "01", "cog2026")
    False
    """

    geo_level: str
    geo_code: str
    geo_vintage: str

    def __post_init__(self) -> None:
        for name in ("geo_level", "geo_code", "geo_vintage"):
            value = getattr(self, name)
            if not isinstance(value, str) or not value:
                raise InputError("S001", what=name, found=type(value).__name__)

    @property
    def canonical(self) -> str:
        """The text by which the column `comparator` names the area."""
        return f"{self.geo_level}:{self.geo_code}:{self.geo_vintage}"

    @property
    def triple(self) -> tuple[str, str, str]:
        """Level, code and vintage, as the rows of tables hold them."""
        return self.geo_level, self.geo_code, self.geo_vintage


def level_title(geo_level: str, language: str = "fr") -> str:
    """Return the name of a level in French or English; a declared level is its own name.

    Examples
    --------
    >>> level_title("registry_zone", "en")
    'Registry zone'
    """
    titles = GEO_LEVELS.get(geo_level)
    return geo_level if titles is None else titles[0 if language == "fr" else 1]
