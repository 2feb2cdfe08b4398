"""Groups of areas (fifths of deprivation) within areas, counted on fingers.

Communes a, b, c of département 38 and d of 73 are seen by the registry "isere", a row a tumour; 14 is seen by
"calvados", which knows the département alone. Every commune has 10 + 20 + 15 person-years of men a year and
10 + 20 + 16 of women. Groups: a and d are in Q1, b in Q2, c has none.
"""

from __future__ import annotations

import pandas as pd
import pytest

from rnc_epi.cells.build import CellBuilder, Selection
from rnc_epi.cells.groups import GROUPING_COLUMNS
from rnc_epi.extracts.opening import open_extract
from rnc_epi.vocabulary.errors import InputError
from rnc_epi.vocabulary.periods import Period
from tests.by_hand.small_extract import Read, departement, frame, person_years, tables, tumour
from tests.extract_builder import write_extract

V = "cog2026"
ALL_YEARS = Period(2016, 2019)
COMMUNES = {"a": "38", "b": "38", "c": "38", "d": "73"}
SIZES = {(1, 0): 10, (1, 15): 20, (1, 50): 15, (2, 0): 10, (2, 15): 20, (2, 50): 16}

#: (commune, sex, age, year, topography), one line a person.
PERSONS = (
    ("a", 1, 60, 2016, "C18.7"),
    ("a", 1, 61, 2017, "C20.9"),
    ("b", 1, 40, 2016, "C18.7"),
    ("c", 1, 70, 2016, "C18.7"),
    ("d", 1, 80, 2016, "C20.9"),
    ("d", 2, None, 2016, "C18.7"),
    ("d", 1, 55, 2018, "C18.7"),
)


def commune(code):
    return ("commune", code, V)


def with_communes(**changes):
    """Return the tables; 73 belongs to region 84 until the end of 2017, then to 28."""
    given = tables()
    areas = list(given["areas"].itertuples(index=False, name=None))
    given["areas"] = frame("areas", [*areas, *((*commune(c), c, c, None, None, None) for c in COMMUNES)])
    links = list(given["membership"].itertuples(index=False, name=None))
    links += [(*commune(c), *departement(d), None, None, 1.0) for c, d in COMMUNES.items()]
    given["membership"] = frame("membership", links)
    given["coverage"] = frame("coverage", [
        ("calvados", *departement("14"), "general", 0, None, 2016, 2019),
        *(("isere", *commune(c), "general", 0, None, 2016, 2019) for c in COMMUNES),
    ])  # fmt: skip
    own = [(*row[:2], *commune(c), *row[5:]) for c in COMMUNES for row in person_years(("38",), sizes=SIZES)]
    given["person_years"] = frame("person_years", [*person_years(("14",)), *own])
    rows = [tumour(n, sex, age, year, "38", code) for n, (_, sex, age, year, code) in enumerate(PERSONS)]
    given["tumours"] = frame("tumours", rows)
    given["tumours"]["geo_level"] = "commune"
    given["tumours"]["geo_code"] = [person[0] for person in PERSONS]
    del given["death_cells"]
    scope = given["cells_scope"]
    given["cells_scope"] = scope[scope["table_name"] == "incidence_cells"]
    return given | changes


GROUPS = pd.DataFrame(
    [("commune", "a", V, "fdep", "Q1"), ("commune", "d", V, "fdep", "Q1"), ("commune", "b", V, "fdep", "Q2")],
    columns=list(GROUPING_COLUMNS),
)


def grouped(folder, given, selection, grouping=GROUPS):
    folder.mkdir(exist_ok=True)
    path = write_extract(folder / "groups.duckdb", given)
    with open_extract(path, threads=1) as extract:
        builder = CellBuilder(extract)
        parts = builder.grouped(selection, grouping)
        return Groups(parts, extract.accounting.frame()), builder.cells(selection)


class Groups(Read):
    """Cells of groups by their keys: site, sex, level, code, first year, end, group."""

    def __init__(self, parts, accounting):
        self.parts, self.accounting, self.at = parts, accounting, {}
        for part in parts:
            for row, s in enumerate(part.strata.itertuples(index=False)):
                key = (s.event_type, s.site, s.sex, s.geo_level, s.geo_code, s.period_from, s.period_until,
                       s.stratum)  # fmt: skip
                assert key not in self.at, f"two strata with one key {key}"
                self.at[key] = (part, row)
        self.found = self.at


def at(sex, level, code, group, first=2016, until=None, site="colorectum"):
    return ("incidence", site, sex, level, code, first, until or first + 1, group)


