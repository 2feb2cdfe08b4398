"""The chapters that a study may ask for beside its rates: the whole country, small areas, inequality.

Each takes cells, hands them to its room, and gives back rows of the one result table with full figures and
tables for the internal zone. No arithmetic here. A room is imported where its chapter begins: a study that
does not ask for it does not load it, nor the compiler that it needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import pandas as pd

from rnc_epi.cells.build import CellBuilder, Selection
from rnc_epi.indicators.rates import counts
from rnc_epi.indicators.rows import joined
from rnc_epi.vocabulary.areas import NATIONAL_LEVELS, AreaKey
from rnc_epi.vocabulary.errors import InputError, NotCovered
from rnc_epi.vocabulary.estimators import OBSERVED
from rnc_epi.vocabulary.hierarchy import Hierarchy
from rnc_epi.vocabulary.periods import Period
from rnc_epi.vocabulary.schemas import NOT_APPLICABLE, RESULT_KEY, as_result
from rnc_epi.vocabulary.study_calibration import PROXY_EVENT

if TYPE_CHECKING:
    from rnc_epi.calibration import WholeCountry
    from rnc_epi.cells.table import Cells
    from rnc_epi.extracts.opening import Extract
    from rnc_epi.inequality import Grouping
    from rnc_epi.vocabulary.study import Study
    from rnc_epi.vocabulary.study_inequality import Inequality
    from rnc_epi.vocabulary.study_small_areas import SmallAreas

    #: Cells that are left, and the strata taken out with the reason.
    Withheld = Callable[[Cells], tuple[Cells, pd.DataFrame]]


@dataclass(frozen=True)
class Chapter:
    """What a chapter gives.

    Parameters
    ----------
    results : DataFrame
        Rows of the one result table.
    internal : mapping of str to DataFrame
        Tables for the internal zone.
    groupings : DataFrame, optional
        How areas were cut into groups, one row a grouping: public, for the metadata.
    maps_of : callable, optional
        Gives the rows of smoothed maps from published counts; called when these are known.
    gradients_of : callable, optional
        Gives gradients that borrow from many areas, from the published table.
    strata : tuple of DataFrame
        The group of each area where results stand by group: columns ``geo_level, geo_code, geo_vintage,
        stratum_type, stratum``. What a group holds beside its published areas must not give the last one.
    """

    results: pd.DataFrame
    internal: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    groupings: pd.DataFrame | None = None
    maps_of: Callable[[pd.DataFrame], pd.DataFrame] | None = None
    strata: tuple[pd.DataFrame, ...] = ()
    gradients_of: Callable[[pd.DataFrame], pd.DataFrame] | None = None


def whole_country_chapter(
    study: Study,
    sites: tuple[str, ...],
    extract: Extract,
    builder: CellBuilder,
    *,
    withheld: Withheld | None = None,
) -> Chapter:
    """Return incidence for the whole country from registries and correlates, as ``[calibration]`` asks.

    Parameters
    ----------
    withheld : callable, optional
        Gives the cells that the rules on quality leave, and the strata that they block with the reason:
        these teach no ratio, and are predicted like the areas that no registry covers.

    Raises
    ------
    NotCovered
        K014, a period for which no correlate has counts; K015, no registry left that the rules do not block.
    """
    from rnc_epi.calibration import whole_country

    asked = study.calibration
    assert asked is not None
    correlates = tuple(PROXY_EVENT + name for name in asked.proxies)
    sites = _sites(sites, builder, asked.sites, correlates)
    levels = tuple(dict.fromkeys((asked.learning_level, asked.geo_level)))
    wanted = tuple(map(Period.parse, asked.periods))
    proxies = _cells(builder, sites, asked.sexes, correlates, levels, pooled=wanted)
    periods = _periods(proxies)
    if missing := [period.label for period in wanted if period not in periods]:
        there = _periods(_cells(builder, sites, asked.sexes, correlates, levels))
        # Where there is no correlate at all the period is not at fault: the room says what is.
        if there:
            expected = ", ".join(period.label for period in there)
            raise NotCovered("K014", found=", ".join(missing), expected=expected)
    incidence = _cells(builder, sites, asked.sexes, ("incidence",), levels)
    incidence += _cells(
        builder, sites, asked.sexes, ("incidence",), levels, pooled=[p for p in periods if p.length > 1]
    )
    incidence, gone = _not_blocked(incidence, withheld)
    people = _cells(builder, ("all_cancers",), asked.sexes, ("death",), NATIONAL_LEVELS)
    groups = None
    if asked.deprivation_term:
        assert study.inequality is not None
        cut = grouping_of(study.inequality, extract, builder)

        def grouped(events: tuple[str, ...]) -> list[Cells]:
            sexes = tuple(asked.sexes)
            return builder.grouped(Selection(sites, sexes, events, levels, pooled=tuple(periods)), cut.table)

        groups = (_not_blocked(grouped(("incidence",)), withheld)[0], grouped(correlates))
    found = whole_country(
        incidence,
        proxies,
        asked,
        hierarchy=area_tree(builder),
        person_years=people,
        groups=groups,
    )
    smoothed = _smoothed_estimates(study, found, extract, builder)
    internal = found.internal_tables()
    if len(gone):
        stated = [internal["calibration_exclusions"], gone]
        internal["calibration_exclusions"] = pd.concat(
            [part for part in stated if len(part)], ignore_index=True
        )
    return Chapter(found.results, internal | smoothed)


def _not_blocked(cells: list[Cells], withheld: Withheld | None) -> tuple[list[Cells], pd.DataFrame]:
    """Return cells that the rules on quality leave, and the exclusions that say which they take.

    Raises
    ------
    NotCovered
        K015, nothing is left.
    """
    if withheld is None:
        return cells, pd.DataFrame()
    parts = [withheld(part) for part in cells]
    gone = pd.concat([strata for _, strata in parts], ignore_index=True) if parts else pd.DataFrame()
    if len(gone) and not any(len(kept) for kept, _ in parts):
        raise NotCovered("K015", found=", ".join(sorted(set(gone["geo_code"]))))
    if gone.empty:
        return cells, gone
    years = zip(gone["period_from"], gone["period_until"], strict=True)
    gone = gone.assign(period=[Period(int(a), int(b)).label for a, b in years])
    columns = ["period", "site", "sex", "event_type", "geo_level", "geo_code", "geo_vintage", "reason"]
    return [kept for kept, _ in parts if len(kept)], gone[columns].drop_duplicates(ignore_index=True)


def _periods(cells: Iterable[Cells]) -> list[Period]:
    columns = ["period_from", "period_until"]
    rows = (row for part in cells for row in part.strata[columns].itertuples(index=False, name=None))
    return sorted({Period(int(start), int(stop)) for start, stop in rows})


def _smoothed_estimates(
    study: Study, found: WholeCountry, extract: Extract, builder: CellBuilder
) -> dict[str, pd.DataFrame]:
    """Return calibrated incidence smoothed by its neighbours, for the internal zone, where it is asked."""
    from rnc_epi.smallarea import graphs_of, smoothed_estimates

    asked, level = study.small_areas, found.asked.geo_level
    if asked is None or not asked.calibrated:
        return {}
    graphs = graphs_of(extract.areas_table("adjacency"), builder.areas())
    if level not in graphs:
        raise InputError("A046", name=level, expected=", ".join(sorted(graphs)) or "–")
    rows = found.results
    rows = rows[rows["indicator"].eq("sir") & rows["geo_level"].eq(level)]
    rows = rows[rows["estimator"].eq("observed") | rows["method"].str.startswith("calibrated")]
    pairs = []
    for site, sex, period in found.countries:
        if (asked.sites and site not in asked.sites) or sex not in asked.sexes:
            continue
        same = rows["site"].eq(site) & rows["sex"].eq(sex)
        same &= rows["period_from"].eq(period.period_from) & rows["period_until"].eq(period.period_until)
        pairs.append((found.draws(site, sex, period), rows[same]))
    made = smoothed_estimates(pairs, graphs[level], asked)
    return {
        "small_areas_calibrated": made.results,
        "small_areas_calibrated_diagnostics": made.diagnostics,
        "small_areas_calibrated_parameters": made.parameters,
    }


def small_areas_chapter(
    study: Study, sites: tuple[str, ...], extract: Extract, builder: CellBuilder
) -> Chapter:
    """Return smoothed maps, as ``[small_areas]`` asks; the rows are the counts that they are made of.

    The maps themselves stay internal: those that are published are made again, of published counts.

    Raises
    ------
    NotCovered
        K013, a site, sex or event that the section names has no map; A037, an event that it names has maps
        and no national rates to compare them with.
    """
    from rnc_epi.smallarea import graphs_of, small_areas

    asked = study.small_areas
    assert asked is not None
    graphs = graphs_of(extract.areas_table("adjacency"), builder.areas())
    levels = tuple(
        asked.geo_levels or [name for name in study.select.geo_levels if name in graphs] or list(graphs)
    )
    above = [name for name in (asked.benchmark, asked.pieces) if name]
    cells = _cells(
        builder,
        _sites(sites, builder, asked.sites, asked.events),
        asked.sexes,
        tuple(asked.events),
        tuple(dict.fromkeys([*levels, *above, *NATIONAL_LEVELS])),
        years=tuple(study.select.years),
        pooled=[Period.parse(label) for label in study.select.pooled],
    )
    asked = asked.model_copy(update={"geo_levels": list(levels)})
    tables = {
        "membership": extract.areas_table("membership"),
        "deprivation": extract.areas_table("deprivation"),
    }

    def maps_of(published: pd.DataFrame) -> pd.DataFrame:
        return small_areas(cells, graphs, asked, published=published, **tables).results

    found = small_areas(cells, graphs, asked, **tables)
    _require_maps(asked, found.diagnostics)
    internal = {"small_areas_maps": found.results} | {
        f"small_areas_{name}": getattr(found, name)
        for name in ("diagnostics", "parameters", "ranks", "local", "clusters", "factors")
    }
    # Counts of a level that the study selects are among its rates already.
    beside = [name for name in levels if study.select.geo_levels and name not in study.select.geo_levels]
    counted = [
        counts(part.take(part.strata["geo_level"].isin(beside).to_numpy(bool))) for part in cells if beside
    ]
    return Chapter(as_result(joined(counted)), internal, maps_of=maps_of)


def _require_maps(asked: SmallAreas, maps: pd.DataFrame) -> None:
    """Refuse what a study names for its maps and no map shows; what it leaves open may be missing."""
    if maps.empty:
        wanted = [*asked.sites, *asked.events, *asked.geo_levels]
        raise NotCovered("K013", found=", ".join(wanted), expected="–")
    for key, column in (("sites", "site"), ("sexes", "sex"), ("events", "event_type")):
        held = set(maps[column])
        missing = [value for value in getattr(asked, key) if value not in held]
        if missing and key in asked.model_fields_set:
            raise NotCovered(
                "K013", found=", ".join(map(str, missing)), expected=", ".join(map(str, sorted(held)))
            )
    for event in asked.events if "events" in asked.model_fields_set else ():
        if maps.loc[maps["event_type"].eq(event), "code"].eq("A037").all():
            raise NotCovered("A037", name=f"{asked.reference}, {event}")


def inequality_chapter(
    study: Study, sites: tuple[str, ...], extract: Extract, builder: CellBuilder
) -> Chapter:
    """Return gradients of deprivation, as ``[inequality]`` asks."""
    from rnc_epi.inequality import gradients, shrunken_of_published, within_classes
    from rnc_epi.inequality_cells import area_maps, late_stages

    asked = study.inequality
    assert asked is not None
    cut = grouping_of(asked, extract, builder)
    selection = Selection(
        sites=_sites(sites, builder, asked.sites, asked.events),
        sexes=tuple(asked.sexes),
        event_types=tuple(asked.events),
        geo_levels=tuple(asked.geo_levels),
        years=tuple(study.select.years),
        pooled=tuple(Period.parse(label) for label in study.select.pooled),
    )
    crossed = _by_urbanity(cut, asked, extract)
    cells = builder.grouped(selection, cut.table)
    made = gradients(
        cells,
        asked,
        crossed=None if crossed is None else builder.grouped(selection, crossed),
    )
    results = made.results
    if asked.late_stages and "incidence" in asked.events:
        results = joined([results, late_stages(selection, cut, asked, builder)])
    internal = {
        "inequality_curves": made.curves,
        "inequality_groups": cut.table,
        "inequality_shares": cut.shares,
        "inequality_shrunken": made.shrunken,
        "inequality_kept_inside": made.inside,
    }
    maps = area_maps(selection, cut, asked, extract, builder) if asked.area_model_level else []

    def gradients_of(published: pd.DataFrame) -> pd.DataFrame:
        own = shrunken_of_published(cells, published, asked) if asked.shrink else pd.DataFrame()
        found = [as_result(rows) for rows in (own, *(rows_of(published) for rows_of in maps)) if len(rows)]
        return joined(found)

    strata = (cut.table,) if crossed is None else (cut.table, within_classes(crossed))
    return Chapter(results, internal, cut.record.to_frame(), strata=strata, gradients_of=gradients_of)


def _by_urbanity(cut: Grouping, asked: Inequality, extract: Extract) -> pd.DataFrame | None:
    """Return groups crossed with classes of urbanity; None where no class is asked for."""
    from rnc_epi.inequality import crossed_with

    if not asked.urbanity_level:
        return None
    links = extract.areas_table("membership")
    classes = links[
        links["parent_level"].eq(asked.urbanity_level)
        & links["child_level"].eq(cut.record.geo_level)
        & links["child_vintage"].eq(cut.record.geo_vintage)
    ].rename(columns={"child_code": "geo_code", "parent_code": "urbanity"})
    if classes.empty:
        raise InputError("S004", found=asked.urbanity_level, expected=cut.record.geo_level)
    return crossed_with(cut, classes)


def grouping_of(asked: Inequality, extract: Extract, builder: CellBuilder) -> Grouping:
    """Cut the areas of an extract into groups of deprivation."""
    from rnc_epi.inequality import deprivation_groups

    return deprivation_groups(
        extract.areas_table("deprivation"),
        builder.areas(),
        index=asked.index,
        vintage=asked.vintage,
        geo_level=asked.geo_level,
        groups=asked.groups,
        scope=asked.scope,
        scope_areas=asked.scope_areas,
        weighting=asked.weighting,
        membership=extract.areas_table("membership"),
    )


#: The chapters, in the order of the report, by the section of the study file that asks for them.
CHAPTERS: Final = {
    "calibration": whole_country_chapter,
    "small_areas": small_areas_chapter,
    "inequality": inequality_chapter,
}


def not_said_again(results: pd.DataFrame, rates: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Return the rows of a chapter without those that the rates of the study state already.

    A registry's own counts of all ages stand in both, where the study selects their level and period.
    """
    own = _of_all_ages(results) & results["estimator"].eq(OBSERVED)
    own &= results["stratum_type"].eq(NOT_APPLICABLE)
    if not own.any():
        return results
    sites = set(results.loc[own, "site"])
    said = [part[_of_all_ages(part) & part["site"].isin(sites)] for part in rates if len(part)]
    known = pd.MultiIndex.from_frame(as_result(joined(said))[list(RESULT_KEY)].astype(str))
    keys = pd.MultiIndex.from_frame(results.loc[own, list(RESULT_KEY)].astype(str))
    return results.drop(index=results.index[own][keys.isin(known)])


