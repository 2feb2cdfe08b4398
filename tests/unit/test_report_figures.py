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

from rnc_epi.extracts.geography.outlines import outlines
from rnc_epi.report.figures import (
    describe_age_curve,
    describe_choropleth,
    describe_funnel,
    describe_ranked_areas,
    describe_sites,
    describe_trend,
    plot_age_curve,
    plot_choropleth,
    plot_funnel,
    plot_ranked_areas,
    plot_sites,
    plot_trend,
    rate_classes,
    ratio_classes,
    to_png,
    to_svg,
)
from rnc_epi.report.figures.funnel import funnel_of, funnel_sentence
from rnc_epi.report.figures.style import DIVERGING

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


@pytest.fixture
def funnel():
    expected = np.array([20.0, 50.0, 100.0, 400.0, 900.0, 5_000.0])
    table = rows(
        name=["Ain", "Gers", "Lot", "Var", "Nord", "Rhône"],
        sex=1,
        value=[1.2, 0.9, 1.1, 0.8, 1.0, 0.0],
        status=["published"] * 5 + ["not_published"],
        expected=expected,
    ).assign(measure_unit="ratio", per=1)
    shown = table["status"].eq("published")
    # What disclosure blanks, and what nothing may show should it be left.
    table["events"] = np.where(shown, table["value"] * expected, LEFT)
    table["expected"] = np.where(shown, expected, LEFT)
    return table


def drawn(ages, years, ranked, sites, mapped, funnel):
    return {
        "funnel": (lambda **k: plot_funnel(funnel, **k), describe_funnel, funnel),
        "ages": (lambda **k: plot_age_curve(ages, **k), describe_age_curve, ages),
        "years": (lambda **k: plot_trend(years, **k), describe_trend, years),
        "ranked": (lambda **k: plot_ranked_areas(ranked, **k), describe_ranked_areas, ranked),
        "sites": (lambda **k: plot_sites(sites, **k), describe_sites, sites),
        "mapped": (lambda **k: plot_choropleth(mapped, **k), describe_choropleth, mapped),
    }


@pytest.fixture(params=["ages", "years", "ranked", "sites", "mapped", "funnel"])
def one(request, ages, years, ranked, sites, mapped, funnel):
    return drawn(ages, years, ranked, sites, mapped, funnel)[request.param]


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


def test_each_colour_of_a_ratio_has_a_lightness_of_its_own_in_grey_and_without_red_or_green():
    def lightness(rgb):
        # CIE L*, from linear light.
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        light = float(np.clip(linear @ [0.2126, 0.7152, 0.0722], 0, 1))
        return 116 * light ** (1 / 3) - 16

    held = sorted(lightness(np.array(mpl.colors.to_rgb(colour))) for colour in DIVERGING)
    # Eight of the hundred steps of lightness: grey neighbours are told apart.
    assert np.diff(held).min() > 8
    # Purple has more blue than red and orange less: what dichromats of red or green keep.
    blue_minus_red = [np.dot(mpl.colors.to_rgb(colour), [-1, 0, 1]) for colour in DIVERGING]
    assert (np.array(blue_minus_red[:2]) > 0.1).all()
    assert (np.array(blue_minus_red[3:]) < -0.2).all()


def test_a_hidden_area_leaves_the_funnel_as_it_would_be_without_it(funnel):
    other = funnel.assign(
        events=funnel["events"].where(funnel["status"].eq("published"), 3.0),
        expected=funnel["expected"].where(funnel["status"].eq("published"), 9_999.0),
        value=funnel["value"].where(funnel["status"].eq("published"), 0.01),
    )
    alone = funnel[funnel["status"].eq("published")]
    first, second, third = (to_svg(plot_funnel(table).figure, "f") for table in (funnel, other, alone))
    assert first == second == third
    assert describe_funnel(funnel, "fr", subject="X") == describe_funnel(alone, "fr", subject="X")


def test_the_funnel_is_that_of_chance_and_says_the_spread_beyond_it(funnel):
    rng = np.random.default_rng(3)
    many, names = 300, [f"d{k}" for k in range(300)]
    table = funnel.iloc[[0] * many].reset_index(drop=True).assign(expected=4_000.0, name=names)
    calm = table.assign(events=rng.poisson(4_000.0, many))
    spread = table.assign(events=rng.poisson(4_000.0 * np.exp(rng.normal(0, 0.1, many))))
    quiet, restless = (funnel_of(one.assign(value=one["events"] / 4_000.0)) for one in (calm, spread))
    # Normal scores brought back to their tenth and ninetieth centiles keep 0.678 of their variance, here
    # 0.1 squared and 1/4000 together; chance is then taken off. Twice the spread of the square root is that
    # of the ratio; of 300 areas it is known to a twentieth.
    true = np.sqrt(0.678 * (0.1**2 + 1 / 4_000) - 1 / 4_000)
    assert 2 * float(restless.spread.between) == pytest.approx(true, rel=0.15)
    assert 2 * float(quiet.spread.between) < 0.01
    assert not quiet.overdispersed or float(quiet.spread.factor) < 1.1
    # By hand: beyond 3.09 standard errors of chance alone, 1/sqrt(4000), lies nearly all that is spread.
    beyond = np.abs(np.sqrt(spread["events"] / 4_000.0) - 1) * 2 * np.sqrt(4_000.0) > 3.15
    assert restless.areas["outside_chance"].sum() >= 0.9 * beyond.sum() > 100
    assert restless.areas["outside_spread"].sum() < 0.05 * many
    assert quiet.areas["outside_chance"].sum() <= 3
    assert "(surdispersion)\u00a0: variance" in funnel_sentence(restless, "fr")
    # Below five areas nothing can be said of a spread.
    assert funnel_of(calm.assign(value=1.0).head(4)) is None


@pytest.mark.parametrize("overseas", [True, False])
def test_areas_around_paris_are_drawn_twice_and_stand_clear_of_the_coast(overseas):
    held = outlines("departement").set_geometry("display")
    held = held[~held["inset"] | overseas].reset_index(drop=True)
    areas = held.assign(value=1.0, status="published", name=held["geo_code"])
    small = areas.assign(zoom=areas["geo_code"].isin(["75", "92", "93", "94"]))
    plain, twice = plot_choropleth(areas), plot_choropleth(small)

    def shapes(ax):
        return [path for group in ax.collections for path in group.get_paths()]

    first, both = shapes(plain), shapes(twice)
    assert len(both) == len(first) + 4
    land = shapely.union_all([shapely.Polygon(part) for path in first for part in path.to_polygons()])
    added = [path for path in both if not any(np.array_equal(path.vertices, old.vertices) for old in first)]
    assert len(added) == 4
    box = shapely.box(*np.ravel(shapely.total_bounds([shapely.LineString(path.vertices) for path in added])))
    assert box.distance(land) > 20_000
    assert any(found.get_text().startswith("Paris") for found in twice.texts)
    # The classes are those of the areas, each counted once.
    labels = [[found.get_text() for found in ax.get_legend().get_texts()] for ax in (plain, twice)]
    assert labels[0] == labels[1]
