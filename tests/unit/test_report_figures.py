"""Figures are functions of a released table; they show only what is published, also in words."""

from __future__ import annotations

import geopandas as gpd
import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import shapely
from matplotlib import _pylab_helpers
from matplotlib.collections import PathCollection
from matplotlib.text import Text

from rnc_epi.report.figures import (
    describe_age_curve,
    describe_choropleth,
    describe_ranked_areas,
    describe_sites,
    describe_trend,
    plot_age_curve,
    plot_choropleth,
    plot_ranked_areas,
    plot_sites,
    plot_trend,
    rate_classes,
    ratio_classes,
    to_png,
    to_svg,
)

#: A number left in a row that is not published: nothing may show it.
LEFT = 777.7


def rows(**columns):
    table = pd.DataFrame({"status": "published", "per": 100_000, "measure_unit": "rate", **columns})
    if "lower" not in table:
        table = table.assign(lower=table["value"] * 0.9, upper=table["value"] * 1.1)
    hidden = table["status"].ne("published")
    table.loc[hidden, ["value", "lower", "upper"]] = LEFT
    return table


@pytest.fixture
def ages():
    return rows(
        sex=[1, 1, 1, 2, 2, 2],
        age_from=[0, 50, 75] * 2,
        age_until=pd.array([50, 75, None] * 2, dtype="Int64"),
        value=[1.0, 50.0, 120.0, 2.0, 30.0, 0.0],
        status=["published"] * 5 + ["not_published"],
    )


@pytest.fixture
def years():
    return rows(
        sex=[1] * 4,
        period_from=[2017, 2018, 2019, 2020],
        value=[10.0, 11.0, 0.0, 13.0],
        status=["published", "published", "not_published", "published"],
    )


@pytest.fixture
def ranked():
    return rows(
        name=["Ain", "Gers", "Lot", "Var"],
        sex=1,
        value=[10.0, 30.0, 20.0, 0.0],
        status=["published", "published", "published", "not_published"],
    )


@pytest.fixture
def sites():
    return rows(
        site=["lung", "lung", "breast", "breast", "prostate"],
        sex=[1, 2, 1, 2, 1],
        value=[50.0, 20.0, 0.0, 95.0, 80.0],
        status=["published", "published", "not_published", "published", "published"],
    )


@pytest.fixture
def mapped():
    table = rows(
        name=["Ain", "Gers", "Lot", "Var", "Guyane", "Mayotte"],
        value=[10.0, 20.0, 30.0, 0.0, 0.0, 40.0],
        status=["published", "published", "published", "not_published", "not_estimable", "published"],
    )
    table["inset"] = [False] * 4 + [True, True]
    table["inset_scale"] = [1.0] * 4 + [0.28, 2.0]
    shapes = [shapely.box(6e5 + 1e5 * i, 6.5e6, 6.9e5 + 1e5 * i, 6.6e6) for i in range(4)]
    shapes += [shapely.box(1e5, 6.5e6, 1.9e5, 6.6e6), shapely.box(1.2e5, 6.38e6, 1.8e5, 6.48e6)]
    return gpd.GeoDataFrame(table, geometry=shapes)


def drawn(ages, years, ranked, sites, mapped):
    return {
        "ages": (lambda **k: plot_age_curve(ages, **k), describe_age_curve, ages),
        "years": (lambda **k: plot_trend(years, **k), describe_trend, years),
        "ranked": (lambda **k: plot_ranked_areas(ranked, **k), describe_ranked_areas, ranked),
        "sites": (lambda **k: plot_sites(sites, **k), describe_sites, sites),
        "mapped": (lambda **k: plot_choropleth(mapped, **k), describe_choropleth, mapped),
    }


@pytest.fixture(params=["ages", "years", "ranked", "sites", "mapped"])
def one(request, ages, years, ranked, sites, mapped):
    return drawn(ages, years, ranked, sites, mapped)[request.param]


def test_a_figure_leaves_no_trace_in_pyplot_or_in_the_settings(one):
    before = dict(mpl.rcParams)
    plot, _, _ = one
    to_svg(plot().figure, "x")
    assert _pylab_helpers.Gcf.get_all_fig_managers() == []
    assert dict(mpl.rcParams) == before


def test_a_figure_can_be_drawn_on_axes_that_are_given(one):
    from matplotlib.figure import Figure

    ax = Figure().add_subplot()
    assert one[0](ax=ax) is ax


def test_the_same_figure_gives_the_same_bytes_without_a_date(one):
    plot, _, _ = one
    first, second = (to_svg(plot().figure, "x") for _ in range(2))
    assert first == second
    assert b"<dc:date>" not in first
    assert to_png(plot().figure, "x", dpi=50) == to_png(plot().figure, "x", dpi=50)


def test_a_number_left_in_a_row_that_is_not_published_is_neither_drawn_nor_said(one):
    plot, describe, table = one
    ax = plot()
    ax.figure.draw_without_rendering()
    numbers = [line.get_xydata() for line in ax.lines]
    numbers += [
        path.vertices
        for group in ax.collections
        if not isinstance(group, PathCollection)
        for path in group.get_paths()
    ]
    assert not np.isclose(np.concatenate([np.ravel(part) for part in numbers] or [[0]]), LEFT).any()
    assert not any("777" in found.get_text() for found in ax.figure.findobj(Text))
    for language in ("fr", "en"):
        assert "777" not in describe(table, language, subject="X")


def test_the_alternative_text_gives_published_numbers_in_the_language(ranked):
    said = describe_ranked_areas(ranked, "fr", subject="Poumon")
    assert "10,0 [9,0\u202f; 11,0] (Ain)" in said
    assert "30,0" in said
    assert "Zones sans chiffre publié\u00a0: 1." in said
    assert "30.0 (27.0–33.0) (Gers)" in describe_ranked_areas(ranked, "en", subject="Lung")


