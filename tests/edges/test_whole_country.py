"""Impossible or poor input of the whole-country room: a coded error or a stated exclusion, never NaN."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from rnc_epi.calibration import whole_country
from rnc_epi.cells.table import concatenate
from rnc_epi.vocabulary.ages import BandSet
from rnc_epi.vocabulary.errors import InputError, StudyFileError
from rnc_epi.vocabulary.study import parse_study
from rnc_epi.vocabulary.study_calibration import Calibration
from tests.country_cells import area, country_cells


@pytest.fixture(scope="module")
def world():
    return country_cells(spread={"HA": 0.03})


def run(world, **asked):
    return whole_country(
        world.incidence,
        world.proxies,
        Calibration(**({"combine": False, "national": False, "draws": 100} | asked)),
        hierarchy=world.hierarchy,
        person_years=world.deaths,
    )


def of_areas(cells, numbers):
    """The rows of cells that are départements of these numbers, or no département."""
    codes = [area(number).geo_code for number in numbers]
    kept = cells.strata["geo_code"].isin(codes) | cells.strata["geo_level"].ne("departement")
    return cells.take(kept.to_numpy())


def with_events(world, change):
    cells = world.proxies[0]
    return replace(world, proxies=[replace(cells, events=change(cells))])


def no_figure_is_missing(found):
    estimated = found.results[found.results["status"].eq("estimated")]
    assert estimated["value"].notna().all()
    refused = found.results[found.results["status"].eq("not_estimable")]
    assert refused["value"].isna().all()
    assert refused["reason"].ne("_").all()


def reasons(found):
    return set(found.exclusions["reason"])


def test_no_correlate_is_an_error(world):
    with pytest.raises(InputError, match="W001"):
        run(replace(world, proxies=[]))


def test_registries_at_another_level_are_an_error(world):
    with pytest.raises(InputError, match="W002"):
        run(world, learning_level="registry_zone")


def test_ages_that_cannot_be_mapped_are_an_error(world):
    wide = BandSet.from_starts([0, 20, *range(40, 90, 5)])
    with pytest.raises(InputError, match="W003"):
        run(replace(world, incidence=world.incidence.merged_to(wide)))


def test_two_shared_bands_make_no_curve(world):
    wide = BandSet.from_starts([0, 15, 60])
    found = run(replace(world, incidence=world.incidence.merged_to(wide)))
    assert "W004" in reasons(found)
    no_figure_is_missing(found)


def test_four_districts_are_too_few(world):
    found = run(replace(world, incidence=of_areas(world.incidence, range(4))), periods=["2014-2018"])
    assert "C010" in reasons(found)
    assert set(found.results["status"]) == {"not_estimable"}
    assert set(found.results["reason"]) == {"no_calibration"}
    assert found.results["events"].notna().all()
    no_figure_is_missing(found)


def test_without_five_districts_the_period_is_found_and_the_districts_are_too_few(world):
    found = run(replace(world, incidence=of_areas(world.incidence, range(4))))
    assert reasons(found) == {"C010"}
    assert set(found.results["status"]) == {"not_estimable"}
    assert found.results["geo_code"].nunique() == 30


def test_a_stratum_given_twice_is_one_where_both_say_the_same_and_refused_elsewhere(world):
    proxy = world.proxies[0]
    once = run(world).results
    pd.testing.assert_frame_equal(run(replace(world, proxies=[proxy, proxy])).results, once)
    doubled = replace(proxy, events=2 * proxy.events)
    for proxies in ([proxy, doubled], [doubled, proxy], [concatenate([proxy, doubled])]):
        with pytest.raises(InputError, match="W014"):
            run(replace(world, proxies=proxies))
    twice = replace(world.incidence, events=2 * world.incidence.events)
    with pytest.raises(InputError, match="W014"):
        run(replace(world, incidence=concatenate([world.incidence, twice])))


def test_events_without_an_age_are_stated(world):
    some = world.incidence.unknown_age.copy()
    some[world.incidence.strata["geo_code"].eq("03").to_numpy()] = 2
    found = run(replace(world, incidence=replace(world.incidence, unknown_age=some)))
    said = found.exclusions
    assert said["reason"].tolist() == ["events_of_unknown_age"]
    assert said[["event_type", "geo_code"]].iloc[0].tolist() == ["incidence", "03"]
    # The district still teaches the ratio, with its events of known age.
    assert found.results.equals(run(world).results)


def test_a_ratio_that_the_registries_leave_open_at_some_age_is_no_estimate(world):
    def none_of_the_young_where_registries_count(cells):
        young = cells.bands.midpoints(open_midpoint=88.5) < 70
        districts = cells.strata["geo_code"].isin([area(number).geo_code for number in range(14)])
        return np.where(young[None] & districts.to_numpy()[:, None], 0, cells.events)

    found = run(with_events(world, none_of_the_young_where_registries_count))
    assert reasons(found) == {"C023"}
    assert set(found.results["reason"]) == {"no_calibration"}
    no_figure_is_missing(found)


def test_a_correlate_that_is_zero_everywhere_is_refused(world):
    found = run(with_events(world, lambda cells: np.zeros_like(cells.events)))
    assert "C011" in reasons(found)
    no_figure_is_missing(found)


def one_each(cells):
    """One person of the oldest band in each area, for about 700 cases."""
    events = np.zeros_like(cells.events)
    events[:, -1] = 1
    return events


@pytest.mark.parametrize("change", [lambda cells: 400 * cells.events, one_each])
def test_a_correlate_out_of_all_proportion_is_refused(world, change):
    found = run(with_events(world, change))
    assert "C012" in reasons(found)
    no_figure_is_missing(found)


def test_a_district_on_one_side_only_is_left_out_and_said(world):
    missing = replace(world, proxies=[of_areas(world.proxies[0], [k for k in range(30) if k != 3])])
    found = run(missing)
    row = found.exclusions.query("reason == 'no_correlate'")
    assert row["geo_code"].tolist() == ["04"]
    # Its region and the nation lack an area: they are not estimated from the rest.
    assert "R3" not in set(found.results["geo_code"])
    assert "FRH" not in set(found.results["geo_code"])
    assert "nation_not_complete" in reasons(found)
    assert "04" not in set(found.validation["geo_code"])
    no_figure_is_missing(found)


def test_a_registry_that_lacks_a_year_is_left_out_and_said(world):
    strata = world.incidence.strata
    gone = (strata["geo_code"] == "02") & (strata["period_from"] == 2016)
    found = run(replace(world, incidence=world.incidence.take(~gone.to_numpy())))
    row = found.exclusions.query("reason == 'period_not_covered'")
    assert (row["geo_code"].tolist(), row["event_type"].tolist()) == (["02"], ["incidence"])
    # It is then predicted like the areas without registry.
    assert set(found.results.query("geo_code == '02'")["estimator"]) == {"calibrated"}


def test_a_registry_that_does_not_cover_all_ages_is_left_out_and_said(world):
    covered = world.incidence.covered.copy()
    covered[world.incidence.strata["geo_code"].eq("01").to_numpy(), 5:] = False
    found = run(replace(world, incidence=replace(world.incidence, covered=covered)))
    assert found.exclusions.query("reason == 'ages_not_covered'")["geo_code"].tolist() == ["01"]


def test_an_area_without_person_years_is_left_out_and_said(world):
    cells = world.proxies[0]
    person_years = cells.person_years.copy()
    person_years[cells.strata["geo_code"].eq("30").to_numpy()] = 0.0
    found = run(replace(world, proxies=[replace(cells, person_years=person_years)]))
    assert found.exclusions.query("reason == 'no_person_years'")["geo_code"].tolist() == ["30"]
    assert "30" not in set(found.results["geo_code"])
    no_figure_is_missing(found)


def test_an_area_without_person_years_in_one_band_is_left_out(world):
    cells = world.proxies[0]
    person_years = cells.person_years.copy()
    person_years[cells.strata["geo_code"].eq("30").to_numpy(), -1] = 0.0
    found = run(replace(world, proxies=[replace(cells, person_years=person_years)]))
    assert found.exclusions.query("reason == 'no_person_years'")["geo_code"].tolist() == ["30"]


def test_an_area_without_correlate_is_not_estimable(world):
    cells = world.proxies[0]
    events = cells.events.copy()
    events[cells.strata["geo_code"].eq("30").to_numpy()] = 0
    found = run(replace(world, proxies=[replace(cells, events=events)]))
    row = found.results.query("geo_code == '30'")
    assert set(row["status"]) == {"not_estimable"}
    assert set(row["reason"]) == {"proxy_is_zero"}
    assert (row["events"] == 0).all()
    no_figure_is_missing(found)


def test_a_band_without_inhabitants_leaves_no_standardised_rate(world):
    cells = world.proxies[0]
    lonely = cells.strata["geo_code"].eq("30").to_numpy()
    events, person_years = cells.events.copy(), cells.person_years.copy()
    events[lonely, -1], person_years[lonely, -1] = 0, 0.0
    found = run(replace(world, proxies=[replace(cells, events=events, person_years=person_years)]))
    row = found.results.query("geo_code == '30'").set_index("indicator")
    assert row.loc["asr", "reason"] == "no_person_years"
    assert row.loc["count", "status"] == "estimated"
    no_figure_is_missing(found)


def test_sites_asked_for_and_absent_on_one_side_are_stated(world):
    found = run(world, sites=["pancreas", "lung"])
    assert set(found.results["site"]) == {"pancreas"}
    lung = replace(world.proxies[0], strata=world.proxies[0].strata.assign(site="lung"))
    found = run(replace(world, proxies=[*world.proxies, lung]), sites=["pancreas", "lung"])
    assert "no_incidence" in reasons(found)


def test_cells_by_group_are_refused_where_whole_areas_are_needed(world):
    strata = world.proxies[0].strata.assign(stratum_type="deprivation", stratum="Q1")
    with pytest.raises(InputError, match="W010"):
        run(replace(world, proxies=[replace(world.proxies[0], strata=strata)]))


def test_a_deprivation_term_needs_cells_by_group(world):
    with pytest.raises(InputError, match="W012"):
        run(world, deprivation_term=True)


def test_without_hierarchy_there_are_areas_alone(world):
    found = whole_country(world.incidence, world.proxies, Calibration(combine=False, draws=100))
    assert set(found.results["geo_level"]) == {"departement"}
    assert set(found.results.query("indicator == 'sir'")["comparator"]) == {"areas_together"}


def test_draws_of_what_was_not_estimated_are_refused(world):
    with pytest.raises(InputError, match="W006"):
        run(world).draws("lung", 1)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("smoth = 'tp'", "S020"),
        ("smooth = 'spline'", "S021"),
        ("periods = ['2014 to 2018']", "S021"),
        ("proxies = []", "S021"),
        ("sexes = [1, 1]", "S021"),
        ("level = 95", "S021"),
    ],
)
def test_a_study_file_is_read_strictly(line, code):
    text = f'schema = 1\ntitle = "t"\nextract = "x.duckdb"\n[calibration]\n{line}'
    with pytest.raises(StudyFileError, match=code):
        parse_study(text, "STUDY.toml")


def test_every_key_of_the_section_is_read():
    asked = Calibration()
    stated = 'schema = 1\ntitle = "t"\nextract = "x.duckdb"\n[calibration]\ncombine = false'
    read = parse_study(stated, "STUDY.toml").calibration
    assert read == asked.model_copy(update={"combine": False})
