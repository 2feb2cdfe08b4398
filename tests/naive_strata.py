"""What the naive engine counts with: rows as dictionaries, strata as lists of bands, and their sums."""

from __future__ import annotations

from typing import Any

from rnc_epi.vocabulary.sites import SITES, children, leaves

Row = dict[str, Any]
Area = tuple[str, str, str]
#: Events, person-years and whether it is covered, of each band; then events of unknown age.
Stratum = tuple[list[tuple[int, int, bool]], int]
OPEN = 999


def rows_of(frame) -> list[Row]:
    return [
        {name: None if value is None or value != value else value for name, value in row.items()}
        for row in frame.to_dict("records")
    ]


def below(slug: str) -> list[str]:
    return [slug, *(inner for child in children(slug) for inner in below(child))]


def defined(slug: str, event_type: str) -> bool:
    kind = "icd10_deaths" if event_type in ("death", "proxy_M") else "rules"
    return any(getattr(SITES[leaf], kind) for leaf in leaves(slug))


def area_of(row: Row, prefix: str = "geo") -> Area:
    return row[f"{prefix}_level"], row[f"{prefix}_code"], row[f"{prefix}_vintage"]


def plus(parts: list[Stratum], *, everywhere: bool = True, one_population: bool = False) -> Stratum | None:
    """Return a sum: covered where all parts are (or some, not `everywhere`); None where nothing is."""
    bands = []
    for at in zip(*(stratum[0] for stratum in parts), strict=True):
        covered = all(c for _, _, c in at) if everywhere else any(c for _, _, c in at)
        years = [n for _, n, c in at if c]
        population = years[0] if one_population and years else sum(years)
        bands.append((sum(d for d, _, c in at if c), population, True) if covered else (0, 0, False))
    if not any(covered for _, _, covered in bands):
        return None
    return bands, sum(unknown for _, unknown in parts)


def between(values: dict[int, int], start: int, starts: set[int]) -> int:
    """Return the sum of values from a start to the next of some starts."""
    end = min((age for age in starts if age > start), default=OPEN)
    return sum(value for age, value in values.items() if start <= age < end)
