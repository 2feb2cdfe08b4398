"""The room of the whole country: what it says of each area, with the figures of the formulas."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from rnc_epi.calibration import whole_country
from rnc_epi.cells.table import concatenate
from rnc_epi.chapters import not_said_again
from rnc_epi.maths.calibration import fit_calibration, grade, leave_one_out
from rnc_epi.maths.standardise import directly_standardised_rate
from rnc_epi.vocabulary.ages import BandSet
from rnc_epi.vocabulary.schemas import DERIVED_FROM_COUNT, RESULT_COLUMNS, as_result
from rnc_epi.vocabulary.standards import standard
from rnc_epi.vocabulary.study_calibration import Calibration
from tests.country_cells import BANDS, MIDDLES, NATION, VINTAGE, SyntheticCountry, area, country_cells, region

ADULT = slice(3, None)
LEARNED = np.arange(14)


@pytest.fixture(scope="module")
def world() -> SyntheticCountry:
    return country_cells()


def run(world: SyntheticCountry, **asked):
    asked = {"combine": False, "draws": 400} | asked
    return whole_country(
        world.incidence,
        world.proxies,
        Calibration(**asked),
        hierarchy=world.hierarchy,
        person_years=world.deaths,
    )


@pytest.fixture(scope="module")
def found(world):
    return run(world, methods=["calibrated", "chatignoux"])


@pytest.fixture(scope="module")
def predicted(world):
    """As if registries had no word in their own areas."""
    return run(world, registries="predicted", national=False, proxies=["HA"])


def proxy_counts(world, name):
    cells = next(one for one in world.proxies if one.strata["event_type"].iloc[0] == f"proxy_{name}")
    departements = cells.strata["geo_level"].eq("departement").to_numpy()
    return cells.events[departements].astype(float), cells.person_years[departements]


def direct_fit(world, name):
    """The formulas alone, without the room: ages from 15, the fourteen registry districts."""
    proxy, _ = proxy_counts(world, name)
    incident = world.truth[LEARNED][:, ADULT].astype(float)
    ages = np.tile(MIDDLES[ADULT], LEARNED.size)
    district = np.repeat(LEARNED, MIDDLES[ADULT].size)
    columns = (incident.ravel(), proxy[LEARNED][:, ADULT].ravel(), ages, district)
    return columns, fit_calibration(*columns)


def rows(found, **keys):
    table = found.results
    for name, value in keys.items():
        table = table[table[name].eq(value)]
    return table


def one(found, **keys):
    table = rows(found, **keys)
    assert len(table) == 1
    return table.iloc[0]


def test_an_area_without_registry_has_the_figures_of_the_formulas(world, found):
    proxy, at_risk = proxy_counts(world, "HA")
    _, fit = direct_fit(world, "HA")
    counts = proxy[20, ADULT]
    for method in ("calibrated", "chatignoux"):
        expected = fit.predict(counts, MIDDLES[ADULT], np.zeros(15), method=method)
        row = one(found, geo_code="21", indicator="count", method=f"{method}-HA")
        assert row["value"] == pytest.approx(expected.estimate[0], rel=1e-12)
        assert (row["lower"], row["upper"]) == pytest.approx((expected.lower[0], expected.upper[0]), rel=1e-9)
        assert row["se"] == pytest.approx(expected.se[0], rel=1e-9)
    weights = standard("world").truncated(15, None).weights_for(BandSet(list(BANDS)[ADULT]))
    per_case = 1e5 * weights / weights.sum() / at_risk[20, ADULT]
    expected = fit.predict(counts, MIDDLES[ADULT], np.zeros(15), weights=per_case)
    row = one(found, geo_code="21", indicator="asr", method="calibrated-HA", standard="world-15+")
    assert row["value"] == pytest.approx(expected.estimate[0], rel=1e-12)
    assert row["upper"] == pytest.approx(expected.upper[0], rel=1e-9)
    crude = one(found, geo_code="21", indicator="crude_rate", method="calibrated-HA")
    count = one(found, geo_code="21", indicator="count", method="calibrated-HA")
    assert crude["value"] == pytest.approx(1e5 * count["value"] / at_risk[20, ADULT].sum(), rel=1e-12)
    assert crude["age_from"] == 15
    assert pd.isna(crude["age_until"])


def test_grades_and_errors_are_those_of_the_formulas(world, found):
    columns, fit = direct_fit(world, "H")
    left_out = leave_one_out(*columns)
    row = found.grades.query("proxy == 'H' and level == 'area'").iloc[0]
    assert row["grade"] == grade(left_out.error, fit.sigma_district, row["sigma_incidence"])
    assert row["sigma_district"] == fit.sigma_district
    seen = found.validation.query("proxy == 'H'")
    np.testing.assert_allclose(seen["error"], left_out.error, rtol=1e-12)
    assert seen["geo_code"].tolist() == [area(k).geo_code for k in LEARNED]
    ratio = found.ratios.query("proxy == 'H'")
    np.testing.assert_allclose(ratio["ratio"], fit.ratio(ratio["age"]), rtol=1e-12)


def test_the_best_publishable_correlate_is_used_and_named(found):
    used = found.grades.query("level == 'area' and used")
    assert used["proxy"].tolist() == ["HA"]
    assert set(rows(found, estimator="calibrated", geo_level="departement")["method"]) == {
        "calibrated-HA",
        "chatignoux-HA",
    }
    # Deaths tell nothing here: their errors are of 30 % and more.
    assert found.grades.query("proxy == 'M' and level == 'area'")["grade"].item() == "B--"


def test_a_registry_speaks_for_its_own_area(world, found, predicted):
    row = one(found, geo_code="05", indicator="count")
    assert (row["estimator"], row["value"]) == ("observed", world.truth[4, ADULT].sum())
    rate = one(found, geo_code="05", indicator="asr")
    weights = standard("world").truncated(15, None).weights_for(BandSet(list(BANDS)[ADULT]))
    _, at_risk = proxy_counts(world, "HA")
    expected = directly_standardised_rate(
        world.truth[4, ADULT], at_risk[4, ADULT], weights, method="fay-feuer", per=1e5
    )
    assert rate["value"] == pytest.approx(expected.rate, rel=1e-12)
    assert rate["upper"] == pytest.approx(expected.upper, rel=1e-12)
    assert not len(rows(predicted, estimator="observed"))
    assert one(predicted, geo_code="05", indicator="count")["method"] == "calibrated-HA"


def test_areas_add_up_to_their_region_and_to_the_nation(found, predicted):
    counts = rows(found, indicator="count", geo_level="departement")
    counts = counts[counts["method"].isin(["count", "calibrated-HA"])]
    value = dict(zip(counts["geo_code"], counts["value"], strict=True))
    assert len(value) == 30
    method = "calibrated+registries-HA"
    nation = one(found, indicator="count", geo_level=NATION.geo_level, method=method)
    assert nation["value"] == pytest.approx(sum(value.values()), rel=1e-12)
    inside = [area(k).geo_code for k in range(30) if k % 5 == 2]
    regional = one(found, indicator="count", geo_code="R2", method=method)
    assert regional["value"] == pytest.approx(sum(value[code] for code in inside), rel=1e-12)
    # What registries counted is known: the limits of a region speak of the rest of it.
    counted = sum(value[code] for code in inside if int(code) <= 14)
    assert regional["lower"] > counted
    assert regional["se"] < one(predicted, indicator="count", geo_code="R2")["se"]


def test_events_are_those_of_the_correlate_and_add_up(world, found):
    proxy, _ = proxy_counts(world, "HA")
    table = rows(found, estimator="calibrated")
    for level, expected in (
        ("departement", proxy[14:, ADULT].sum()),
        ("region", proxy[:, ADULT].sum()),
        (NATION.geo_level, proxy[:, ADULT].sum()),
    ):
        part = table[table["geo_level"].eq(level)].drop_duplicates(["geo_level", "geo_code"])
        assert part["events"].sum() == expected
    by_cell = table.groupby(["geo_level", "geo_code"], observed=True)["events"].nunique()
    assert (by_cell == 1).all()


def test_ratios_compare_each_area_with_the_nation(found):
    ratios = rows(found, indicator="sir", geo_level="departement")
    assert set(ratios["comparator"]) == {"france_hexagonale:FRH:cog"}
    chosen = ratios[ratios["method"].isin(["indirect", "calibrated-HA"])]
    middle = (chosen["value"] * chosen["expected"]).sum() / chosen["expected"].sum()
    nation = one(found, indicator="sir", geo_level=NATION.geo_level, method="calibrated+registries-HA")
    assert nation["value"] == pytest.approx(middle, rel=1e-12)
    # Registries' own counts replace their predictions in what is observed, not in what is expected.
    assert nation["value"] == pytest.approx(1.0, abs=0.02)


def test_no_figure_is_missing_where_the_status_says_estimated(found):
    table = found.results
    assert list(table.columns) == list(RESULT_COLUMNS)
    estimated = table[table["status"].eq("estimated")]
    assert estimated[["value", "events"]].notna().all().all()
    with_limits = estimated[estimated["interval_method"].ne("_")]
    assert with_limits[["lower", "upper", "se", "level"]].notna().all().all()
    assert (with_limits["lower"] <= with_limits["value"]).all()
    assert (with_limits["value"] <= with_limits["upper"]).all()


def test_what_may_not_be_published_says_so_and_still_feeds_the_nation():
    world = country_cells(spread={"H": 0.5, "M": 0.6}, seed=4)
    found = run(world, national=False)
    blocked = rows(found, estimator="calibrated", geo_level="departement")
    assert set(blocked["status"]) == {"not_estimable"}
    assert set(blocked["reason"]) == {"quality"}
    assert set(blocked["data_grade"]) <= {"B-", "B--"}
    figures = [name for name in DERIVED_FROM_COUNT if name not in ("events", "expected")]
    assert blocked[figures].isna().all().all()
    assert blocked["events"].notna().all()
    nation = one(found, indicator="count", geo_level=NATION.geo_level, estimator="calibrated")
    assert nation["status"] == "estimated"
    assert nation["data_grade"] == "B--"
    # The counts of registries are nobody's estimate.
    assert set(rows(found, estimator="observed")["status"]) == {"estimated"}


def test_the_order_of_the_cells_changes_nothing(world):
    generator = np.random.default_rng(3)
    shuffled = replace(
        world,
        incidence=world.incidence.take(generator.permutation(len(world.incidence))),
        proxies=[part.take(generator.permutation(len(part))) for part in reversed(world.proxies)],
    )
    asked = {"proxies": ["A", "HA"], "national": False}
    # Sums in another order differ in the last digits, and the search for the smoothing stops a step apart.
    pd.testing.assert_frame_equal(run(shuffled, **asked).results, run(world, **asked).results, rtol=1e-6)


def test_yearly_correlates_are_added_into_the_period_asked_for(world):
    yearly = []
    for part in world.proxies:
        quarter = part.events // 5
        last = part.events - 4 * quarter
        for k in range(5):
            year = part.strata.assign(period_from=2014 + k, period_until=2015 + k)
            yearly.append(
                replace(
                    part,
                    strata=year,
                    events=last if k == 4 else quarter,
                    person_years=part.person_years / 5,
                )
            )
    asked = {"periods": ["2014-2018"], "national": False, "proxies": ["HA"]}
    again, direct = run(replace(world, proxies=yearly), **asked), run(world, **asked)
    pd.testing.assert_frame_equal(again.results, direct.results, rtol=1e-9)


def test_registries_with_wider_bands_are_read_at_the_age_of_their_cases(world, predicted):
    wide = BandSet.from_starts([0, 15, 40, *range(45, 90, 5)])
    found = run(
        replace(world, incidence=world.incidence.merged_to(wide)),
        registries="predicted",
        national=False,
        proxies=["HA"],
    )
    ages = found.ratios.query("proxy == 'HA'")["age"]
    proxy, _ = proxy_counts(world, "HA")
    young = proxy[:14, 3:8].sum(axis=0)
    assert ages.iloc[0] == pytest.approx((young * MIDDLES[3:8]).sum() / young.sum())
    merged = rows(found, indicator="count", geo_level="departement")["value"].to_numpy()
    # Few cases are that young: what is predicted moves by less than one per cent.
    np.testing.assert_allclose(
        merged, rows(predicted, indicator="count", geo_level="departement")["value"], rtol=0.01
    )


def test_draws_hold_what_registries_counted_and_average_to_the_estimates(world, found):
    drawn = found.draws("pancreas", 1, "2014-2018")
    again = run(world, national=False, proxies=["HA"]).draws("pancreas", 1)
    np.testing.assert_allclose(drawn.values, again.values, rtol=1e-9)
    summary = drawn.summarise()
    known = summary["geo_code"].astype(int) <= 14
    assert (summary.loc[known, "se"] == 0).all()
    assert summary.loc[known, "value"].tolist() == world.truth[LEARNED][:, ADULT].sum(axis=1).tolist()
    counts = rows(found, indicator="count", geo_level="departement", method="calibrated-HA")
    predicted = summary[~known].set_index("geo_code").loc[counts["geo_code"]]
    # 400 draws of a spread near 4 %: the mean is known to 0.2 %, the upper limit to about 0.7 %.
    np.testing.assert_allclose(predicted["value"], counts["value"], rtol=0.01)
    np.testing.assert_allclose(predicted["upper"], counts["upper"], rtol=0.03)


def test_the_nation_from_registries_alone_has_its_rates_by_year(world, found):
    yearly = rows(found, estimator="modelled", indicator="asr")
    assert yearly["period_from"].tolist() == [2014, 2015, 2016, 2017, 2018]
    assert set(yearly["geo_code"]) == {"FRH"}
    adult = world.incidence.events[:, ADULT].sum(axis=1)
    by_year = adult.reshape(5, 14).sum(axis=1)
    assert yearly["events"].tolist() == by_year.tolist()
    cases = rows(found, estimator="modelled", indicator="count")["value"].sum()
    # Fourteen registries whose incidence varies by 12 %: the nation is known to about 4 %.
    assert cases == pytest.approx(world.truth[:, ADULT].sum(), rel=0.10)
    change = one(found, estimator="modelled", indicator="annual_percent_change")
    # The rates of the synthetic country do not move.
    assert change["lower"] < 0 < change["upper"]


def test_a_declared_correction_multiplies_the_nation_and_says_so(world, found):
    stated = {"site": "pancreas", "sex": 1, "factor": 0.9, "log_se": 0.0}
    stated |= {"reason_fr": "zones de registre plus rurales", "reason_en": "registries are more rural"}
    corrected = run(world, corrections=[stated], proxies=["HA"])
    before = rows(found, estimator="modelled", indicator="asr")
    after = rows(corrected, estimator="modelled", indicator="asr")
    assert set(after["method"]) == {"tensor-spline-corrected"}
    np.testing.assert_allclose(after["value"], 0.9 * before["value"], rtol=1e-9)


def test_benchmarked_areas_add_up_to_the_registries_nation_world_by_world(world):
    found = run(world, benchmark=True, proxies=["HA"])
    counts = rows(found, estimator="benchmarked", indicator="count", geo_level="departement")
    own = rows(found, estimator="observed", indicator="count", geo_level="departement")
    nation = rows(found, estimator="modelled", indicator="count")["value"].sum()
    # Means of draws: the log-normal surface averages half its variance (0.1 %) above its centre.
    assert counts["value"].sum() + own["value"].sum() == pytest.approx(nation, rel=0.01)
    regional = rows(found, estimator="benchmarked", indicator="count", geo_level="region")
    assert regional["value"].sum() == pytest.approx(counts["value"].sum() + own["value"].sum(), rel=1e-9)
    plain = rows(found, estimator="calibrated", indicator="count", geo_level="departement")
    # All areas of a region without own counts move by one factor.
    factor = counts["value"].to_numpy() / plain["value"].to_numpy()
    assert np.ptp(factor) < 0.02
    assert set(counts["interval_kind"]) == {"prediction"}


def test_the_ratio_of_the_registry_zone_stands_beside(world, found):
    table = found.classical.query("proxy == 'HA'").set_index("geo_code")
    proxy, _ = proxy_counts(world, "HA")
    zone = world.truth[LEARNED][:, ADULT].sum(axis=0)
    inside, everywhere = proxy[LEARNED][:, ADULT].sum(axis=0), proxy[:, ADULT].sum(axis=0)
    by_hand = (zone * everywhere / np.where(inside > 0, inside, 1)).sum()
    assert table.loc["FRH", "cases"] == pytest.approx(by_hand)
    one_area = (proxy[20, ADULT] * zone / np.where(inside > 0, inside, 1)).sum()
    assert table.loc["21", "cases"] == pytest.approx(one_area)


def test_each_key_of_the_section_moves_what_it_names(world, predicted):
    asked = {"registries": "predicted", "national": False, "proxies": ["HA"]}

    def upper(found):
        return one(found, geo_code="21", indicator="count", estimator="calibrated")["upper"]

    narrow = run(world, **asked, level=0.8, indicators=["count", "asr"], standards=["world", "esp2013"])
    assert upper(narrow) < upper(predicted)
    assert set(narrow.results["indicator"]) == {"count", "asr"}
    assert set(narrow.results["standard"]) == {"_", "world-15+", "esp2013-15+"}
    other_curve = run(world, **asked, smooth="ns")
    assert upper(other_curve) != upper(predicted)
    assert upper(other_curve) == pytest.approx(upper(predicted), rel=0.05)
    # The dispersion is about the risk then, and the limits for cases add the Poisson noise of the count.
    smoothed = run(world, **asked, offset="smoothed")
    value = one(predicted, geo_code="21", indicator="count", estimator="calibrated")["value"]
    assert upper(predicted) < upper(smoothed) < 1.05 * upper(predicted) + 1.96 * np.sqrt(value)
    other_offset = one(smoothed, geo_code="21", indicator="count", estimator="calibrated")["value"]
    assert other_offset == pytest.approx(value, rel=0.05)
    older = run(world, **asked, age_from=50)
    assert set(older.results["age_from"]) == {50}
    assert older.results["events"].max() < predicted.results["events"].max()
    again = run(world, **asked, seed=1).draws("pancreas", 1)
    assert (again.values != predicted.draws("pancreas", 1).values).any()


def test_the_grade_without_noise_decides_where_that_is_asked():
    # A rare site: errors of 20 to 30 % that the noise of the counts explains.
    world = country_cells(spread={"HA": 0.02}, cases=35, seed=12)
    reference = run(world, national=False)
    corrected = run(world, national=False, publish_on="noise_corrected")
    marks = [found.grades.query("level == 'area'").iloc[0] for found in (reference, corrected)]
    assert marks[0]["grade"] == "B--"
    assert marks[0]["grade_without_noise"] == "A++"
    statuses = [
        set(rows(found, estimator="calibrated", geo_level="departement", indicator="count")["status"])
        for found in (reference, corrected)
    ]
    assert statuses == [{"not_estimable"}, {"estimated"}]


def by_group(world: SyntheticCountry, slope: float, seed: int = 2):
    """The same country cut into five groups of deprivation; the ratio of HA rises with deprivation."""
    generator = np.random.default_rng(seed)
    areas, length = world.truth.shape[0], 5
    at_risk = length * world.person_years / 5
    incidence, proxies = [], []
    rates = world.truth.sum(axis=0) / (length * world.person_years.sum(axis=0))
    district = generator.normal(0, 0.03, areas)
    template = next(part for part in world.proxies if part.strata["event_type"].iloc[0] == "proxy_HA")
    departements = template.strata["geo_level"].eq("departement").to_numpy()
    for number in range(5):
        cases = generator.poisson(rates * at_risk)
        score = (number + 0.5) / 5 - 0.5
        ratio = 1.1 * np.exp(district + (slope + generator.normal(0, 0.05, areas)) * score)[:, None]
        counts = generator.binomial(cases, 0.5) + generator.poisson(cases * (ratio - 0.5))
        strata = template.strata[departements].assign(stratum_type="deprivation", stratum=f"Q{number + 1}")
        part = template.take(departements)
        proxies.append(
            replace(part, strata=strata.reset_index(drop=True), events=counts, person_years=at_risk)
        )
        registry = replace(part, strata=strata.reset_index(drop=True), events=cases, person_years=at_risk)
        registry = replace(registry, strata=registry.strata.assign(event_type="incidence"))
        incidence.append(registry.take(np.arange(14)))
    return [concatenate(incidence)], [concatenate(proxies)]


def test_a_gradient_of_the_ratio_is_not_one_of_incidence(world):
    groups = by_group(world, slope=0.4)
    asked = Calibration(deprivation_term=True, national=False, proxies=["HA"], draws=400)
    found = whole_country(world.incidence, world.proxies, asked, hierarchy=world.hierarchy, groups=groups)
    slope = found.slopes.iloc[0]
    assert slope["slope"] == pytest.approx(0.4, abs=4 * slope["se"])
    assert slope["p_value"] < 0.01
    index = one(found, indicator="relative_index")
    assert (index["stratum_type"], index["stratum"]) == ("deprivation", "all")
    assert index["lower"] < 1 < index["upper"]
    # The correlate's own gradient would have been taken for one: 40 % between the ends.
    counts = groups[1][0].events.sum(axis=1).reshape(5, 30).sum(axis=1)
    assert counts[4] / counts[0] > 1.25
    rates = rows(found, indicator="asr", stratum_type="deprivation")
    assert rates["stratum"].tolist() == ["Q1", "Q2", "Q3", "Q4", "Q5"]


def test_a_gradient_is_refused_on_deaths(world):
    groups = by_group(world, slope=0.0)
    deaths = [replace(part, strata=part.strata.assign(event_type="proxy_M")) for part in groups[1]]
    asked = Calibration(deprivation_term=True, national=False, proxies=["M"], draws=100)
    found = whole_country(
        world.incidence, world.proxies, asked, hierarchy=world.hierarchy, groups=(groups[0], deaths)
    )
    assert not len(rows(found, indicator="relative_index"))
    assert "I020" in set(found.exclusions["reason"])


def test_several_correlates_are_weighed_where_that_predicts_better():
    # Two correlates with independent errors of one size: their mean errs less than either.
    world = country_cells(spread={"A": 0.08, "H": 0.08}, registries=20, cases=3000, seed=5)
    found = run(world, national=False, combine=True)
    used = found.grades.query("level == 'area' and used")
    assert used["proxy"].tolist() == ["A+H"]
    shares = found.grades.query("level == 'area' and proxy in ('A', 'H')")["share"]
    assert shares.sum() == pytest.approx(1.0)
    row = one(found, geo_code="25", indicator="count", method="calibrated-A+H")
    alone = run(world, national=False)
    single = one(alone, geo_code="25", indicator="count", estimator="calibrated")
    assert row["se"] < single["se"]
    proxy, _ = proxy_counts(world, "A")
    other, _ = proxy_counts(world, "H")
    rarest = min((proxy, other), key=lambda counts: counts[:, ADULT].sum())
    assert row["events"] == rarest[24, ADULT].sum()
    drawn = found.draws("pancreas", 1).summarise()
    again = drawn[drawn["geo_code"].eq("25")].iloc[0]
    # 400 draws of a spread of 7 %: the mean is known to 0.35 %, the upper limit to about 1 %.
    assert again["value"] == pytest.approx(row["value"], rel=0.01)
    assert again["upper"] == pytest.approx(row["upper"], rel=0.03)


def test_internal_tables_have_names_of_their_own(found):
    names = set(found.internal_tables())
    assert {"calibration_grades", "calibration_validation", "calibration_exclusions"} <= names
    assert region(2).geo_code in set(found.results["geo_code"])


def test_counts_of_all_ages_that_the_rates_state_already_are_not_said_again():
    key = {
        "indicator": "count",
        "per": 1,
        "event_type": "incidence",
        "site": "pancreas",
        "sex": 1,
        "geo_level": "departement",
        "geo_vintage": VINTAGE,
        "period_from": 2016,
        "period_until": 2021,
        "age_from": 0,
        "method": "count",
    }
    rates = as_result(pd.DataFrame([key | {"geo_code": "01", "estimator": "observed", "value": 7.0}]))
    of_older = key | {"geo_code": "01", "age_from": 15}
    chapter = as_result(
        pd.DataFrame(
            [
                key | {"geo_code": "01", "estimator": "observed", "value": 7.0},
                key | {"geo_code": "02", "estimator": "observed", "value": 5.0},
                key | {"geo_code": "01", "estimator": "calibrated", "value": 6.0},
                of_older | {"estimator": "observed", "value": 4.0},
            ]
        )
    )
    left = not_said_again(chapter, [rates, pd.DataFrame()])
    assert sorted(left["value"]) == [4.0, 5.0, 6.0]
    assert not_said_again(chapter, []).equals(chapter)
