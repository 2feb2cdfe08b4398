"""The chapter of incidence for the whole country, drawn from released rows alone."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from rnc_epi.calibration import whole_country as estimate
from rnc_epi.report.content import Content, Source
from rnc_epi.report.figures.calibration import (
    describe_calibrated_areas,
    plot_calibrated_areas,
    plot_ratio_by_age,
    plot_validation,
)
from rnc_epi.report.texts import report_texts, text
from rnc_epi.report.whole_country import calibrated_rows, whole_country
from rnc_epi.vocabulary.study_calibration import Calibration
from tests.country_cells import VINTAGE, country_cells


@pytest.fixture(scope="module")
def estimated():
    asked = {"combine": False, "draws": 100}
    good = country_cells(spread={"HA": 0.03})
    poor = country_cells(spread={"H": 0.6}, site="thyroid", seed=4)
    found = [
        estimate(
            world.incidence,
            world.proxies,
            Calibration(**asked),
            hierarchy=world.hierarchy,
            person_years=world.deaths,
        )
        for world in (good, poor)
    ]
    return good.hierarchy, found


def released(results):
    """The rows as a release holds them: public statuses, no reason, no count behind an estimate."""
    shown = results["status"].map({"estimated": "published", "not_estimable": "not_estimable"})
    return results.assign(status=shown, reason="_", events=np.nan)


def content_of(hierarchy, results, altered=""):
    codes = sorted(set(results.loc[results["geo_level"].eq("departement"), "geo_code"]))
    corners = [(1e5 * (int(code) % 6), 1e5 * (int(code) // 6)) for code in codes]
    shapes = [shapely.box(left, low, left + 1e5, low + 1e5) for left, low in corners]
    frame = pd.DataFrame({"geo_level": "departement", "geo_code": codes, "geo_vintage": VINTAGE})
    outlines = gpd.GeoDataFrame(frame.assign(inset=False, inset_scale=1.0), geometry=shapes)
    areas = frame.assign(name_fr="Département " + frame["geo_code"], name_en="Area " + frame["geo_code"])
    source = Source("snds", "Corrélats d'essai", "snds", "MIT", False, altered, 11)
    return Content(
        title="Essai",
        release_id="r",
        version="0",
        results=results,
        areas=areas,
        outlines=outlines,
        sources=(source,),
        hierarchy=hierarchy,
        disclosure={},
        lifts=(),
        notices={},
        standards={},
        dictionary={"fr": {}, "en": {}},
        accounting=pd.DataFrame(),
    )


@pytest.fixture(scope="module")
def content(estimated):
    hierarchy, found = estimated
    return content_of(hierarchy, released(pd.concat([one.results for one in found], ignore_index=True)))


@pytest.mark.parametrize("language", ["fr", "en"])
def test_grades_and_national_cases_stand_in_a_table(content, language):
    chapter = whole_country(content, language)
    grades, trend = chapter.tables
    by_site = {row[0]: row for row in grades.rows}
    pancreas = next(row for name, row in by_site.items() if name.casefold().startswith("panc"))
    thyroid = next(row for name, row in by_site.items() if name.casefold().startswith("thyr"))
    assert pancreas[2:4] == ("HA", "A++")
    assert thyroid[2:4] == ("H", "B--")
    # The nation is estimated in both: what may not be published by area still feeds it.
    assert all(any(letter.isdigit() for letter in row[5]) for row in (pancreas, thyroid))
    assert len(trend.rows) == 2
    assert f": 1 {'sur' if language == 'fr' else 'of'} 2." in chapter.paragraphs[2]


def test_sites_of_other_periods_and_ages_are_shown_each_over_its_own(estimated):
    hierarchy, found = estimated
    good, poor = (released(one.results) for one in found)
    later = poor["period_until"].max()
    shifted = poor.assign(period_from=poor["period_from"] - 2, period_until=poor["period_until"] - 2)
    of_all_ages = pd.concat([good, shifted]).assign(age_from=0)
    of_all_ages = of_all_ages[of_all_ages["estimator"].ne("modelled")]
    chapter = whole_country(content_of(hierarchy, of_all_ages), "fr")
    (grades,) = chapter.tables
    years = [f"{later - 5}-{later - 1}", f"{later - 7}-{later - 3}"]
    assert sorted(row[2] for row in grades.rows) == sorted(years)
    assert f"{years[1]} ou {years[0]} selon la localisation, tous âges" in chapter.paragraphs[0]
    captions = {part.anchor: part.figures[0].caption for part in chapter.parts}
    assert years[0] in captions["section-whole-country-pancreas-1"]
    assert years[1] in captions["section-whole-country-thyroid-1"]
    assert "registres seuls" not in " ".join([*chapter.notes, *(column.label for column in grades.columns)])
    # What registries counted at all ages stands beside the estimates, an area once.
    areas = calibrated_rows(content_of(hierarchy, of_all_ages)).query("geo_level == 'departement'")
    rates = areas[areas["indicator"].eq("asr") & areas["site"].eq("pancreas")]
    assert rates["estimator"].value_counts().to_dict() == {"calibrated": 16, "observed": 14}


def test_without_any_count_of_a_registry_every_area_is_said_to_be_predicted(estimated):
    hierarchy, found = estimated
    rows = released(found[0].results)
    predicted = rows[rows["estimator"].eq("calibrated")]
    chapter = whole_country(content_of(hierarchy, predicted), "fr")
    assert "Tous les départements sont prédits" in chapter.notes[-1]
    assert "Tous les" not in " ".join(whole_country(content_of(hierarchy, rows), "fr").notes)


def test_what_may_not_be_published_is_hatched_and_explained(content):
    chapter = whole_country(content, "fr")
    by_site = {part.anchor: part for part in chapter.parts}
    refused = by_site["section-whole-country-thyroid-1"].figures[0]
    assert "16" in refused.alternative
    refusal = text("wc_not_publishable", "fr")
    assert refusal in refused.notes
    # Nothing is predicted there: the map stands alone, without areas in order beside it.
    assert len(refused.draw().axes) == 1
    shown = by_site["section-whole-country-pancreas-1"].figures[0]
    assert len(shown.draw().axes) == 2
    assert refusal not in shown.notes
    for part in chapter.parts:
        for figure in part.figures:
            assert b"<svg" in figure.svg()[:400]


def test_registries_are_told_from_predictions(content):
    rows = calibrated_rows(content)
    areas = rows[
        rows["geo_level"].eq("departement") & rows["indicator"].eq("asr") & rows["site"].eq("pancreas")
    ]
    assert areas["estimator"].value_counts().to_dict() == {"calibrated": 16, "observed": 14}
    named = areas.assign(name=areas["geo_code"])
    ax = plot_calibrated_areas(named, reference=20.0)
    drawn = [line for line in ax.lines if line.get_marker() in ("o", "D")]
    assert sorted(len(line.get_xdata()) for line in drawn) == [14, 16]
    words = describe_calibrated_areas(named, "en", subject="Rates")
    assert "16 départements predicted" in words
    assert "14 counted" in words


def test_a_source_altered_by_its_authors_is_named_on_every_block(estimated):
    hierarchy, found = estimated
    altered = content_of(hierarchy, released(found[0].results), altered="Modifiés. / Altered.")
    chapter = whole_country(altered, "fr")
    assert chapter.altered
    assert all(block.altered for block in (*chapter.all_figures(), *chapter.all_tables()[:1]))
    assert any("Modifiés" in note for note in chapter.notes)


def test_a_release_without_calibrated_rows_has_no_chapter(estimated, content):
    hierarchy, _ = estimated
    observed = content.results[content.results["estimator"].eq("observed")]
    assert whole_country(content_of(hierarchy, observed), "fr") is None


def test_the_funnel_of_validation_shows_each_district_and_the_bounds_of_the_tree(estimated):
    _, (found, _) = estimated
    ax = plot_validation(found.validation)
    points = next(line for line in ax.lines if line.get_marker() == "o")
    np.testing.assert_allclose(
        sorted(points.get_ydata()), sorted(100 * found.validation["error"]), rtol=1e-12
    )
    levels = {float(line.get_ydata()[0]) for line in ax.lines if line.get_marker() == "None"}
    assert levels == {-30.0, -15.0, 0.0, 15.0, 30.0}


def test_ratios_are_drawn_one_curve_a_correlate(estimated):
    _, (found, _) = estimated
    two = pd.concat([found.ratios, found.ratios.assign(proxy="A")])
    ax = plot_ratio_by_age(two, language="en")
    assert [word.get_text() for word in ax.get_legend().get_texts()] == [
        "new long-term illnesses (A)",
        "illness or hospital (HA)",
    ]


def test_texts_of_the_chapter_exist_in_both_languages():
    own = {key: words for key, words in report_texts().items() if key.startswith(("wc_", "whole_country"))}
    assert len(own) > 30
    assert all(set(words) == {"fr", "en"} for words in own.values())
