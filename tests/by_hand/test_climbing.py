"""Tumours known more finely than person-years climb to the area that has some, and count once.

As in test_groups.py: communes a, b, c of département 38 and d of 73, seven persons; but here the registry's
coverage and the person-years stand at other levels.
"""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from rnc_epi.cells.build import CellBuilder, Selection
from rnc_epi.cells.needed import needed_of
from rnc_epi.extracts.opening import open_extract
from rnc_epi.vocabulary.periods import Period
from tests.by_hand.small_extract import Read, departement, frame, person_years, read
from tests.by_hand.test_groups import COMMUNES, GROUPS, SIZES, at, commune, grouped, with_communes
from tests.extract_builder import write_extract

ALL_YEARS = Period(2016, 2019)
SELECTION = Selection(("colorectum",), event_types=("incidence",), years=(2016, 2017, 2018),
                      pooled=(ALL_YEARS,))  # fmt: skip


def inc(sex, level, code, first=2016, until=None):
    return ("incidence", "colorectum", sex, level, code, first, until or first + 1)


def covered(*rows, group="general"):
    """Return coverage of isere in some areas, and of calvados in 14."""
    own = [("isere", *area, group, 0, None, 2016, 2019) for area in rows]
    return frame("coverage", [("calvados", *departement("14"), "general", 0, None, 2016, 2019), *own])


def at_once(codes, sizes=SIZES):
    """Return person-years of communes over the three years at once."""
    return [
        ("insee", sex, *commune(code), 2016, 2019, age, until, "known", 3 * sizes[(sex, age)])
        for code in codes for sex in (1, 2) for age, until in ((0, 15), (15, 50), (50, None))
    ]  # fmt: skip


DEPARTEMENTS = ("14", "38", "73")


def test_tumours_of_communes_climb_to_the_departement_that_has_person_years(tmp_path):
    # Coverage is stated for communes, person-years for départements.
    given = with_communes(
        person_years=frame("person_years", person_years(DEPARTEMENTS)),
        coverage=covered(*map(commune, COMMUNES)),
    )
    small = read(tmp_path, given, SELECTION)
    # 38: a and c and b in 2016, one more in a in 2017. 73: two men, one in 2016 and one in 2018.
    assert small.events(*inc(1, "departement", "38")) == ([0, 1, 2], 0)
    assert small.person_years(*inc(1, "departement", "38")) == [1000, 2000, 1500]
    assert small.events(*inc(1, "departement", "38", 2017)) == ([0, 0, 1], 0)
    assert small.events(*inc(2, "departement", "73")) == ([0, 0, 0], 1)
    # And above: region 84 holds 73 until 2018, the registry and the nation all of them.
    assert small.events(*inc(1, "region", "84")) == ([0, 1, 3], 0)
    assert small.events(*inc(1, "region", "28", 2018)) == ([0, 0, 1], 0)
    assert small.events(*inc(1, "registry_zone", "isere", 2016, 2019)) == ([0, 1, 5], 0)
    # The cells of calvados: 3 and 1 men in 2016.
    assert small.events(*inc(1, "france_hexagonale", "FR")) == ([0, 2, 6], 0)
    assert not any(key[3] == "commune" for key in small.at)
    assert small.fate("tumours") == {"used": (7, 7)}


def test_an_area_of_which_a_part_is_not_covered_is_not_climbed_to(tmp_path):
    # c is not covered: département 38 is not either, and tumours of a and b have nowhere to count.
    given = with_communes(
        person_years=frame("person_years", person_years(DEPARTEMENTS)),
        coverage=covered(commune("a"), commune("b"), commune("d")),
    )
    small = read(tmp_path, given, SELECTION)
    assert inc(1, "departement", "38") not in small.at
    assert small.events(*inc(1, "departement", "73")) == ([0, 0, 1], 0)
    assert small.fate("tumours") == {"used": (3, 3), "no_person_years": (4, 4)}


def test_years_by_departement_and_three_years_by_commune_serve_both(tmp_path):
    # The coverage is that of départements; communes have person-years of three years at once.
    given = with_communes(
        person_years=frame("person_years", [*person_years(DEPARTEMENTS), *at_once(COMMUNES)]),
        coverage=covered(departement("38"), departement("73")),
    )
    small = read(tmp_path, given, SELECTION)
    assert small.events(*inc(1, "departement", "38")) == ([0, 1, 2], 0)
    assert small.person_years(*inc(1, "departement", "38")) == [1000, 2000, 1500]
    # Over three years: the département by its own years, the communes at once.
    assert small.events(*inc(1, "departement", "38", 2016, 2019)) == ([0, 1, 3], 0)
    assert small.person_years(*inc(1, "departement", "38", 2016, 2019)) == [3000, 6000, 4500]
    assert small.events(*inc(1, "commune", "a", 2016, 2019)) == ([0, 0, 2], 0)
    assert small.person_years(*inc(1, "commune", "a", 2016, 2019)) == [30, 60, 45]
    assert small.events(*inc(2, "commune", "b", 2016, 2019)) == ([0, 0, 0], 0)
    assert inc(1, "commune", "a") not in small.at
    # Nobody is counted twice on the way up.
    assert small.events(*inc(1, "registry_zone", "isere", 2016, 2019)) == ([0, 1, 5], 0)
    assert small.fate("tumours") == {"used": (7, 7)}


