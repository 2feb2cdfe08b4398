"""The other tables of the chapter on social inequality: change, late stage, single areas, gaps in deaths."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from rnc_epi.report.blocks import Column, Table
from rnc_epi.report.deprivation_figures import facts_of, reading, without
from rnc_epi.report.deprivation_rows import SHOWN_MODEL, Gradient
from rnc_epi.report.formats import Format
from rnc_epi.report.provenance import source_line
from rnc_epi.report.texts import text
from rnc_epi.report.wording import area_title, sign_notes
from rnc_epi.vocabulary.deprivation import ALL_GROUPS
from rnc_epi.vocabulary.estimators import CROSSED
from rnc_epi.vocabulary.schemas import PUBLISHED
from rnc_epi.vocabulary.sexes import Sex
from rnc_epi.vocabulary.sites import SITES

if TYPE_CHECKING:
    from rnc_epi.report.content import Content

#: Model of the absolute trend: linear in the counts.
_LINEAR: Final = "additive-by-age-poisson"
_MODELS: Final = ("independent", "bym2", "spatial-plus")
_KEY: Final = ["site", "sex"]

Found = Mapping[str, dict[tuple[Any, ...], dict[str, Any]]]


def more_tables(content: Content, held: Gradient, language: str) -> list[Table]:
    """Return every further table that the gradients of an event can fill."""
    made = (trend_table, late_stage_table, area_model_table, gap_table)
    return [table for make in made if (table := make(content, held, language)) is not None]


def trend_table(content: Content, held: Gradient, language: str) -> Table | None:
    """Return the annual change of the slope and relative index, each with its test."""
    rows = held.rows[held.rows["indicator"].str.contains("_index_trend")]
    if rows.empty:
        return None
    rows = content.in_longest_period(rows)
    found = {
        name: content.records(rows[rows["indicator"].eq(name) & rows["method"].eq(method)], *_KEY)
        for name, method in (
            ("slope_index_trend", _LINEAR),
            ("slope_index_trend_p", _LINEAR),
            ("relative_index_trend", SHOWN_MODEL),
            ("relative_index_trend_p", SHOWN_MODEL),
        )
    }

    def line(found: Found, key: tuple[Any, ...], written: Format) -> list[str]:
        cells = []
        for name in ("slope_index_trend", "relative_index_trend"):
            row, test = found[name].get(key), found[f"{name}_p"].get(key)
            cells += [written.value(row), written.interval(row), written.value(test)]
        return cells

    columns = ["column_slope_trend", "column_limits", "column_test"]
    columns += ["column_relative_trend", "column_limits", "column_test"]
    notes = ("deprivation_both_scales", "deprivation_trend_reading")
    return _table(content, held, "trend", rows, found, line, columns, notes, language)


def late_stage_table(content: Content, held: Gradient, language: str) -> Table | None:
    """Return the share found late in the extreme groups and in all, and its relative index."""
    results, own = content.results, held.rows.iloc[0]
    rows = results[
        results["event_type"].eq(held.event_type)
        & results["stratum_type"].eq(f"{held.stratum_type}{CROSSED}stage:late")
        & results["geo_level"].eq(own["geo_level"])
        & results["geo_code"].eq(own["geo_code"])
    ]
    shares = rows[rows["indicator"].eq("late_stage_share")]
    if shares.empty:
        return None
    shares = content.in_longest_period(shares)
    same = rows["period_from"].isin(shares["period_from"]) & rows["period_until"].isin(shares["period_until"])
    ratio = rows[rows["indicator"].eq("late_stage_relative_index") & same]
    groups = {"least": held.labels[0], "most": held.labels[-1], "all": ALL_GROUPS}
    found = {
        name: content.records(shares[shares["stratum"].eq(group)], *_KEY) for name, group in groups.items()
    } | {"relative": content.records(ratio, *_KEY)}

    def line(found: Found, key: tuple[Any, ...], written: Format) -> list[str]:
        cells = []
        for name in ("least", "most", "all", "relative"):
            row = found[name].get(key)
            cells += [written.value(row), written.interval(row)]
        return cells

    columns = ["column_least", "column_limits", "column_most", "column_limits", "column_all_groups"]
    columns += ["column_limits", "column_relative_index", "column_limits"]
    return _table(content, held, "stage", shares, found, line, columns, ("late_stage_reading",), language)


def area_model_table(content: Content, held: Gradient, language: str) -> Table | None:
    """Return the gradient inside the small-area model by its three analyses."""
    results = content.results
    rows = results[
        results["event_type"].eq(held.event_type)
        & results["indicator"].eq("deprivation_risk_ratio")
        & results["comparator"].isin(["_", held.extremes])
    ]
    if rows.empty:
        return None
    rows = content.in_longest_period(rows)
    found = {name: content.records(rows[rows["method"].eq(name)], *_KEY) for name in _MODELS}

    def line(found: Found, key: tuple[Any, ...], written: Format) -> list[str]:
        return [
            cell
            for name in _MODELS
            for cell in (written.value(found[name].get(key)), written.interval(found[name].get(key)))
        ]

    columns = [word for name in _MODELS for word in (f"column_model_{name}", "column_limits")]
    return _table(content, held, "area-model", rows, found, line, columns, ("area_model_reading",), language)


def gap_table(content: Content, held: Gradient, language: str) -> Table | None:
    """Return how a gap in deaths splits into how many fall ill and how many of them die."""
    names = ("gap_from_incidence", "gap_from_lethality", "gap_incidence_share")
    rows = held.rows[held.rows["indicator"].isin(names)]
    if rows.empty or not rows["status"].eq(PUBLISHED).any():
        return None
    rows = content.in_longest_period(rows)
    found = {name: content.records(rows[rows["indicator"].eq(name)], *_KEY) for name in names}

    def line(found: Found, key: tuple[Any, ...], written: Format) -> list[str]:
        cells = []
        for name in names[:2]:
            cells += [written.value(found[name].get(key)), written.interval(found[name].get(key))]
        return [*cells, written.value(found[names[2]].get(key))]

    columns = ["column_from_incidence", "column_limits", "column_from_lethality", "column_limits"]
    columns.append("column_incidence_share")
    return _table(content, held, "gap", rows, found, line, columns, ("gap_reading",), language)


def _table(
    content: Content,
    held: Gradient,
    name: str,
    rows: pd.DataFrame,
    found: Found,
    line: Callable[[Found, tuple[Any, ...], Format], list[str]],
    columns: list[str],
    notes: tuple[str, ...],
    language: str,
) -> Table:
    """Return a table of a line a site and sex, in the order of the chapter."""
    written = Format(language)
    order = {slug: place for place, slug in enumerate(dict.fromkeys([*held.sites(1), *held.sites(2)]))}
    keys = rows[_KEY].drop_duplicates()
    keys = keys.assign(place=keys["site"].map(order).fillna(np.inf)).sort_values(["place", "site", "sex"])
    lines = [
        (SITES[row.site].name(language), Sex(int(row.sex)).label(language),
         *line(found, (row.site, row.sex), written))
        for row in keys.itertuples(index=False)
    ]  # fmt: skip
    first = rows.iloc[0]
    facts = without(facts_of(held, language), "rate") | {
        # A map of single areas may be of more than the area that gradients are of.
        "where": area_title(content, first, language),
        "years": written.period(int(first["period_from"]), int(first["period_until"])),
    }
    titles = [
        text(word, language, last=held.labels[-1]) if word == "column_most" else text(word, language)
        for word in columns
    ]
    return Table(
        f"table-deprivation-{name}-{held.event_type}",
        text(f"table_deprivation_{name.replace('-', '_')}", language, **_said(name, facts)),
        (
            Column(text("column_site", language), numeric=False),
            Column(text("column_sex", language), numeric=False),
            *(Column(title) for title in titles),
        ),
        tuple(lines),
        notes=(*sign_notes(lines, language), *(text(key, language) for key in notes), *reading(language)),
        altered=content.is_altered(rows),
        source=source_line(content, rows, language),
    )


def _said(name: str, facts: dict[str, str]) -> dict[str, str]:
    """Return the facts that the caption of a table says."""
    return facts if name in ("trend", "gap") else without(facts, "per")
