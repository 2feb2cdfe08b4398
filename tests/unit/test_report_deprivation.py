"""The chapter on social inequality: drawn from released rows alone, never without its reading."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from rnc_epi.cells.table import Cells, concatenate
from rnc_epi.inequality import gradients, late_stage_rows
from rnc_epi.report import open_content
from rnc_epi.report.deprivation import deprivation
from rnc_epi.report.figures.concentration import curves_of, excess_classes
from rnc_epi.report.figures.gradient import equiplot_lines, plot_gradient
from rnc_epi.report.figures.relative_indices import paths_of, plot_forest
from rnc_epi.report.texts import text
from rnc_epi.vocabulary.schemas import as_result
from tests.deprivation_cells import asked, drawn_cells
from tests.report_release import VINTAGE, write_release

RATIOS = {
    ("lung", 1): 1.8,
    ("lung", 2): 1.5,
    ("breast", 2): 0.8,
    ("colorectum", 1): 1.1,
    ("colorectum", 2): 1.0,
}


@pytest.fixture(scope="module")
def results():
    rng = np.random.default_rng(21)
    parts = []
    for (site, sex), ratio in RATIOS.items():
        keys = {"site": site, "sex": sex, "geo_vintage": VINTAGE, "event_type": "death", "source": "deces"}
        parts.append(drawn_cells(ratio, rng, cases=20_000, **keys))
        for year in range(2016, 2020):
            parts.append(
                drawn_cells(
                    ratio + 0.05 * (year - 2016), rng, period_from=year, period_until=year + 1, **keys
                )
            )
        for code in ("22", "29", "35", "14", "50", "61", "971", "974"):
            parts.append(drawn_cells(ratio, rng, cases=1_500, geo_level="departement", geo_code=code, **keys))
    made = gradients(concatenate(parts), asked(geo_levels=["france_hexagonale", "departement"])).results
    return as_result(made.assign(status=made["status"].replace("estimated", "published")))


@pytest.fixture(scope="module")
def content(results, tmp_path_factory):
    content = open_content(write_release(tmp_path_factory.mktemp("release")))
    return replace(content, results=results)


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_chapter_draws_every_figure_and_says_beside_each_what_it_does_not_say(content, language):
    chapter = deprivation(content, language)
    assert chapter is not None
    kinds = {figure.anchor.split("-")[0] for figure in chapter.all_figures()}
    assert kinds == {"gradient", "equiplot", "forest", "concentration", "absolute", "excess"}
    reading = text("deprivation_reading", language)
    assert reading in chapter.paragraphs
    for figure in chapter.all_figures():
        assert reading in figure.notes, figure.anchor
        assert figure.svg().startswith(b"<?xml")
        assert len(figure.alternative) > 40
    for table in chapter.all_tables():
        assert reading in table.notes
    anchors = [figure.anchor for figure in chapter.all_figures()]
    assert len(set(anchors)) == len(anchors)


def released(rows):
    return as_result(rows.assign(status=rows["status"].replace("estimated", "published")))


def table_named(content, name, language="en"):
    found = [table for table in deprivation(content, language).all_tables() if table.anchor == name]
    assert len(found) == 1, name
    return found[0]


@pytest.mark.parametrize("language", ["fr", "en"])
def test_change_is_told_on_both_scales_with_its_test(content, results, language):
    table = table_named(content, "table-deprivation-trend-death", language)
    assert len(table.rows) == len(RATIOS)
    rows = results[results["site"].eq("lung") & results["sex"].eq(1) & results["period_until"].eq(2020)]
    trend = rows[rows["indicator"].eq("relative_index_trend")]["value"].item()
    line = next(line for line in table.rows if line[0] in ("Lung", "Poumon") and line[1] in ("men", "hommes"))
    assert float(line[5].replace(",", ".")) == pytest.approx(trend, abs=0.005)
    assert text("deprivation_both_scales", language) in table.notes
    assert text("deprivation_reading", language) in table.notes


@pytest.mark.parametrize("language", ["fr", "en"])
def test_late_stage_and_single_areas_have_a_table_where_the_release_holds_them(content, results, language):
    rng = np.random.default_rng(22)
    keys = {"site": "breast", "sex": 2, "geo_vintage": VINTAGE, "event_type": "incidence", "source": "r"}
    late, early = drawn_cells(1.6, rng, cases=4_000, **keys), drawn_cells(1.0, rng, cases=9_000, **keys)
    both = Cells(late.strata, late.bands, late.events + early.events, late.unknown_age, late.person_years)
    of_area = results[results["indicator"].eq("relative_index")].head(1)
    of_area = pd.concat(
        [
            of_area.assign(indicator="deprivation_risk_ratio", estimator="smoothed", method=name, value=value,
                           comparator="_", events=np.nan)
            for name, value in (("independent", 1.4), ("bym2", 1.3), ("spatial-plus", 1.2))
        ]
    )  # fmt: skip
    parts = [results, released(gradients(both, asked()).results), of_area]
    parts.append(released(late_stage_rows(late, early, asked())))
    held = replace(content, results=as_result(pd.concat(parts, ignore_index=True)))
    stage = table_named(held, "table-deprivation-stage-incidence", language)
    shares = parts[3][parts[3]["indicator"].eq("late_stage_share")].set_index("stratum")["value"]
    cells = [float(stage.rows[0][place].replace(",", ".")) for place in (2, 4, 6)]
    assert cells == pytest.approx([shares["Q1"], shares["Q5"], shares["all"]], abs=0.05)
    assert text("late_stage_reading", language) in stage.notes
    areas = table_named(held, "table-deprivation-area-model-death", language)
    assert [float(areas.rows[0][place].replace(",", ".")) for place in (2, 4, 6)] == [1.4, 1.3, 1.2]
    assert text("area_model_reading", language) in areas.notes


def test_a_gap_in_deaths_is_told_as_incidence_and_lethality(content, results):
    keys = {"site": "lung", "sex": 1, "geo_vintage": VINTAGE, "source": "r"}
    parts = [
        drawn_cells(ratio, None, cases=9_000, event_type=event, **keys)
        for event, ratio in (("incidence", 1.5), ("death", 1.5))
    ]
    held = replace(content, results=released(gradients(concatenate(parts), asked(trend=False)).results))
    table = table_named(held, "table-deprivation-gap-death")
    # The same ratio in cases and in deaths: all of the gap is incidence, but for whole counts.
    assert float(table.rows[0][-1]) == pytest.approx(100.0, abs=2.0)


def test_the_table_shows_the_numbers_of_the_rows(content, results):
    tables = deprivation(content, "en").all_tables()
    men = next(table for table in tables if table.anchor.endswith("-1"))
    lung = next(line for line in men.rows if line[0].startswith("Lung"))
    national = results[
        results["geo_level"].eq("france_hexagonale") & results["site"].eq("lung") & results["sex"].eq(1)
        & results["period_from"].eq(2016) & results["period_until"].eq(2021) & results["stratum"].eq("all")
    ]  # fmt: skip
    index = national[
        national["indicator"].eq("relative_index") & national["method"].eq("multiplicative-poisson")
    ]
    value, limits = lung[5].split("\n")
    assert value == f"{index['value'].item():.2f}"
    assert limits == f"({index['lower'].item():.2f}–{index['upper'].item():.2f})"
    # Beside their values the limits would leave no room for the names: twelve columns.
    assert len(men.columns) == len(lung) == 8


def test_nothing_hidden_is_drawn_or_told(content, results):
    hidden = results["stratum"].eq("Q1") & results["site"].eq("lung")
    masked = results.copy()
    masked.loc[hidden, "status"] = "not_published"
    masked.loc[hidden, ["value", "lower", "upper"]] = 777.7
    chapter = deprivation(replace(content, results=masked), "en")
    told = " ".join(figure.alternative for figure in chapter.all_figures())
    told += " ".join(cell for table in chapter.all_tables() for line in table.rows for cell in line)
    assert "777" not in told
    # A curve or a segment without one of its groups would say another gap.
    for figure in chapter.all_figures():
        if figure.anchor.startswith(("equiplot", "concentration")):
            assert "Lung" not in figure.alternative
    gradient = masked[
        masked["indicator"].eq("asr") & masked["site"].eq("lung") & masked["period_until"].eq(2021)
    ]
    axes = plot_gradient(gradient[gradient["geo_level"].eq("france_hexagonale")], language="en")
    assert max(np.nanmax(line.get_ydata()) for line in axes.lines) < 700


def test_a_release_without_gradients_has_no_chapter(tmp_path):
    assert deprivation(open_content(write_release(tmp_path / "out")), "fr") is None


def test_the_lead_names_the_grouping_where_the_rows_do(content, results):
    named = results.assign(stratum_type="deprivation:fdep:2015:national:population:5")
    lead = deprivation(replace(content, results=named), "fr").paragraphs[0]
    assert "fdep" in lead
    assert "2015" in lead
    assert text("deprivation_how_unknown", "fr") in deprivation(content, "fr").paragraphs[0]
    assert not re.search(r"\{", lead)


def groups(values, people=100.0, name="Lung", status="published"):
    return pd.DataFrame(
        {
            "name": name, "stratum": [f"Q{i + 1}" for i in range(len(values))], "value": values,
            "person_years": people, "status": status, "per": 100_000, "sex": 1,
        }
    )  # fmt: skip


def test_curves_hold_cumulated_shares():
    points = curves_of(groups([10.0, 20.0, 70.0]))["Lung"]
    np.testing.assert_allclose(points, [[0, 0], [1 / 3, 0.1], [2 / 3, 0.3], [1, 1]])
    # Person-years of a group hidden: no curve.
    assert curves_of(groups([10.0, 20.0, 70.0], people=[1.0, np.nan, 1.0])) == {}


def test_an_equiplot_puts_the_widest_gap_first_and_leaves_out_broken_lines():
    table = pd.concat(
        [groups([10.0, 12.0, 14.0]), groups([30.0, 20.0, 10.0], name="Breast"),
         groups([1.0, 2.0, 90.0], name="Larynx", status=["published", "not_published", "published"])]
    )  # fmt: skip
    assert [name for name, _ in equiplot_lines(table)] == ["Breast", "Lung"]


def test_a_forest_leaves_out_what_has_no_limit():
    table = pd.DataFrame(
        {
            "name": ["Lung", "Breast", "Larynx"], "sex": 1, "value": [1.5, 0.8, 2.0],
            "lower": [1.2, 0.7, 1.1], "upper": [1.9, 0.9, np.nan], "status": "published",
        }
    )  # fmt: skip
    axes = plot_forest(table, language="en")
    assert [label.get_text() for label in axes.get_yticklabels()] == ["Lung", "Breast"]
    assert axes.get_xscale() == "log"


def test_a_path_joins_the_periods_that_have_both_indices():
    years = {"sex": 1, "period_from": [2016, 2017, 2018], "period_until": [2017, 2018, 2019]}
    absolute = pd.DataFrame({**years, "value": [1.0, 2.0, 3.0], "status": "published"})
    relative = pd.DataFrame(
        {**years, "value": [1.1, 1.2, 1.3], "status": ["published", "not_published", "published"]}
    )
    assert paths_of(absolute, relative)[1]["absolute"].tolist() == [1.0, 3.0]
    assert paths_of(absolute.iloc[:1], relative) == {}


def test_negative_excess_has_a_colour_of_its_own():
    classes = excess_classes([-30, 0, 10, 20, 30, 40])
    assert classes.class_of([-30, -1]).tolist() == [0, 0]
    assert 0 not in classes.class_of([0, 10, 40]).tolist()
    assert len(classes.colours) == len(classes.bounds) + 1