def test_groups_take_the_communes_of_three_years(tmp_path):
    given = with_communes(
        person_years=frame("person_years", [*person_years(DEPARTEMENTS), *at_once(COMMUNES)]),
        coverage=covered(departement("38"), departement("73")),
    )
    groups, _ = grouped(tmp_path, given, SELECTION)
    assert groups.events(*at(1, "france_hexagonale", "FR", "Q1", 2016, 2019)) == ([0, 0, 4], 0)
    assert groups.person_years(*at(1, "france_hexagonale", "FR", "Q1", 2016, 2019)) == [60, 120, 90]
    assert at(1, "france_hexagonale", "FR", "Q1", 2016) not in groups.at
    own = groups.accounting[groups.accounting["step"] == "groups:fdep"]
    assert {(r.table_name, r.fate): r.events for r in own.itertuples()} == {
        ("tumours", "used"): 7, ("incidence_cells", "excluded"): 10,
    }  # fmt: skip


def more_in(level, code, count):
    """Return the tumours with some more men of 60 in 2016, coded to an area."""
    given = with_communes()["tumours"]
    rows = [given.iloc[0].to_dict() | {"tumour_key": 100 + n, "geo_level": level, "geo_code": code}
            for n in range(count)]  # fmt: skip
    return pd.concat([given, pd.DataFrame(rows, columns=given.columns, dtype=object)], ignore_index=True)


def test_a_tumour_known_to_the_departement_alone_counts_there_and_in_no_commune(tmp_path):
    # 36 more in the commune a, 3 known to the département alone: 40 of 43 tumours of 38 have a commune.
    tumours = more_in("commune", "a", 36)
    extra = more_in("departement", "38", 3).iloc[7:].assign(tumour_key=[200, 201, 202])
    given = with_communes(
        tumours=pd.concat([tumours, extra], ignore_index=True),
        person_years=frame("person_years", [*person_years(DEPARTEMENTS), *at_once(COMMUNES)]),
        coverage=covered(departement("38"), departement("73")),
    )
    groups, _ = grouped(tmp_path, given, SELECTION)
    small = read(tmp_path, given, SELECTION)
    assert small.events(*inc(1, "commune", "a", 2016, 2019)) == ([0, 0, 38], 0)
    assert small.events(*inc(1, "departement", "38", 2016, 2019)) == ([0, 1, 42], 0)
    assert small.events(*inc(1, "registry_zone", "isere", 2016, 2019)) == ([0, 1, 44], 0)
    assert small.fate("tumours") == {"used": (46, 46)}
    own = groups.accounting[groups.accounting["step"] == "groups:fdep"]
    assert {(r.table_name, r.reason): r.events for r in own.itertuples()} == {
        ("tumours", "_"): 43,
        ("tumours", "area_wider_than_groups"): 3,
        ("incidence_cells", "area_wider_than_groups"): 10,
    }


def test_communes_of_which_too_few_tumours_are_known_are_not_counted(tmp_path):
    # One of five tumours of 38 has no commune: less than nine in ten are located. All of 73 are.
    given = with_communes(
        tumours=more_in("departement", "38", 1),
        person_years=frame("person_years", [*person_years(DEPARTEMENTS), *at_once(COMMUNES)]),
        coverage=covered(departement("38"), departement("73")),
    )
    small = read(tmp_path, given, SELECTION)
    assert {key[4] for key in small.at if key[3] == "commune"} == {"d"}
    assert small.events(*inc(1, "departement", "38", 2016, 2019)) == ([0, 1, 4], 0)


def test_yearly_person_years_of_communes_make_them_count_by_year(tmp_path):
    own = [(*row[:2], *commune(c), *row[5:]) for c in COMMUNES for row in person_years(("38",), sizes=SIZES)]
    given = with_communes(
        person_years=frame("person_years", [*person_years(DEPARTEMENTS), *own]),
        coverage=covered(departement("38"), departement("73")),
    )
    small = read(tmp_path, given, SELECTION)
    assert small.events(*inc(1, "commune", "a", 2017)) == ([0, 0, 1], 0)
    assert small.events(*inc(1, "departement", "38", 2017)) == ([0, 0, 1], 0)
    # The person-years of the département are its own, not those of its communes.
    assert small.person_years(*inc(1, "departement", "38", 2017)) == [1000, 2000, 1500]
    assert small.events(*inc(1, "commune", "a", 2016, 2019)) == ([0, 0, 2], 0)