SELECTION = Selection(("colorectum", "colon"), event_types=("incidence",), years=(2016, 2017, 2018),
                      pooled=(ALL_YEARS,))  # fmt: skip


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return grouped(tmp_path_factory.mktemp("groups"), with_communes(), SELECTION)[0]


def test_a_group_within_an_area_is_the_sum_of_its_communes(small):
    # In 38 the commune a alone is in Q1: its one man of 2016.
    assert small.events(*at(1, "departement", "38", "Q1")) == ([0, 0, 1], 0)
    assert small.person_years(*at(1, "departement", "38", "Q1")) == [10, 20, 15]
    # In the nation, a and d.
    assert small.events(*at(1, "france_hexagonale", "FR", "Q1")) == ([0, 0, 2], 0)
    assert small.person_years(*at(1, "france_hexagonale", "FR", "Q1")) == [20, 40, 30]
    assert small.events(*at(1, "france_hexagonale", "FR", "Q2")) == ([0, 1, 0], 0)


def test_unknown_age_and_both_sexes_follow_their_group(small):
    assert small.events(*at(2, "france_hexagonale", "FR", "Q1")) == ([0, 0, 0], 1)
    assert small.events(*at(0, "france_hexagonale", "FR", "Q1")) == ([0, 0, 2], 1)
    assert small.person_years(*at(0, "france_hexagonale", "FR", "Q1")) == [40, 80, 62]


def test_areas_without_a_group_are_unknown_and_not_in_all(small):
    assert small.events(*at(1, "departement", "38", "unknown")) == ([0, 0, 1], 0)
    assert small.person_years(*at(1, "departement", "38", "unknown")) == [10, 20, 15]
    # All classified in 38 in 2016: the man of a and the man of b.
    assert small.events(*at(1, "departement", "38", "all")) == ([0, 1, 1], 0)
    assert small.person_years(*at(1, "departement", "38", "all")) == [20, 40, 30]
    assert at(1, "departement", "73", "unknown") not in small.at


def test_a_group_follows_the_region_of_its_communes_year_by_year(small):
    # d leaves region 84 in 2018.
    assert small.events(*at(1, "region", "84", "Q1", 2016)) == ([0, 0, 2], 0)
    assert small.events(*at(1, "region", "28", "Q1", 2018)) == ([0, 0, 1], 0)
    assert small.person_years(*at(1, "region", "84", "Q1", 2018)) == [10, 20, 15]
    # Over the three years: a 2016, a 2017, d 2016; three years of a and two of d.
    assert small.events(*at(1, "region", "84", "Q1", 2016, 2019)) == ([0, 0, 3], 0)
    assert small.person_years(*at(1, "region", "84", "Q1", 2016, 2019)) == [50, 100, 75]


def test_groups_of_a_registry_and_of_the_registries_together(small):
    assert small.events(*at(1, "registry_zone", "isere", "Q1", 2016, 2019)) == ([0, 0, 4], 0)
    # One registry alone knows communes: there is no pool of several.
    assert at(1, "registry_zone", "ALL", "Q1", 2016, 2019) not in small.at


def test_a_site_below_another_has_its_own_groups(small):
    assert small.events(*at(1, "france_hexagonale", "FR", "Q1", 2016, 2019, "colon")) == ([0, 0, 2], 0)
    assert small.events(*at(1, "france_hexagonale", "FR", "Q1", 2016, 2019)) == ([0, 0, 4], 0)


def test_events_known_to_a_departement_alone_have_no_group_and_are_counted(small):
    # Calvados hands over 4 cells with 10 events, by département; the 7 tumours of isere have a commune.
    own = small.accounting[small.accounting["step"] == "groups:fdep"]
    columns = ["table_name", "fate", "reason", "rows", "events"]
    assert sorted(own[columns].itertuples(index=False, name=None)) == [
        ("incidence_cells", "excluded", "area_wider_than_groups", 4, 10),
        ("tumours", "used", "_", 7, 7),
    ]
    assert not any(key[4] == "14" for key in small.at)


