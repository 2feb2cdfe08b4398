"""The chapter of small areas: what it shows of a release, what it never shows, and in which words."""

from __future__ import annotations

import re
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from matplotlib.colors import to_hex

from rnc_epi.report import open_content
from rnc_epi.report.figures.risk_maps import (
    CLASS_COLOURS,
    describe_caterpillar,
    describe_risks,
    plot_caterpillar,
    plot_certainty,
    plot_risks,
)
from rnc_epi.report.figures.style import figure_of, to_png
from rnc_epi.report.risk_maps import against_rest, risk_maps
from rnc_epi.report.small_areas import small_areas
from rnc_epi.vocabulary.schemas import as_result
from tests.report_release import DEPARTEMENTS, VINTAGE, write_release

CODES = sorted(DEPARTEMENTS)
REFERENCE = f"france_hexagonale:FRH:{VINTAGE}"


def smoothed(
    values,
    *,
    shown=None,
    site="lung",
    classes=None,
    estimator="smoothed",
    comparator=REFERENCE,
    sd=0.08,
    status=None,
) -> pd.DataFrame:
    """Return public rows of one map: figures where shown, the class everywhere."""
    shown = np.ones(len(CODES), dtype=bool) if shown is None else np.asarray(shown)
    values = np.asarray(values, dtype=float)
    classes = np.zeros(len(CODES)) if classes is None else np.asarray(classes, dtype=float)
    said = np.where(shown, "published", "not_published") if status is None else status
    fixed = {
        "event_type": "death", "site": site, "sex": 1, "geo_level": "departement", "geo_code": CODES,
        "geo_vintage": VINTAGE, "period_from": 2018, "period_until": 2021, "age_from": 0, "per": 1,
        "estimator": estimator, "method": "bym2", "source": "deces",
    }  # fmt: skip
    risk = pd.DataFrame(
        fixed
        | {
            "indicator": "relative_risk", "measure_unit": "ratio", "comparator": REFERENCE, "level": 0.95,
            "value": np.where(shown, values, np.nan),
            "lower": np.where(shown, values * np.exp(-1.96 * sd), np.nan),
            "upper": np.where(shown, values * np.exp(1.96 * sd), np.nan),
            "events": np.where(shown, 100.0, np.nan), "expected": np.where(shown, 100.0, np.nan),
            "interval_method": "equal-tailed", "interval_kind": "credible", "status": said,
        }
    )  # fmt: skip
    probability = pd.DataFrame(
        fixed
        | {
            "indicator": "exceedance_probability", "measure_unit": "probability", "comparator": comparator,
            "value": np.where(shown, 0.5 + 0.45 * classes, np.nan), "status": said,
        }
    )  # fmt: skip
    label = pd.DataFrame(
        fixed
        | {
            "indicator": "risk_class", "measure_unit": "class", "comparator": comparator,
            "value": classes if status is None else np.nan,
            "status": "published" if status is None else status,
        }
    )  # fmt: skip
    return pd.concat([risk, probability, label])


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    return open_content(write_release(tmp_path_factory.mktemp("release")))


def with_rows(content, *tables):
    return replace(content, results=pd.concat([content.results, as_result(pd.concat(tables))]))


def words(section) -> str:
    parts = [section, *section.parts]
    return " ".join([*(p for s in parts for p in (s.title, *s.paragraphs, *s.notes))])


def test_a_release_without_smoothed_rows_has_no_such_chapter(content):
    assert small_areas(content, "fr") is None


def test_an_area_without_a_published_figure_appears_by_its_class_and_no_number(content):
    shown = np.array(CODES) != "61"
    rows = smoothed(np.linspace(0.8, 1.4, 8), shown=shown, classes=[0, -1, 0, 0, 0, 1, 0, 1])
    section = small_areas(with_rows(content, rows), "fr")
    table = section.parts[0].figures[0].data
    line = {row[0]: row for row in table.rows}["61"]
    assert line[2:] == ("n.p.", "", "plus haut")
    others = [row for row in table.rows if row[0] != "61"]
    assert all("," in row[2] and "[" in row[3] for row in others)
    alternative = section.parts[0].figures[0].alternative
    assert "7 avec un chiffre, 1 par leur classe seule, 0 sans rien" in alternative
    assert "Orne" not in section.parts[0].figures[1].alternative


def test_the_default_sentence_says_that_areas_do_not_stand_out(content):
    section = small_areas(with_rows(content, smoothed(np.full(8, 1.0))), "fr")
    text = words(section)
    assert "Aucune des 8 zones classées ne se distingue de la référence." in text
    assert "Au-dessus" not in text