def test_a_childhood_band_covered_in_part_is_named_after_climbing_too(tmp_path):
    given = with_communes(
        person_years=frame("person_years", person_years(DEPARTEMENTS)),
        coverage=frame("coverage", [("isere", *commune(c), "general", 0, 45, 2016, 2019) for c in COMMUNES]),
    )
    del given["incidence_cells"], given["cells_scope"]
    small = read(tmp_path, given, SELECTION)
    # 40 years lies within 0-44 but in the band 15-49; the others are older, one has no age.
    assert small.fate("tumours") == {"age_band_partly_covered": (1, 1), "no_person_years": (6, 6)}


@pytest.mark.parametrize("share", [0.4, 1.0])
def test_a_level_of_which_a_part_lies_elsewhere_makes_up_nothing(tmp_path, share):
    # The commune c lies in 38 by two fifths: a and b are not 38.
    given = with_communes()
    inside = (given["membership"]["child_code"] == "c").to_numpy()
    given["membership"].loc[inside, "weight"] = share
    small = read(tmp_path, given, SELECTION)
    assert (inc(1, "departement", "38") in small.at) == (share == 1.0)
    groups, _ = grouped(tmp_path, given, SELECTION, GROUPS)
    assert (at(1, "departement", "38", "Q1") in groups.at) == (share == 1.0)
    assert at(1, "departement", "73", "Q1") in groups.at


def test_what_is_not_covered_stays_outside_the_scope(tmp_path):
    given = with_communes(
        person_years=frame("person_years", [*person_years(DEPARTEMENTS), *at_once(COMMUNES)]),
        coverage=covered(departement("38")),
    )
    small = read(tmp_path, given, SELECTION)
    assert inc(1, "departement", "73") not in small.at
    assert {key[4] for key in small.at if key[3] == "commune"} == {"a", "b", "c"}
    assert small.fate("tumours") == {"used": (4, 4), "outside_scope": (3, 3)}


def test_communes_are_left_out_where_the_departements_say_as_much(tmp_path):
    # Asked for départements and regions, communes that only repeat their tumours are not summed; asked for
    # an intermediate level that communes alone make up, they are.
    given = with_communes(
        person_years=frame("person_years", [*person_years(DEPARTEMENTS), *at_once(COMMUNES)]),
        coverage=covered(departement("38"), departement("73")),
    )
    given["areas"] = frame("areas", [*given["areas"].itertuples(index=False, name=None),
                                     ("epci", "e", "cog2026", "e", "e", None, None, None)])  # fmt: skip
    given["membership"] = frame("membership", [
        *given["membership"].itertuples(index=False, name=None),
        *((*commune(c), "epci", "e", "cog2026", None, None, 1.0) for c in "ab"),
    ])  # fmt: skip
    path = write_extract(tmp_path / "x.duckdb", given)
    with open_extract(path, threads=1) as extract:
        builder = CellBuilder(extract)
        datasets = [dataset for dataset in builder.datasets if dataset.event_type == "incidence"]
        kept = {
            level: {area.geo_level for area in needed_of(
                datasets, SELECTION, (level,), builder.finer, builder.holders)[0].areas}
            for level in ("region", "departement", "epci", "commune")
        }  # fmt: skip
        wide = builder.cells(replace(SELECTION, geo_levels=("region", "departement", "registry_zone")))
        everything = Read(builder.cells(SELECTION), extract.accounting.frame())
        epci = Read(
            builder.cells(replace(SELECTION, geo_levels=("epci",), years=())), extract.accounting.frame()
        )
    assert kept == {
        "region": {"departement"}, "departement": {"departement"}, "epci": {"departement", "commune"},
        "commune": {"departement", "commune"},
    }  # fmt: skip
    every = everything.at
    for key, (part, row) in Read(wide, everything.accounting).at.items():
        other, at_row = every[key]
        assert part.events[row].tolist() == other.events[at_row].tolist()
        assert part.person_years[row].tolist() == other.person_years[at_row].tolist()
    # Two men of a and one of b over the three years.
    assert epci.events(*inc(1, "epci", "e", 2016, 2019)) == ([0, 1, 2], 0)
    assert epci.person_years(*inc(1, "epci", "e", 2016, 2019)) == [60, 120, 90]