def _of_all_ages(rows: pd.DataFrame) -> pd.Series:
    return rows["age_from"].eq(0) & rows["age_until"].isna()


def area_tree(builder: CellBuilder) -> Hierarchy:
    """Return which areas make up which, all of them."""
    by_level: dict[tuple[AreaKey, str], list[AreaKey]] = {}
    for link in builder.membership.links:
        by_level.setdefault((link.parent, link.child.geo_level), []).append(link.child)
    return Hierarchy(
        (), tuple((parent, tuple(sorted(set(below)))) for (parent, _), below in sorted(by_level.items()))
    )


def _sites(
    selected: tuple[str, ...], builder: CellBuilder, stated: Iterable[str], events: Iterable[str]
) -> tuple[str, ...]:
    """Return the sites of a chapter: those stated, else those of the study that some event is given for."""
    if stated := tuple(stated):
        return stated
    available = {slug for event in events for slug in builder.available_sites(event)}
    return tuple(slug for slug in selected if slug in available)


def _cells(
    builder: CellBuilder,
    sites: Iterable[str],
    sexes: Iterable[int],
    events: Iterable[str],
    levels: Iterable[str],
    *,
    years: Iterable[int] = (),
    pooled: Iterable[Period] = (),
) -> list[Cells]:
    """Return cells, or none where the extract covers nothing of this."""
    selection = Selection(
        tuple(sites), tuple(sexes), tuple(events), tuple(levels), tuple(years), tuple(pooled)
    )
    try:
        return builder.cells(selection)
    except NotCovered:
        return []