def test_an_area_is_compared_with_the_rest_of_its_region_by_hand(content):
    # Four départements of one region in the hierarchy of the test release are too few: three others at least.
    values = np.ones(8)
    one = risk_maps(with_rows(content, smoothed(values)), "fr")
    regions = content.regions_of("departement")
    assert sorted(regions.values()).count("53") == 3
    assert against_rest(content, one)[0].empty
    joined = replace_regions(content, dict.fromkeys(CODES, "53"))
    values[CODES.index("29")] = 1.6
    found = against_rest(joined, risk_maps(with_rows(joined, smoothed(values)), "fr"))[0]
    found = found.set_index("geo_code")
    assert found.loc["29", "rest"] == pytest.approx(1.0, abs=1e-9)
    # log 1.6 at 0.08 a standard deviation: 5.9 of them; limits were made with 1.96 for 1.95996.
    assert found.loc["29", "z"] == pytest.approx(np.log(1.6) / 0.08, rel=1e-4)
    # The others: rest (6 x 1 + 1.6) / 7.
    assert found.loc["22", "rest"] == pytest.approx(7.6 / 7, rel=1e-9)
    assert found["verdict"].to_dict() == {
        code: "higher" if code == "29" else "not_distinct" for code in CODES
    }
    section = small_areas(with_rows(joined, smoothed(values)), "fr")
    said = words(section).replace("\u00a0", " ")
    assert "(1,60 [1,37" in said.partition("Au-dessus du reste de leur région : ")[2]


def replace_regions(content, region_of: dict[str, str]):
    from rnc_epi.vocabulary.areas import AreaKey
    from rnc_epi.vocabulary.hierarchy import Hierarchy

    children = tuple(AreaKey("departement", code, VINTAGE) for code in sorted(region_of))
    hierarchy = Hierarchy(sites=(), areas=((AreaKey("region", "53", VINTAGE), children),))
    return replace(content, hierarchy=hierarchy)


def test_discoveries_are_judged_over_all_maps_of_the_chapter(content):
    joined = replace_regions(content, dict.fromkeys(CODES, "53"))
    values = np.ones(8)
    values[0] = np.exp(0.08 * 2.9)
    alone = against_rest(joined, risk_maps(with_rows(joined, smoothed(values)), "fr"))
    assert alone[0]["verdict"].eq("higher").sum() == 1
    # p = 0.004 is a discovery among 8 tests (0.05 / 8) and none among 24 (0.05 / 24).
    many = with_rows(joined, smoothed(values), *(smoothed(np.ones(8), site=s) for s in ("breast", "thyroid")))
    together = against_rest(joined, risk_maps(many, "fr"))
    assert not pd.concat(together)["verdict"].eq("higher").any()


def test_maps_of_thyroid_name_diagnostic_practice(content):
    section = small_areas(with_rows(content, smoothed(np.ones(8), site="thyroid")), "fr")
    assert "pratiques diagnostiques" in words(section)
    assert "pratiques" not in words(small_areas(with_rows(content, smoothed(np.ones(8))), "fr"))


def test_benchmarked_risks_stand_for_smoothed_ones_and_say_so(content):
    both = with_rows(content, smoothed(np.full(8, 0.9)), smoothed(np.full(8, 1.1), estimator="benchmarked"))
    one = risk_maps(both, "fr")
    assert len(one) == 1
    assert one[0].benchmarked
    assert one[0].areas["value"].eq(1.1).all()
    assert "calé" in small_areas(both, "fr").parts[0].figures[0].caption


def test_the_threshold_of_the_release_is_in_the_caption(content):
    rows = smoothed(np.ones(8), comparator=f"{REFERENCE}*1.25")
    assert risk_maps(with_rows(content, rows), "fr")[0].threshold == 1.25
    assert "dépasse 1,25" in small_areas(with_rows(content, rows), "fr").parts[0].figures[0].caption


def test_a_map_that_was_refused_is_named_without_figures(content):
    refused = smoothed(np.ones(8), shown=np.zeros(8, bool), status="not_estimable")
    section = small_areas(with_rows(content, refused), "fr")
    assert not section.parts
    assert "la carte n’est pas estimable" in words(section)
    assert section.tables[0].rows[0][-1] == "n.e."


def test_every_map_has_a_line_and_the_most_shown_are_drawn(content):
    sites = ["lung", "breast", "thyroid", "stomach", "liver", "pancreas"]
    section = small_areas(with_rows(content, *(smoothed(np.ones(8), site=s) for s in sites)), "en")
    assert len(section.tables[0].rows) == 6
    assert len(section.parts) == 4


