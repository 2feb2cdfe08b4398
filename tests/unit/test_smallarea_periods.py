"""Periods smoothed together: which ones, on what counts, and rows of each as of a map of one period."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from rnc_epi.cells.table import concatenate
from rnc_epi.maths import smallarea as maths
from rnc_epi.smallarea import SmallAreaModel, mapped_counts, mapped_periods, small_areas
from rnc_epi.smallarea.periods import runs_of_periods
from rnc_epi.vocabulary.errors import InputError
from rnc_epi.vocabulary.study_small_areas import OverPeriods, SmallAreas
from tests.small_area_cells import ZONES, made_map

PERIODS = [(2006, 2011), (2011, 2016), (2016, 2021)]


def dated(cells, period):
    return replace(cells, strata=cells.strata.assign(period_from=period[0], period_until=period[1]))


@pytest.fixture(scope="module")
def made():
    return made_map()


@pytest.fixture(scope="module")
def cells(made):
    # The last period is the map itself; counts of the others are drawn anew from the same risks.
    others = [made_map(seed).cells for seed in (7, 8)]
    return concatenate(
        [dated(one, period) for one, period in zip([*others, made.cells], PERIODS, strict=True)]
    )


def asked(**changed) -> SmallAreas:
    plain = {
        "geo_levels": ["zone"],
        "autocorrelation": False,
        "draws": 200,
        "time": OverPeriods(interaction="none"),
    }
    return SmallAreas(**plain | changed)


@pytest.fixture(scope="module")
def tables(made, cells):
    return small_areas(cells, made.graphs, asked(autocorrelation=True, time=OverPeriods()))


def test_each_period_has_the_rows_of_the_model_fitted_to_all_of_them(made, cells, tables):
    rows = tables.results[tables.results["indicator"].eq("relative_risk")]
    assert rows["method"].eq("spacetime-I").all()
    assert rows.groupby(["period_from", "period_until"]).size().to_dict() == dict.fromkeys(PERIODS, ZONES)
    parts = mapped_periods(cells, made.graphs["zone"])
    fit = maths.fit_spacetime(
        np.column_stack([part.observed for part in parts]),
        np.column_stack([part.expected for part in parts]),
        np.asarray(made.graphs["zone"].edges),
    )
    found = rows.pivot_table(index="geo_code", columns="period_from", values="value").to_numpy()
    # The same fit, area by area and period by period: only the order of the rows could differ.
    np.testing.assert_allclose(found, fit.relative_risk.reshape(ZONES, 3), rtol=1e-9)
    events = rows.pivot_table(index="geo_code", columns="period_from", values="events").to_numpy()
    assert (events == np.column_stack([part.observed for part in parts])).all()


def test_a_period_borrows_from_the_others(made, cells):
    together = SmallAreaModel(interaction="none").fit(cells, made.graphs["zone"])
    alone = SmallAreaModel().fit(mapped_counts(dated(made.cells, PERIODS[-1]), made.graphs["zone"]))
    last = together.to_frame().query("period_from == 2016")
    assert (last["observed"].to_numpy() == alone.to_frame()["observed"].to_numpy()).all()
    # Three times the events on the same risks: narrower by up to the root of three, by a tenth at least.
    width = np.log(last["upper"] / last["lower"]).to_numpy()
    assert np.median(width / np.log(alone.upper_ / alone.lower_)) < 0.9


def test_diagnostics_ranks_and_neighbours_are_those_of_each_period(tables):
    assert tables.diagnostics["period_from"].tolist() == [2006, 2011, 2016]
    assert tables.diagnostics["periods"].eq(3).all()
    assert tables.diagnostics["moran"].nunique() == 3
    assert tables.ranks.groupby("period_from")["rank"].mean().round(6).eq((ZONES + 1) / 2).all()
    parameters = tables.parameters
    assert set(parameters["parameter"]) == {"sigma", "phi", "sigma_time", "sigma_interaction", "intercept"}
    assert parameters[["period_from", "period_until"]].drop_duplicates().to_numpy().tolist() == [[2006, 2021]]


def test_periods_that_do_not_follow_one_another_are_smoothed_alone(made):
    gap = concatenate([dated(made.cells, (2001, 2006)), dated(made.cells, (2016, 2021))])
    tables = small_areas(gap, made.graphs, asked())
    assert tables.results["method"].eq("bym2").all()
    assert len(tables.results) == 2 * 3 * ZONES
    with pytest.raises(InputError) as refusal:
        mapped_periods(gap, made.graphs["zone"])
    assert refusal.value.code == "A047"


def test_runs_are_of_one_length_and_leave_no_period_out():
    periods = [(2000, 2005), (2005, 2010), (2001, 2006), (2006, 2011), (2000, 2010), (2009, 2010)]
    runs = runs_of_periods(periods)
    assert runs == [
        ((2009, 2010),),
        ((2000, 2005), (2005, 2010)),
        ((2001, 2006), (2006, 2011)),
        ((2000, 2010),),
    ]
    assert sorted(period for run in runs for period in run) == sorted(periods)


def test_an_area_that_one_period_does_not_cover_says_so_in_the_others(made, cells):
    strata = cells.strata
    gone = strata["geo_code"].eq("z05") & strata["period_from"].eq(2011)
    tables = small_areas(cells.take(np.flatnonzero(~gone)), made.graphs, asked())
    rows = tables.results[tables.results["indicator"].eq("relative_risk")]
    of_area = rows[rows["geo_code"].eq("z05")]
    assert of_area["period_from"].tolist() == [2006, 2016]
    assert of_area["reason"].eq("not_every_period").all()
    assert of_area["value"].isna().all()
    assert rows[rows["geo_code"].ne("z05")]["value"].notna().all()


def test_a_period_without_its_nation_sends_each_back_to_itself(made, cells):
    strata = cells.strata
    gone = strata["geo_level"].eq("france_hexagonale") & strata["period_from"].eq(2011)
    rows = small_areas(cells.take(np.flatnonzero(~gone)), made.graphs, asked()).results
    risks = rows[rows["indicator"].eq("relative_risk")].groupby("period_from")["value"].count()
    assert risks.to_dict() == {2006: ZONES, 2011: 0, 2016: ZONES}


def test_published_maps_over_periods_rest_on_published_counts_alone(made, cells):
    keys = [
        "event_type",
        "site",
        "sex",
        "period_from",
        "period_until",
        "geo_level",
        "geo_code",
        "geo_vintage",
    ]
    counted = cells.strata[keys].assign(events=cells.total_events.astype(float))
    hidden = counted["events"].between(1, 10) & counted["geo_level"].eq("zone")
    assert hidden.sum() > 10

    def maps(table):
        return small_areas(
            table, made.graphs, asked(), membership=made.membership, published=counted[~hidden]
        ).results

    # Whatever a hidden count is, the published maps are the same: nothing of it can be worked out.
    first = maps(cells)
    events = cells.events.copy()
    rows = np.flatnonzero(hidden.to_numpy())
    events[rows[0], 0] += 3
    second = maps(replace(cells, events=events))
    same = ["value", "lower", "upper", "se"]
    pd.testing.assert_frame_equal(first[same], second[same])


@pytest.mark.parametrize(
    ("changed", "what"),
    [({"model": "leroux"}, "bym2"), ({"benchmark": "departement"}, "benchmarked")],
)
def test_a_section_that_contradicts_itself_is_refused(changed, what):
    with pytest.raises(ValueError, match=what):
        asked(**changed)