def test_all_is_the_sum_of_the_groups_and_with_unknown_the_whole(tmp_path):
    groups, whole = grouped(tmp_path, with_communes(), SELECTION)
    checked = 0
    for part in whole:
        for row, s in enumerate(part.strata.itertuples(index=False)):
            if s.geo_level not in ("departement", "registry_zone") or s.geo_code in ("14", "calvados", "ALL"):
                continue
            key = (s.event_type, s.site, s.sex, s.geo_level, s.geo_code, s.period_from, s.period_until)
            own = {
                g: groups.found[(*key, g)]
                for g in ("Q1", "Q2", "unknown", "all")
                if (*key, g) in groups.found
            }
            figures = {g: [*p.events[r], *p.person_years[r], p.unknown_age[r]] for g, (p, r) in own.items()}
            parts = [v for g, v in figures.items() if g.startswith("Q")]
            assert [sum(values) for values in zip(*parts, strict=True)] == figures["all"]
            together = [figures["all"], *([figures["unknown"]] if "unknown" in figures else [])]
            expected = [*part.events[row], *part.person_years[row], part.unknown_age[row]]
            assert [sum(values) for values in zip(*together, strict=True)] == expected
            checked += 1
    assert checked == 2 * 3 * 4 * 3  # sites, sexes, periods, areas


def test_incidence_of_a_group_is_that_of_its_covered_areas(tmp_path):
    # b is covered from 2017 on, d only for men's colon.
    given = with_communes()
    given["coverage"] = frame("coverage", [
        ("isere", *commune("a"), "general", 0, None, 2016, 2019),
        ("isere", *commune("b"), "general", 0, None, 2017, 2019),
        ("isere", *commune("c"), "general", 0, None, 2016, 2019),
        ("isere", *commune("d"), "colon", 0, None, 2016, 2019),
    ])  # fmt: skip
    del given["incidence_cells"]
    del given["cells_scope"]
    small, _ = grouped(tmp_path, given, SELECTION)
    assert at(1, "departement", "38", "Q2", 2016) not in small.at
    assert small.person_years(*at(1, "departement", "38", "Q2", 2017)) == [10, 20, 15]
    # Q1 of the nation: a alone for colorectum, a and d for colon.
    assert small.person_years(*at(1, "france_hexagonale", "FR", "Q1")) == [10, 20, 15]
    assert small.person_years(*at(1, "france_hexagonale", "FR", "Q1", site="colon")) == [20, 40, 30]
    # a and b in one group and place, b covered for colon alone: each site counts what is covered of it.
    given["coverage"].loc[1, "site_group"] = "colon"
    both, _ = grouped(tmp_path / "both", given, SELECTION, GROUPS.assign(stratum="Q1"))
    assert both.person_years(*at(1, "departement", "38", "Q1", 2017)) == [10, 20, 15]
    assert both.person_years(*at(1, "departement", "38", "Q1", 2017, site="colon")) == [20, 40, 30]
    # Q2 lacks a year, hence it has no three years, and they are not in the sum of the groups either.
    assert at(1, "departement", "38", "Q2", 2016, 2019) not in small.at
    assert small.person_years(*at(1, "departement", "38", "all", 2016, 2019)) == [30, 60, 45]


def test_deaths_of_a_group_need_all_its_areas(tmp_path):
    given = with_communes()
    given["death_cells"] = frame("death_cells", [
        ("cepidc", "colorectum", None, 1, *commune("a"), 2016, 2017, 50, None, "known", 5),
        ("cepidc", "colorectum", None, 1, *commune("d"), 2016, 2017, 50, None, "known", 3),
    ])  # fmt: skip
    given["cells_scope"] = frame("cells_scope", [
        *given["cells_scope"].itertuples(index=False, name=None),
        ("death_cells", "cepidc", "colorectum", 1, "commune", 2016, 2019, 0, None),
    ])  # fmt: skip
    given["person_years"] = given["person_years"][given["person_years"]["geo_code"] != "b"]
    given["tumours"] = given["tumours"][given["tumours"]["geo_code"] != "b"]
    given["coverage"] = given["coverage"][given["coverage"]["geo_code"] != "b"]
    small, _ = grouped(tmp_path, given, Selection(("colorectum",), event_types=("death",), years=(2016,)))
    key = ("death", "colorectum", 1, "france_hexagonale", "FR", 2016, 2017)
    assert small.events(*key, "Q1") == ([0, 0, 8], 0)
    # b has no person-years: Q2 is unknown, and so is the sum of the groups.
    assert (*key, "Q2") not in small.at
    assert (*key, "all") not in small.at
    assert small.events(*key, "unknown") == ([0, 0, 0], 0)


