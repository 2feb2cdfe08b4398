"""A second engine for cells: loops over rows and strata, no SQL, no arrays; slow, and made to be read.

It says one stratum at a time what `rnc_epi.cells` computes all at once: who claims the stratum, which events
fall in it, and what it is the sum of where nobody claims it. It knows spans of single years and one longer
period, which is all that the tests draw.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from rnc_epi.vocabulary.sites import SITES, children, leaves, site_of_icdo3
from tests.naive_strata import OPEN, Area, Row, Stratum, area_of, below, between, defined, plus, rows_of


class NaiveEngine:
    """Cells of one type of event, of tables in the form of the contract."""

    def __init__(self, tables: dict[str, Any], event_type: str, pooled: tuple[int, int]) -> None:
        self.tables = {name: rows_of(frame) for name, frame in tables.items()}
        self.event_type, self.pooled = event_type, pooled
        self.table_of_cells = {"incidence": "incidence_cells", "death": "death_cells"}.get(
            event_type, "proxy_cells"
        )
        if self.table_of_cells == "proxy_cells" and "proxy_cells" in self.tables:
            letters = event_type.removeprefix("proxy_")
            self.tables["proxy_cells"] = [r for r in self.tables["proxy_cells"] if r["proxy"] == letters]
        self.fates: dict[str, dict[str, int]] = {}
        self.base = cache(self._base)
        self.value = cache(self._value)
        self._denominator = cache(self._denominator_of)
        self.has_person_years = {area_of(row) for row in self.tables["person_years"]}
        grown = True
        while grown:
            more = {
                area_of(link, "parent")
                for link in self.tables["membership"]
                if area_of(link, "child") in self.has_person_years and link["weight"] >= 1
            }
            grown = not more <= self.has_person_years
            self.has_person_years |= more
        self.claims = self._claims()
        self.ages_claimed: dict[tuple, list[tuple[int, int]]] = {}
        for key, ages in self.claims.items():
            self.ages_claimed.setdefault(key[1:], []).extend(ages)
        self.starts = self._starts()
        self.events: dict[tuple, list[tuple[int | None, int]]] = {}
        for name in ("tumours", "incidence_cells") if event_type == "incidence" else (self.table_of_cells,):
            if name in self.tables:
                self._judge(name)
        self.base_periods = sorted({key[4] for key in self.claims})

    # Who claims what ------------------------------------------------------------------------------------

    def _claims(self) -> dict[tuple, list[tuple[int, int]]]:
        """Return the ages claimed by (claimant, site, sex, area, period)."""
        claims: dict[tuple, list[tuple[int, int]]] = {}
        scope = self.tables.get("cells_scope", [])
        if self.event_type != "incidence":
            name = self.table_of_cells
            counted = self.tables.get(name, [])
            handed = {(row["source"], row["period_from"], row["period_until"], row["geo_level"])
                      for row in counted}  # fmt: skip
            for source, first, until, level in handed:
                for row in scope:
                    # A proxy is claimed for the sites and sexes that it is given for at least once.
                    given = name == "death_cells" or any(
                        (own["source"], own["geo_level"], own["site"], own["sex"])
                        == (source, level, row["site"], row["sex"])
                        for own in counted
                    )
                    said = (row["table_name"], row["source"], row["geo_level"])
                    if given and said == (name, source, level):
                        for area in self.has_person_years:
                            if (
                                area[0] == level
                                and row["period_from"] <= first
                                and until <= row["period_until"]
                            ):
                                key = (
                                    (name, source, "_"),
                                    row["site"],
                                    row["sex"],
                                    area,
                                    (first, until),
                                )
                                claims.setdefault(key, []).append((row["age_from"], row["age_until"] or OPEN))
            return claims
        rows = {(row["source"], row["registry"]) for row in self.tables.get("tumours", [])}
        cells = {(row["source"], row["registry"], row["geo_level"], row["period_from"], row["period_until"])
                 for row in self.tables.get("incidence_cells", [])}  # fmt: skip
        own = {(row["registry"], row["site"], row["sex"], area_of(row),
                (row["period_from"], row["period_until"]))
               for row in self.tables.get("incidence_cells", [])}  # fmt: skip
        candidates: dict[tuple, list[tuple[int, int]]] = {}
        for row in self.tables["coverage"]:
            area, ages = area_of(row), (row["age_from"], row["age_until"] or OPEN)
            group = "all_cancers" if row["site_group"] == "general" else row["site_group"]
            for source, registry in rows:
                if registry == row["registry"]:
                    for place, period in self._places(row, source):
                        for slug in leaves(group):
                            for sex in SITES[slug].sexes:
                                key = (("tumours", source, registry), slug, sex, place, period)
                                if ages not in claims.setdefault(key, []):
                                    claims[key].append(ages)
            if area not in self.has_person_years:
                continue
            for slug in below(group):
                for sex in SITES[slug].sexes:
                    for source, registry, level, first, until in cells:
                        if (registry, level) != (row["registry"], area[0]):
                            continue
                        if first < row["period_from"] or until > row["period_until"]:
                            continue
                        for said in scope:
                            if (
                                (
                                    said["table_name"],
                                    said["source"],
                                    said["site"],
                                    said["sex"],
                                    said["geo_level"],
                                )
                                == ("incidence_cells", source, slug, sex, level)
                                and said["period_from"] <= first
                                and until <= said["period_until"]
                            ):
                                both = (
                                    max(ages[0], said["age_from"]),
                                    min(ages[1], said["age_until"] or OPEN),
                                )
                                if both[0] < both[1]:
                                    key = (
                                        ("incidence_cells", source, registry),
                                        slug,
                                        sex,
                                        area,
                                        (first, until),
                                    )
                                    candidates.setdefault(key, []).append(both)
        for key, ages in candidates.items():
            claimant, slug, sex, area, (first, until) = key
            is_own = (claimant[2], slug, sex, area, (first, until)) in own
            rivals = [
                (other[4][1] - other[4][0], (claimant[2], slug, sex, area, other[4]) in own)
                for other in candidates
                if other[:4] == key[:4] and other[4] != key[4] and other[4][0] < until and first < other[4][1]
            ]
            if is_own or not any(theirs or length < until - first for length, theirs in rivals):
                claims[key] = ages
        return claims

    def _places(self, line: Row, source: str) -> list[tuple[Area, tuple[int, int]]]:
        """Return where the tumours of a line of coverage count: there, in the nearest above, and within."""
        area, found = area_of(line), []
        same = ("registry", "site_group", "age_from", "age_until", "period_from", "period_until")
        alike = {area_of(row) for row in self.tables["coverage"] if all(row[n] == line[n] for n in same)}
        for year in range(line["period_from"], line["period_until"]):
            here, covered = {area}, set(alike)
            while here:
                found += [(one, (year, year + 1)) for one in here if one in self.has_person_years]
                lacking = [one for one in here if self._denominator(one, 1, (year, year + 1)) is None]
                above = {up for one in lacking for up in self.all_parents()
                         if any(one in parts and covered.issuperset(parts)
                                for parts in self._parts(up, (year, year + 1)))}  # fmt: skip
                covered |= above
                here = above
        tumours = [area_of(row) for row in self.tables["tumours"]
                   if (row["source"], row["registry"]) == (source, line["registry"])]  # fmt: skip
        inside = [home for home in tumours if home == area or self._inside(area, home)]
        own = {}
        for row in self.tables["person_years"]:
            own.setdefault(area_of(row), set()).add((row["period_from"], row["period_until"]))
        stated = {area_of(row) for row in self.tables["coverage"] if row["registry"] == line["registry"]}
        among = inside or [home for home in tumours if any(home == one or self._inside(one, home)
                                                           for one in stated)]  # fmt: skip
        for place, periods in own.items():
            finer = self._inside(area, place)
            located = sum(home[0] == place[0] and home not in stated for home in among)
            if place == area or (finer and located and located >= 0.9 * len(among)):
                for first, until in periods:
                    within = line["period_from"] <= first and until <= line["period_until"]
                    whole = until - first > 1 and (first, first + 1) not in periods
                    if within and (whole or (place != area and until - first == 1)):
                        found.append((place, (first, until)))
        return found

    def _inside(self, area: Area, other: Area) -> bool:
        """Return whether an area holds another; those that the tests draw never change hands."""
        held = [area_of(link, "child") for link in self.tables["membership"]
                if area_of(link, "parent") == area]  # fmt: skip
        return other in held or any(self._inside(one, other) for one in held)

    def all_parents(self) -> set[Area]:
        return {area_of(link, "parent") for link in self.tables["membership"]}

    def _denominator_of(self, area: Area, sex: int, period: tuple[int, int]) -> dict[int, int] | None:
        """Return person-years in millionths by first age, of the area or of the areas within it."""
        found: dict[tuple[int, int], dict[int, int]] = {}
        for row in self.tables["person_years"]:
            if area_of(row) == area and row["sex"] == sex:
                own = found.setdefault((row["period_from"], row["period_until"]), {})
                own[row["age_from"]] = round(float(row["person_years"]) * 1_000_000)
        if found:
            if period in found:
                return dict(found[period])
            years = [(year, year + 1) for year in range(*period)]
            if not all(year in found for year in years):
                return None
            return {age: sum(found[year][age] for year in years) for age in found[years[0]]}
        for inner in self._parts(area, period):
            parts = [self._denominator(child, sex, period) for child in inner]
            known = [part for part in parts if part is not None]
            if known and len(known) == len(parts):
                shared = set(known[0]).intersection(*known)
                return {age: sum(between(part, age, shared) for part in known) for age in sorted(shared)}
        return None

    def _parts(self, area: Area, period: tuple[int, int]) -> list[list[Area]]:
        """Return the areas that make up an area in every year of a period, level by level.

        A level of which an area lies there in part makes up nothing: without the part, it is not the area.
        """
        found = []
        for level in sorted({link["child_level"] for link in self.tables["membership"]}):
            by_year = [self._links(area, level, year) for year in range(*period)]
            in_part = any(weight < 1 for links in by_year for _, weight in links)
            areas = [sorted(child for child, _ in links) for links in by_year]
            if areas[0] and not in_part and all(one == areas[0] for one in areas):
                found.append(areas[0])
        return found

    def _links(self, area: Area, level: str, year: int) -> list[tuple[Area, float]]:
        """Return the areas of a level that lie in an area in a year, with the share that does."""
        return [
            (area_of(link, "child"), link["weight"])
            for link in self.tables["membership"]
            if area_of(link, "parent") == area
            and link["child_level"] == level
            and (link["valid_from"] or 0) <= year < (link["valid_until"] or 9999)
        ]

    def _starts(self) -> list[int]:
        """Return where the bands start: ages at which no band of cells or of person-years would be split."""
        starts: set[int] | None = None
        for _, _, sex, area, period in self.claims:
            own = self._denominator(area, sex, period)
            if own is not None:
                starts = set(own) if starts is None else starts & set(own)
        cells = self.tables.get(self.table_of_cells, [])
        ages = [(row["age_from"], row["age_until"] or OPEN) for row in cells
                if row["age_from"] is not None and area_of(row) in self.has_person_years]  # fmt: skip
        return [age for age in sorted(starts or {0}) if not any(a < age < b for a, b in ages)]

    # What becomes of each event -------------------------------------------------------------------------

    def _judge(self, name: str) -> None:
        for row in self.tables[name]:
            fate, keys, age = self._fate(name, row)
            counts = self.fates.setdefault(name, {})
            counts[fate] = counts.get(fate, 0) + row.get("events", 1)
            for key in keys:
                self.events.setdefault(key, []).append((age, row.get("events", 1)))

    def _fate(self, name: str, row: Row) -> tuple[str, list[tuple], int | None]:
        """Return what becomes of a row, the strata that count it, and its age."""
        claimant = (name, row["source"], row.get("registry") or "_")
        if name == "tumours":
            period, age = (row["year"], row["year"] + 1), row["age_years"]
            ages = (0, OPEN) if age is None else (age, age + 1)
            if row["behaviour"] != 3:
                return "behaviour_not_invasive", [], None
            site = site_of_icdo3(row["topography"], row["morphology"], row["behaviour"])
            if site is None:
                return "site_not_classified", [], None
        else:
            period, age, site = (row["period_from"], row["period_until"]), row["age_from"], row["site"]
            ages = (0, OPEN) if age is None else (age, row["age_until"] or OPEN)
        area = area_of(row)
        strata = [(area, period)]
        if name == "tumours":  # a person counts in every stratum of the claimant that holds the person
            path = {area} | {up for up in self.all_parents() if self._in_year(up, area, period[0])}
            strata = [(key[3], key[4]) for key in self.claims
                      if key[:3] == (claimant, site, row["sex"]) and key[3] in path
                      and key[4][0] <= period[0] < key[4][1]]  # fmt: skip
        held, partly = [], False
        for place, when in strata:
            claimed = self.claims.get((claimant, site, row["sex"], place, when), [])
            partly |= any(first <= ages[0] and ages[1] <= until for first, until in claimed)
            if any(first <= ages[0] and ages[1] <= until for first, until in map(self._whole_bands, claimed)):
                held.append((site, row["sex"], place, when))
        used = [key for key in held if self._denominator(key[2], key[1], key[3]) is not None]
        if used:
            return "used", used, age
        if held:
            return "no_person_years", [], None
        if partly and age is not None:
            return "age_band_partly_covered", [], None
        return ("outside_scope" if area in self.has_person_years else "no_person_years"), [], None

    def _in_year(self, up: Area, area: Area, year: int) -> bool:
        whole = [
            child
            for level in {link["child_level"] for link in self.tables["membership"]}
            for child, weight in self._links(up, level, year)
            if weight >= 1
        ]
        return area in whole or any(self._in_year(one, area, year) for one in whole)

    def _whole_bands(self, ages: tuple[int, int]) -> tuple[int, int]:
        bands = list(zip(self.starts, [*self.starts[1:], OPEN], strict=True))
        inside = [band for band in bands if ages[0] <= band[0] and band[1] <= ages[1]]
        return (inside[0][0], inside[-1][1]) if inside else (0, 0)

    # Strata ---------------------------------------------------------------------------------------------

    def _base(self, site: str, sex: int, area: Area, period: tuple[int, int]) -> Stratum | None:
        """Return a stratum as its claimants give it, else as the sum of the sites below."""
        claimed = [self._whole_bands(ages) for ages in self.ages_claimed.get((site, sex, area, period), [])]
        denominator = self._denominator(area, sex, period)
        if denominator is not None:
            bands = []
            events = self.events.get((site, sex, area, period), [])
            for first, until in zip(self.starts, [*self.starts[1:], OPEN], strict=True):
                if any(a <= first and until <= b for a, b in claimed):
                    here = sum(n for age, n in events if age is not None and first <= age < until)
                    bands.append((here, between(denominator, first, set(self.starts)), True))
                else:
                    bands.append((0, 0, False))
            if any(covered for _, _, covered in bands):
                return bands, sum(n for age, n in events if age is None)
        kids = [kid for kid in children(site) if defined(kid, self.event_type) and sex in SITES[kid].sexes]
        parts = [self.base(kid, sex, area, period) for kid in kids]
        if not parts or any(part is None for part in parts):
            return None
        return plus([part for part in parts if part is not None], one_population=True)

    def _years(self, of, site: str, sex: int, area: Area) -> Stratum | None:
        parts = [of(site, sex, area, (year, year + 1)) for year in range(*self.pooled)]
        return None if any(part is None for part in parts) else plus(parts)

    def _value(self, site: str, sex: int, area: Area, period: tuple[int, int]) -> Stratum | None:
        """Return a stratum: its own, pooled over years, or the sum of the areas that make it up."""
        if sex == 0:
            parts = [self.value(site, one, area, period) for one in (1, 2)]
            return None if None in parts or SITES[site].sexes != (1, 2) else plus(parts)
        if area[1] == "ALL":
            return self._pool_of_registries(site, sex, area, period)
        own = self.base(site, sex, area, period)
        if own is None and period == self.pooled:
            own = self._years(self.base, site, sex, area)
        for inner in self._parts(area, period):
            if own is None:
                parts = [self.value(site, sex, child, period) for child in inner]
                own = None if None in parts else plus(parts)
        if own is None and period == self.pooled:
            own = self._years(self.value, site, sex, area)
        return own

    def _pool_of_registries(self, site: str, sex: int, area: Area, period: tuple[int, int]) -> Stratum | None:
        if period == self.pooled and period not in self.base_periods:
            by_year = self._years(self.value, site, sex, area)
            if by_year is not None:
                return by_year
        zones = [other for other in self.all_areas() if other[0] == "registry_zone" and other[1] != "ALL"]
        parts = [self.value(site, sex, zone, period) for zone in zones]
        known = [part for part in parts if part is not None]
        return plus(known, everywhere=False) if known and len(zones) > 1 else None

    # Groups of areas ------------------------------------------------------------------------------------

    def group(
        self,
        site: str,
        sex: int,
        area: Area,
        period: tuple[int, int],
        members: list[Area],
        universe: list[Area],
    ) -> Stratum | None:
        """Return the sum of some areas where they lie in another: what is covered of incidence, else all."""
        if sex == 0:
            parts = [self.group(site, one, area, period, members, universe) for one in (1, 2)]
            return None if None in parts or SITES[site].sexes != (1, 2) else plus(parts)
        by_year = None
        if period == self.pooled:
            years = [self.group(site, sex, area, (y, y + 1), members, universe) for y in range(*period)]
            by_year = None if None in years else plus(years)
            if by_year is not None and self.event_type == "incidence" and period not in self.base_periods:
                return by_year
        # An area of which a part changes, in this group or in another, is no one set of parts.
        inside = [{m for m in universe if self._holds(area, m, year)} for year in range(*period)]
        here = sorted(inside[0].intersection(members))
        if not here or any(one != inside[0] for one in inside):
            return by_year
        parts = [self.value(site, sex, member, period) for member in here]
        known = [part for part in parts if part is not None]
        if self.event_type == "incidence":
            return plus(known, everywhere=False) if known else by_year
        return by_year if len(known) < len(parts) else plus(known)

    def _holds(self, area: Area, member: Area, year: int) -> bool:
        if area[1] == "ALL":
            zones = [zone for zone in self.all_areas() if zone[0] == "registry_zone"]
            return any(self._holds(zone, member, year) for zone in zones)
        return any(member in found for found in self._parts(area, (year, year + 1)))

    def all_areas(self) -> list[Area]:
        """Return the areas that someone claims and those that they may add up to."""
        areas = {key[3] for key in self.claims}
        areas |= {area_of(link, "parent") for link in self.tables["membership"] if link["weight"] >= 1}
        return sorted(areas)

    def strata(self, sites: tuple[str, ...]) -> dict[tuple, Stratum]:
        """Return every stratum of some sites that is covered."""
        areas = self.all_areas()
        if self.event_type == "incidence":
            areas += [("registry_zone", "ALL", vintage) for vintage in sorted({area[2] for area in areas})]
        periods = sorted({*self.base_periods, self.pooled})
        return {
            (site, sex, area, period): found
            for site in sites
            for sex in (1, 2, 0)
            for area in areas
            for period in periods
            if (found := self.value(site, sex, area, period)) is not None
        }
