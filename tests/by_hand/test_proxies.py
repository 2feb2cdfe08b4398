"""Proxies of incidence (stays, long-term illness, deaths) as cells, counted on fingers."""

from __future__ import annotations

import pytest

from rnc_epi.cells.build import CellBuilder, Selection
from rnc_epi.extracts.opening import open_extract
from rnc_epi.vocabulary.periods import Period
from rnc_epi.vocabulary.sites import children
from tests.by_hand.small_extract import frame, person_years, read, tables
from tests.extract_builder import write_extract

ALL_YEARS = Period(2016, 2019)


def proxy(letters, site, sex, code, band, events, first=2016, until=2019):
    ages = (None, None, "unknown") if band is None else (*band, "known")
    return ("snds", letters, site, sex, "departement", code, "cog2026", first, until, *ages, events)


#: Two proxies of one source, over 2016-2018 at once, in the bands 0-49 and 50+. Nobody counts proxy H.
PROXIES = (
    proxy("HA", "colorectum", 1, "38", (50, None), 9),
    proxy("HA", "colorectum", 1, "38", (0, 50), 2),
    proxy("HA", "colorectum", 1, "73", (50, None), 4),
    proxy("HA", "colorectum", 2, "14", (50, None), 3),
    proxy("HA", "colorectum", 2, "14", None, 1),  # unknown age
    proxy("M", "colorectum", 1, "38", (50, None), 5),  # deaths of men; of women this table says nothing
    proxy("HA", "thyroid", 2, "38", (0, 50), 7),  # a site that the scope does not declare: excluded
)


def with_proxies():
    given = tables()
    given["sources"] = frame("sources", [
        *given["sources"].itertuples(index=False, name=None),
        ("snds", "snds", "snds", "x", True, None, 11, None),
    ])  # fmt: skip
    given["proxy_cells"] = frame("proxy_cells", PROXIES)
    given["cells_scope"] = frame("cells_scope", [
        *given["cells_scope"].itertuples(index=False, name=None),
        *(("proxy_cells", "snds", "colorectum", sex, "departement", 2016, 2019, 0, None) for sex in (1, 2)),
    ])  # fmt: skip
    return given


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    kinds = ("incidence", "proxy_HA", "proxy_H", "proxy_M")
    selection = Selection(("colorectum", "thyroid"), event_types=kinds, pooled=(ALL_YEARS,))
    return read(tmp_path_factory.mktemp("proxies"), with_proxies(), selection)


def key(kind, sex, level, code):
    return (kind, "colorectum", sex, level, code, 2016, 2019)


def test_a_proxy_is_a_type_of_event_with_person_years_of_its_own_period(small):
    at = key("proxy_HA", 1, "departement", "38")
    assert small.events(*at) == ([2, 9], 0)
    assert small.bands(*at) == ("0-49", "50+")
    # Three years of 1000 + 2000, and of 1500.
    assert small.person_years(*at) == [9000, 4500]
    part, row = small.at[at]
    assert part.strata["source"].iloc[row] == "snds"


def test_a_proxy_climbs_to_regions_and_the_nation(small):
    assert small.events(*key("proxy_HA", 1, "france_hexagonale", "FR")) == ([2, 13], 0)
    # 73 leaves region 84 within the period: no sum of départements is 84 over the three years, and a count
    # over three years cannot be cut.
    assert key("proxy_HA", 1, "region", "84") not in small.at
    assert small.events(*key("proxy_HA", 0, "france_hexagonale", "FR")) == ([2, 16], 1)
    assert small.person_years(*key("proxy_HA", 0, "france_hexagonale", "FR")) == [54000, 27900]


def test_a_proxy_is_everywhere_where_its_scope_is_and_pools_no_registries(small):
    assert small.events(*key("proxy_HA", 2, "departement", "73")) == ([0, 0], 0)
    assert small.events(*key("proxy_HA", 1, "registry_zone", "isere")) == ([2, 13], 0)
    assert key("proxy_HA", 1, "registry_zone", "ALL") not in small.at
    assert key("incidence", 1, "registry_zone", "ALL") in small.at


def test_one_proxy_says_nothing_of_the_sites_and_sexes_of_another(small):
    # M is given for men alone, H for nobody: their absence is no zero. M comes in no wide band and keeps
    # those of the person-years.
    assert small.events(*key("proxy_M", 1, "departement", "14")) == ([0, 0, 0], 0)
    assert small.events(*key("proxy_M", 1, "departement", "38")) == ([0, 0, 5], 0)
    assert key("proxy_M", 2, "departement", "14") not in small.at
    assert key("proxy_M", 0, "departement", "14") not in small.at
    assert not any(found[0] == "proxy_H" for found in small.at)


def test_every_proxy_is_used_or_excluded(small):
    # 9 + 2 + 4 + 3 + 1 + 5 are used, the thyroid's 7 lie outside the scope.
    assert small.fate("proxy_cells") == {"used": (6, 24), "outside_scope": (1, 7)}


def test_the_sites_of_each_proxy_are_those_that_it_is_given_for(tmp_path):
    path = write_extract(tmp_path / "x.duckdb", with_proxies())
    with open_extract(path, threads=1) as extract:
        builder = CellBuilder(extract)
        assert builder.available_sites("proxy_HA") == ["colorectum"]
        assert builder.available_sites("proxy_M") == ["colorectum"]
        assert builder.available_sites("proxy_A") == []


def test_a_proxy_of_an_area_without_person_years_is_excluded(tmp_path):
    given = with_proxies()
    given["person_years"] = frame("person_years", person_years(("14", "38")))
    selection = Selection(("colorectum",), event_types=("proxy_HA",), pooled=(ALL_YEARS,))
    small = read(tmp_path, given, selection)
    assert key("proxy_HA", 1, "departement", "73") not in small.at
    assert key("proxy_HA", 1, "france_hexagonale", "FR") not in small.at
    # The checks of the extract have taken the row of 73 out, with its reason, before.
    assert small.fate("proxy_cells") == {"used": (5, 20), "outside_scope": (1, 7)}


def test_a_proxy_of_deaths_needs_the_sites_of_deaths(tmp_path):
    # "Several primaries" is a cause of death and no site of a case: the sum of its branch lacks nothing for
    # stays, and a part for deaths.
    given = with_proxies()
    below = [slug for slug in children("other_and_unspecified") if slug != "multiple_primaries"]
    rows = [proxy(letters, slug, 1, "38", (50, None), 1) for letters in ("HA", "M") for slug in below]
    given["proxy_cells"] = frame("proxy_cells", rows)
    given["cells_scope"] = frame("cells_scope", [
        ("proxy_cells", "snds", slug, 1, "departement", 2016, 2019, 0, None) for slug in below
    ])  # fmt: skip
    del given["incidence_cells"], given["death_cells"]
    selection = Selection(("other_and_unspecified",), event_types=("proxy_HA", "proxy_M"))
    small = read(tmp_path, given, selection)
    at = ("proxy_HA", "other_and_unspecified", 1, "departement", "38", 2016, 2019)
    assert sum(small.events(*at)[0]) == len(below)
    assert not any(found[0] == "proxy_M" for found in small.at)