def test_deaths_of_a_part_of_a_group_are_not_those_of_the_group(tmp_path):
    given = with_communes()
    given["death_cells"] = frame("death_cells", [
        ("cepidc", "colorectum", None, 1, *commune("a"), 2016, 2017, 50, None, "known", 5),
    ])  # fmt: skip
    given["cells_scope"] = frame("cells_scope", [
        *given["cells_scope"].itertuples(index=False, name=None),
        ("death_cells", "cepidc", "colorectum", 1, "commune", 2016, 2019, 0, None),
    ])  # fmt: skip
    for name in ("person_years", "tumours", "coverage"):
        given[name] = given[name][given[name]["geo_code"] != "d"]
    small, _ = grouped(tmp_path, given, Selection(("colorectum",), event_types=("death",), years=(2016,)))
    key = ("death", "colorectum", 1, "france_hexagonale", "FR", 2016, 2017)
    # Of Q1, a is counted and d has no person-years.
    assert (*key, "Q1") not in small.at
    assert (*key, "all") not in small.at


def test_finer_areas_are_summed_to_the_areas_of_the_groups(tmp_path):
    # a is counted in two parts, a1 and a2; a itself counts nothing.
    given = with_communes()
    parts = [("iris", x, V, x, x, None, None, None) for x in ("a1", "a2")]
    given["areas"] = frame("areas", [*given["areas"].itertuples(index=False, name=None), *parts])
    given["membership"] = frame("membership", [
        *given["membership"].itertuples(index=False, name=None),
        *(("iris", x, V, *commune("a"), None, None, 1.0) for x in ("a1", "a2")),
    ])  # fmt: skip
    for name in ("coverage", "person_years"):
        rows = given[name].to_dict("records")
        split = [{**row, "geo_level": "iris", "geo_code": x} for row in rows if row["geo_code"] == "a"
                 for x in ("a1", "a2")]  # fmt: skip
        kept = [row for row in rows if row["geo_code"] != "a"]
        given[name] = pd.DataFrame([*kept, *split], columns=given[name].columns, dtype=object)
    own = given["tumours"]["geo_code"] == "a"
    given["tumours"].loc[own, ["geo_level"]] = "iris"
    given["tumours"].loc[own, ["geo_code"]] = ["a1", "a2"]
    small, _ = grouped(tmp_path, given, SELECTION)
    assert small.events(*at(1, "departement", "38", "Q1", 2016, 2019)) == ([0, 0, 2], 0)
    assert small.person_years(*at(1, "departement", "38", "Q1", 2016, 2019)) == [60, 120, 90]
    assert small.events(*at(1, "france_hexagonale", "FR", "Q1", 2016, 2019)) == ([0, 0, 4], 0)


@pytest.mark.parametrize(
    ("code", "rows", "columns"),
    [
        ("K007", [("commune", "a", V, "Q1")], GROUPING_COLUMNS[:3] + GROUPING_COLUMNS[4:]),
        ("K008", [("commune", "a", V, "fdep", "Q1"), ("commune", "a", V, "fdep", "Q2")], GROUPING_COLUMNS),
        ("K009", [("commune", "a", V, "fdep", "all")], GROUPING_COLUMNS),
        ("K010", [("commune", "a", V, "fdep", "Q1"), ("departement", "38", V, "fdep", "Q2")],
         GROUPING_COLUMNS),
    ],
)  # fmt: skip
def test_a_grouping_that_is_not_clear_is_refused(tmp_path, code, rows, columns):
    with pytest.raises(InputError) as caught:
        grouped(tmp_path, with_communes(), SELECTION, pd.DataFrame(rows, columns=list(columns)))
    assert caught.value.code == code


def test_two_types_of_group_stand_side_by_side(tmp_path):
    other = GROUPS.assign(stratum_type="fdep:regional", stratum=["Q2", "Q2", None])
    both = pd.concat([GROUPS, other], ignore_index=True)
    path = write_extract(tmp_path / "x.duckdb", with_communes())
    with open_extract(path, threads=1) as extract:
        parts = CellBuilder(extract).grouped(SELECTION, both)
    rows = pd.concat([p.strata.assign(n=p.total_events) for p in parts])
    nation = rows[(rows["geo_code"] == "FR") & (rows["sex"] == 1) & (rows["period_until"] == 2019)
                  & (rows["period_from"] == 2016) & (rows["site"] == "colorectum")]  # fmt: skip
    found = {(r.stratum_type, r.stratum): r.n for r in nation.itertuples()}
    assert found == {
        ("fdep", "Q1"): 4, ("fdep", "Q2"): 1, ("fdep", "unknown"): 1, ("fdep", "all"): 5,
        ("fdep:regional", "Q2"): 4, ("fdep:regional", "unknown"): 2, ("fdep:regional", "all"): 4,
    }  # fmt: skip
    frame_of = parts[0].to_frame()
    assert {"stratum_type", "stratum"} <= set(frame_of.columns)
