"""The room: every map that a study asks for, fitted, judged, and put in the form of the result table.

A map whose reference is missing, whose areas are too few or whose fit fails a check has rows that say so,
never a number. Draws stay inside.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rnc_epi.smallarea.asked import method_of, model_of, priors_of
from rnc_epi.smallarea.autocorrelation import autocorrelation
from rnc_epi.smallarea.benchmarking import (
    Pieces,
    benchmarked,
    crossing_pieces,
    nested_pieces,
)
from rnc_epi.smallarea.clusters import clusters
from rnc_epi.smallarea.graph import AreaGraph
from rnc_epi.smallarea.judged import (
    checks_of,
    facts_of,
    parameters_of,
    risks_of,
    risks_of_draws,
)
from rnc_epi.smallarea.mapped import (
    MAP_KEY,
    NATIONAL,
    POOLED,
    MappedCounts,
    expected_at,
)
from rnc_epi.smallarea.model import SmallAreaModel
from rnc_epi.smallarea.over_periods import add_run
from rnc_epi.smallarea.periods import Period, runs_of_periods
from rnc_epi.smallarea.published import Known
from rnc_epi.smallarea.rows import (
    FIT_REFUSED,
    NO_EVENTS,
    NO_REFERENCE,
    TOO_FEW_AREAS,
    smoothed_rows,
)
from rnc_epi.smallarea.tables import Found, SmallAreaTables, number_of_draws
from rnc_epi.smallarea.variation import ranks_of, variation_of
from rnc_epi.vocabulary.draws import Draws
from rnc_epi.vocabulary.errors import EstimateRefused, InputError, NotCovered
from rnc_epi.vocabulary.estimators import BENCHMARKED

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rnc_epi.cells.table import Cells
    from rnc_epi.vocabulary.study_small_areas import SmallAreas


def small_areas(
    cells: Cells | Sequence[Cells],
    graphs: Mapping[str, AreaGraph] | AreaGraph,
    asked: SmallAreas,
    *,
    membership: pd.DataFrame | None = None,
    deprivation: pd.DataFrame | None = None,
    published: pd.DataFrame | None = None,
) -> SmallAreaTables:
    """Return the smoothed maps that a study asks for.

    Parameters
    ----------
    cells : Cells or sequence of Cells
        Of every level asked, and of the nation where the reference is national.
    graphs : mapping of str to AreaGraph, or AreaGraph
        The map of each level (:func:`rnc_epi.smallarea.graphs_of`). The work done on a map is shared by
        every site, sex and period on it.
    asked : SmallAreas
        The section [small_areas] of the study file.
    membership : DataFrame, optional
        The table of the extract; needed for benchmarking.
    deprivation : DataFrame, optional
        The table of the extract; needed for its covariate.
    published : DataFrame, optional
        Published counts: the maps are then those of a reader of the release, who can fit them himself
        (:mod:`rnc_epi.smallarea.published`). Maps to be published must be made so.

    Returns
    -------
    SmallAreaTables
        ``results``, three rows an area of each map (``relative_risk``, ``exceedance_probability``,
        ``risk_class``), and the tables beside them.

    Raises
    ------
    InputError
        ``A030`` areas that are not on the map, ``A041`` unknown index, ``A042`` level that cannot be
        benchmarked to, ``A044`` no centres for a scan, ``A046`` level without a map, ``A049`` level to
        benchmark to that is above none of those to smooth.

    References
    ----------
    Riebler A et al. (2016), doi:10.1177/0962280216660421, and those of :func:`rnc_epi.maths.smallarea.fit`.

    Examples
    --------
    Too few areas make no map, and the rows say so:

    >>> import numpy as np
    >>> from rnc_epi.cells.table import Cells
    >>> from rnc_epi.smallarea import AreaGraph
    >>> from rnc_epi.vocabulary.ages import BandSet
    >>> from rnc_epi.vocabulary.study_small_areas import SmallAreas
    >>> areas = pd.DataFrame({"geo_level": "zone", "geo_code": list("abc"), "geo_vintage": "v"})
    >>> strata = areas.assign(event_type="death", source="s", site="lung", sex=1, period_from=2016,
    ...     period_until=2021)
    >>> cells = Cells(strata, BandSet.from_starts([0]), np.array([[40], [80], [120]]), np.zeros(3, int),
    ...     np.full((3, 1), 1e4))
    >>> asked = SmallAreas(geo_levels=["zone"], reference="pooled")
    >>> found = small_areas(cells, AreaGraph(areas, np.array([[0, 1], [1, 2]])), asked)
    >>> found.results["reason"].unique().tolist()
    ['too_few_areas']
    """
    known = {graphs.geo_level: graphs} if isinstance(graphs, AreaGraph) else dict(graphs)
    wanted = list(asked.geo_levels) or sorted(known)
    for level in (*wanted, *((asked.benchmark,) if asked.benchmark else ())):
        if level not in known:
            raise InputError("A046", name=level, expected=", ".join(sorted(known)) or "–")
    if asked.deprivation is not None and deprivation is None:
        raise InputError("A041", name=asked.deprivation.index, expected="–")
    if asked.benchmark and membership is None:
        raise InputError("A042", name=asked.benchmark, found="membership")
    found = Found()
    above = known.get(asked.benchmark)
    if above is not None and not any(len(known[level]) > len(above) for level in wanted):
        below = [level for level in wanted if level != asked.benchmark]
        raise InputError("A049", name=asked.benchmark, where=", ".join(below) or asked.benchmark)
    counted = Known(published, membership)
    for table in cells if isinstance(cells, Sequence) else [cells]:
        for run, one in _of_one_run(table, asked):
            for level in wanted:
                if not one.strata["geo_level"].eq(level).any():
                    continue
                if len(run) > 1:
                    try:
                        add_run(
                            one, known[level], asked, found, run=run, known=counted, deprivation=deprivation
                        )
                        continue
                    except NotCovered:
                        # A period without reference: each is then judged by itself.
                        pass
                finer = above is not None and len(known[level]) > len(above)
                for of_period in _of_one_period(one):
                    if of_period.strata["geo_level"].eq(level).any():
                        work = _Map(of_period, known[level], asked, found, counted)
                        work.run(above if finer else None, deprivation)
    return found.tables()


def _of_one_run(cells: Cells, asked: SmallAreas) -> Iterator[tuple[tuple[Period, ...], Cells]]:
    """Give the cells of each event, site and sex asked, in their order: by period, or by run of periods."""
    strata = cells.strata
    years = strata["period_until"] - strata["period_from"]
    kept = strata["event_type"].isin(asked.events) & strata["sex"].isin(asked.sexes)
    kept &= years.ge(asked.minimum_years)
    if asked.sites:
        kept &= strata["site"].isin(asked.sites)
    rows = np.flatnonzero(kept.to_numpy(bool))
    groups = strata.iloc[rows].groupby(list(MAP_KEY), sort=False, observed=True).indices
    by_map: dict[tuple[Any, ...], dict[Period, NDArray[np.int64]]] = {}
    for key, places in groups.items():
        *of, start, end = key
        by_map.setdefault(tuple(of), {})[int(start), int(end)] = rows[np.sort(places)]
    for periods in by_map.values():
        runs = runs_of_periods(periods) if asked.time is not None else [(period,) for period in periods]
        for run in runs:
            yield run, cells.take(np.concatenate([periods[period] for period in run]))


def _of_one_period(cells: Cells) -> Iterator[Cells]:
    for places in cells.strata.groupby(list(MAP_KEY), sort=False, observed=True).indices.values():
        yield cells.take(np.sort(places))


class _Map:
    """One map, from its cells to its rows."""

    def __init__(
        self,
        cells: Cells,
        graph: AreaGraph,
        asked: SmallAreas,
        found: Found,
        known: Known,
    ) -> None:
        self.cells, self.graph, self.asked, self.found, self.known = cells, graph, asked, found, known

    def run(self, above: AreaGraph | None, deprivation: pd.DataFrame | None) -> None:
        asked, found = self.asked, self.found
        method = method_of(asked)
        options: dict[str, Any] = {"method": method, "level": asked.level, "threshold": asked.threshold}
        try:
            counts = self.known.counts(self.cells, self.graph, asked.reference)
        except NotCovered as gap:
            # Counted against the areas themselves to have the rows; no number leaves them.
            counts = self.known.counts(self.cells, self.graph, POOLED)
            found.diagnostics.append(facts_of(counts, method, gap.code))
            rows = smoothed_rows(counts, None, refused=NO_REFERENCE, **options)
            found.results.append(rows.assign(comparator=NATIONAL, expected=np.nan))
            return
        few = int(counts.fitted.sum()) < asked.fewest_areas
        if few or counts.observed[counts.fitted].sum() < 1:
            why = TOO_FEW_AREAS if few else NO_EVENTS
            found.diagnostics.append(facts_of(counts, method, why))
            found.results.append(smoothed_rows(counts, None, refused=why, **options))
            return
        try:
            model, names = model_of(asked, counts, deprivation)
            model.fit(counts)
        except EstimateRefused as refusal:
            found.diagnostics.append(facts_of(counts, method, refusal.code))
            found.results.append(smoothed_rows(counts, None, refused=FIT_REFUSED, **options))
            return
        draws = model.draws(number_of_draws(asked.draws, len(model.areas_)))
        found.results.append(smoothed_rows(counts, risks_of(model), **options))
        facts = facts_of(counts, method, "") | checks_of(model) | variation_of(draws.values)
        found.parameters.append(parameters_of(counts.key, model, names))
        found.ranks.append(ranks_of(model.areas_, draws.values, asked.level))
        if asked.autocorrelation:
            whole, local = autocorrelation(counts, seed=draws.seed)
            facts |= whole
            found.local.append(local)
        if asked.clusters is not None:
            found.clusters.append(
                clusters(
                    counts,
                    largest_share=asked.clusters.largest_share,
                    replicates=asked.clusters.replicates,
                    seed=draws.seed,
                )
            )
        if above is not None and self.known.membership is not None:
            facts |= self._benchmark(counts, draws, above, self.known.membership, options)
        found.diagnostics.append(facts)

    def _benchmark(
        self,
        counts: MappedCounts,
        draws: Draws,
        above: AreaGraph,
        membership: pd.DataFrame,
        options: dict[str, Any],
    ) -> dict[str, Any]:
        """Add the rows of risks whose events add up to the level above; return how far they moved."""
        asked = self.asked
        upper = self.known.counts(self.cells, above, asked.reference)
        n = draws.values.shape[1]
        try:
            # Of one model: what the level above can say of its own risks, with its uncertainty.
            risks = SmallAreaModel(asked.model, priors=priors_of(asked), seed=asked.seed).fit(upper).draws(n)
        except EstimateRefused as refusal:
            self.found.results.append(
                smoothed_rows(counts, None, estimator=BENCHMARKED, refused=FIT_REFUSED, **options)
            )
            return {"benchmark_code": refusal.code}
        rows = upper.fitted
        totals = Draws(
            risks.index,
            risks.values * upper.expected[rows][:, None],
            "events",
            "credible",
            risks.seed,
            risks.model_id,
        )
        pieces = self._pieces(counts, totals.index, membership)
        done = benchmarked(draws, counts.expected[counts.fitted], pieces, totals)
        self.found.results.append(
            smoothed_rows(counts, risks_of_draws(done.draws.values, asked), estimator=BENCHMARKED, **options)
        )
        self.found.factors.append(done.factors)
        return {
            "benchmark_code": "",
            "benchmark_lowest_factor": float(done.factors["factor"].min()),
            "benchmark_highest_factor": float(done.factors["factor"].max()),
        }

    def _pieces(self, counts: MappedCounts, parents: pd.DataFrame, membership: pd.DataFrame) -> Pieces:
        areas = counts.strata[counts.fitted]
        if not self.asked.pieces:
            return nested_pieces(areas, parents, membership)
        rows = np.flatnonzero((self.cells.strata["geo_level"] == self.asked.pieces).to_numpy())
        if not rows.size:
            raise InputError("A042", name=self.asked.benchmark, found=self.asked.pieces)
        finer = self.cells.take(rows)
        expected = expected_at(self.cells, finer, self.asked.reference)
        return crossing_pieces(areas, parents, membership, finer.strata, expected)