@pytest.mark.parametrize("language", ["fr", "en"])
def test_figures_are_drawn_without_a_warning_and_the_same_each_time(content, language):
    shown = np.array(CODES) != "61"
    classes = [0, -1, 0, 0, 1, 1, 0, 1]
    for _ in range(2):
        rows = smoothed(np.linspace(0.5, 2.0, 8), shown=shown, classes=classes)
        section = small_areas(with_rows(content, rows), language)
        drawn = [figure.svg() for figure in section.all_figures()]
        assert len(drawn) == 2
        if language == "fr":
            assert all(b"<svg" in one for one in drawn)
    assert to_png(figure_of(plot_caterpillar(risk_maps(with_rows(content, rows), "fr")[0].areas)), "c")


def test_a_class_alone_has_a_colour_of_its_own_on_both_maps():
    squares = gpd.GeoDataFrame(
        {
            "name": list("abc"), "value": [1.3, np.nan, np.nan], "probability": [0.9, np.nan, np.nan],
            "risk_class": [1.0, 1.0, np.nan], "status": ["published", "not_published", "not_published"],
        },
        geometry=[shapely.box(x, 0, x + 1, 1) for x in range(3)],
    )  # fmt: skip
    for plot in (plot_risks, plot_certainty):
        ax = plot(squares, language="fr")
        labels = [words.get_text() for words in ax.get_legend().get_texts()]
        assert "Classe seule : plus haut" in [label.replace("\u00a0", " ") for label in labels]
        colours = {to_hex(one.get_facecolor()[0]) for one in ax.collections}
        assert CLASS_COLOURS[1] in colours
    alternative = describe_risks(squares, "en", subject="s")
    assert "1 with a figure, 1 by their class alone, 1 with nothing" in alternative


def test_a_caterpillar_of_hundreds_of_areas_needs_no_names_and_one_of_none_says_so():
    rng = np.random.default_rng(0)
    value = np.exp(0.3 * rng.standard_normal(300))
    table = pd.DataFrame(
        {
            "name": [f"z{k}" for k in range(300)], "value": value, "lower": 0.0, "upper": value * 1.4,
            "status": "published", "risk_class": 0.0,
        }
    )  # fmt: skip
    ax = plot_caterpillar(table)
    assert not {label.get_text() for label in ax.get_xticklabels()} & set(table["name"])
    lowest = table.sort_values("value")["name"].iloc[0]
    assert lowest in describe_caterpillar(table, "en")
    nothing = table.assign(status="not_published")
    assert describe_caterpillar(nothing, "fr")
    plot_caterpillar(nothing)


def test_a_ribbon_names_only_areas_that_are_distinct_and_holds_no_hidden_number():
    value = np.geomspace(0.5, 2.0, 400)
    table = pd.DataFrame(
        {
            "name": [f"z{k:03d}" for k in range(400)], "value": value, "lower": value / 1.3,
            "upper": value * 1.3, "status": "published", "risk_class": 0.0,
        }
    )  # fmt: skip
    table.loc[[40, 50], "risk_class"] = -1.0
    table.loc[[300, 390], "risk_class"] = 1.0
    # The highest and the lowest of all are not distinct, and one is hidden whatever its class.
    table.loc[399, ["status", "value", "lower", "upper", "risk_class"]] = [
        "not_published",
        7.7,
        7.7,
        7.7,
        1.0,
    ]
    ax = plot_caterpillar(table)
    said = " ".join(found.get_text() for found in ax.texts)
    assert set(re.findall(r"z\d+", said)) == {"z040", "z050", "z300", "z390"}
    drawn = np.concatenate([line.get_ydata() for line in ax.lines])
    bands = np.concatenate([path.vertices[:, 1] for band in ax.collections for path in band.get_paths()])
    assert max(drawn.max(), bands.max()) < 3.0
    # What is left in a hidden row, or its being there at all, changes no byte.
    without = to_png(figure_of(plot_caterpillar(table.drop(index=399))), "c", dpi=60)
    assert to_png(figure_of(ax), "c", dpi=60) == without
    signs = {line.get_marker() for line in ax.lines if line.get_marker() not in ("None", "")}
    assert signs == {"v", "^"}


@pytest.mark.parametrize(("low", "high"), [(0.4, 3.0), (0.82, 1.2), (0.93, 1.08)])
def test_the_ratios_of_a_caterpillar_can_be_read_whatever_their_range(low, high):
    value = np.geomspace(low * 1.02, high / 1.02, 60)
    table = pd.DataFrame(
        {
            "name": [f"Z{k}" for k in range(60)], "value": value, "lower": value / 1.02,
            "upper": value * 1.02, "status": "published", "risk_class": 0.0,
        }
    )  # fmt: skip
    ax = plot_caterpillar(table)
    bottom, top = ax.get_ylim()
    assert sum(bottom <= tick <= top for tick in ax.get_yticks()) >= 4