def test_a_figure_without_any_published_number_says_so():
    table = rows(name=["Ain", "Var"], sex=1, value=[0.0, 0.0], status="not_published")
    assert "Aucun chiffre n’est publié" in describe_ranked_areas(table, "fr", subject="X")


def test_areas_stand_in_decreasing_order_and_hidden_ones_at_the_foot_with_their_sign(ranked):
    ax = plot_ranked_areas(ranked, reference=20.0, reference_label="France")
    labels = [tick.get_text() for tick in ax.get_yticklabels()]
    places = dict(zip(labels, ax.get_yticks(), strict=True))
    assert places["Gers"] > places["Lot"] > places["Ain"] > places["Var"]
    assert [note.get_text() for note in ax.texts] == ["n.p."]


def test_both_sexes_together_are_not_drawn_beside_men_and_women(sites):
    with_both = pd.concat([sites, rows(site=["lung"], sex=[0], value=[35.0])])
    labels = [text.get_text() for text in plot_sites(with_both).get_legend().get_texts()]
    assert labels == ["hommes", "femmes"]


def test_a_line_stops_at_a_break_of_edition_and_2020_is_hollow(years):
    ax = plot_trend(years, breaks=[2018, 1950])
    assert [note.get_text() for note in ax.texts] == ["rupture de série"]
    joined = [line.get_xydata() for line in ax.lines if line.get_linestyle() == "-" and len(line.get_xdata())]
    assert [list(line[:, 0]) for line in joined if len(line)] == [[2017.0], [2018.0, 2019.0, 2020.0]]
    hollow = [line for line in ax.lines if line.get_markerfacecolor() == "white"]
    assert [list(line.get_xdata()) for line in hollow] == [[2020.0]]
    said = describe_trend(years, "fr", subject="X", breaks=[2018])
    assert "2018" in said
    assert "Covid" in said


def test_a_map_names_in_its_legend_every_hatching_that_is_on_it(mapped):
    legend = [text.get_text() for text in plot_choropleth(mapped).get_legend().get_texts()]
    assert "Non publié" in legend
    assert "Non estimable" in legend
    assert "Hors champ" not in legend
    outside = mapped.assign(status=mapped["status"].where(mapped["name"].ne("Ain"), None))
    assert "Hors champ" in [text.get_text() for text in plot_choropleth(outside).get_legend().get_texts()]
    hatches = {patch.get_hatch() for patch in plot_choropleth(mapped).get_legend().get_patches()}
    assert len(hatches - {None}) == 2


def test_insets_are_labelled_with_their_scale_and_their_labels_do_not_touch(mapped):
    ax = plot_choropleth(mapped)
    assert {note.get_text() for note in ax.texts} == {"Guyane\n× 0,28", "Mayotte\n× 2,0"}
    figure = ax.figure
    figure.draw_without_rendering()
    boxes = [note.get_window_extent() for note in ax.texts]
    assert not boxes[0].overlaps(boxes[1])
    frames = [patch.get_window_extent() for patch in ax.patches]
    assert not any(box.overlaps(frame) for box in boxes for frame in frames if frame.width < 200)


def test_areas_that_differ_have_a_border_and_a_legend_only_where_there_are_some(mapped):
    none = plot_choropleth(mapped.assign(distinct=False))
    some = plot_choropleth(mapped.assign(distinct=mapped["name"].eq("Gers")))
    for ax, expected in ((none, False), (some, True)):
        legend = [text.get_text() for text in ax.get_legend().get_texts()]
        assert ("Se distingue de sa région" in legend) is expected
    said = describe_choropleth(mapped.assign(distinct=mapped["name"].eq("Gers")), "fr", subject="X")
    assert "Se distinguent du reste de leur région\u00a0: Gers." in said


def test_classes_hold_about_the_same_number_of_areas():
    values = np.arange(1, 101) / 10
    assert np.bincount(rate_classes(values).class_of(values)).tolist() == [20] * 5


def test_equal_values_are_never_parted_and_few_values_make_few_classes():
    values = [1.0] * 50 + [2.0] * 3
    classes = rate_classes(values)
    assert len(set(classes.class_of([1.0] * 50).tolist())) == 1
    assert len(rate_classes([5.0, 5.0]).colours) == 1


def test_the_legend_of_a_class_gives_only_published_values():
    values = [1.04, 2.0, 3.06]
    labels = rate_classes(values, number=3).labels(values, "en")
    assert labels == ["1.0", "2.0", "3.1"]


def test_classes_of_a_ratio_are_symmetric_around_one():
    classes = ratio_classes()
    # 1 / 1.25 = 0.80 and 1 / 1.11 = 0.90: an area and its inverse are as far from the middle.
    assert classes.class_of([0.79, 0.80, 0.90, 1.0, 1.11, 1.25, 1.26]).tolist() == [0, 1, 2, 2, 2, 3, 4]
    assert classes.labels([1.0], "fr") == ["< 0,80", "0,80 – 0,89", "0,90 – 1,11", "1,12 – 1,25", "≥ 1,26"]


def test_lightness_of_the_sequence_falls_steadily_so_that_grey_keeps_the_order():
    from rnc_epi.report.figures.style import SEQUENTIAL

    def lightness(colour):
        return float(np.dot(mpl.colors.to_rgb(colour), [0.2126, 0.7152, 0.0722]))

    steps = np.diff([lightness(colour) for colour in SEQUENTIAL])
    assert (steps < -0.08).all()
