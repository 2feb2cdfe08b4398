"""The room: every map that a study asks for, fitted, judged, and put in the form of the result table.

A map whose reference is missing, whose areas are too few or whose fit fails a check has rows that say so,
never a number. Draws stay inside.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from rnc_epi.maths import smallarea as maths
from rnc_epi.smallarea.autocorrelation import autocorrelation
from rnc_epi.smallarea.benchmarking import (
    Benchmark,
    Pieces,
    benchmarked,
    crossing_pieces,
    nested_pieces,
)
from rnc_epi.smallarea.clusters import clusters
from rnc_epi.smallarea.covariates import deprivation_columns
from rnc_epi.smallarea.graph import AreaGraph
from rnc_epi.smallarea.mapped import (
    MAP_KEY,
    NATIONAL,
    POOLED,
    MappedCounts,
    expected_at,
    mapped_counts,
)
from rnc_epi.smallarea.model import SmallAreaModel
from rnc_epi.smallarea.published import as_published
from rnc_epi.smallarea.rows import (
    FIT_REFUSED,
    NO_EVENTS,
    NO_REFERENCE,
    TOO_FEW_AREAS,
    Risks,
    smoothed_rows,
)
from rnc_epi.smallarea.tables import Found, SmallAreaTables
from rnc_epi.vocabulary.draws import Draws
from rnc_epi.vocabulary.errors import EstimateRefused, InputError, NotCovered
from rnc_epi.vocabulary.estimators import BENCHMARKED
from rnc_epi.vocabulary.schemas import ESTIMATED

if TYPE_CHECKING:
    from rnc_epi.cells.table import Cells
    from rnc_epi.vocabulary.study_small_areas import SmallAreas

#: Draws are made of a map at most so many at once: those of the communes are fewer, and diagnostics say it.
MOST_NUMBERS: Final = 5_000_000
FEWEST_DRAWS: Final = 200

#: Share of the areas above the higher and below the lower quantile whose ratio says whether a map varies.
EXTREMES: Final = 0.1


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

    Raises
    ------
    InputError
        A030 areas that are not on the map, A041 unknown index, A042 level that cannot be benchmarked to, A044
        no centres for a scan, A046 level without a map.
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
    for table in cells if isinstance(cells, Sequence) else [cells]:
        for one in _of_one_map(table, asked):
            for level in wanted:
                if not one.strata["geo_level"].eq(level).any():
                    continue
                finer = above is not None and len(known[level]) > len(above)
                work = _Map(one, known[level], asked, found, published, membership)
                work.run(above if finer else None, deprivation)
    return found.tables()


def _of_one_map(cells: Cells, asked: SmallAreas) -> Iterator[Cells]:
    """Give the cells of each event, site, sex and period asked, in their order."""
    strata = cells.strata
    years = strata["period_until"] - strata["period_from"]
    kept = strata["event_type"].isin(asked.events) & strata["sex"].isin(asked.sexes)
    kept &= years.ge(asked.minimum_years)
    if asked.sites:
        kept &= strata["site"].isin(asked.sites)
    rows = np.flatnonzero(kept.to_numpy(bool))
    groups = strata.iloc[rows].groupby(list(MAP_KEY), sort=False, observed=True).indices
    for places in groups.values():
        yield cells.take(rows[np.sort(places)])


class _Map:
    """One map, from its cells to its rows."""

    def __init__(
        self,
        cells: Cells,
        graph: AreaGraph,
        asked: SmallAreas,
        found: Found,
        published: pd.DataFrame | None,
        membership: pd.DataFrame | None,
    ) -> None:
        self.cells, self.graph, self.asked, self.found = cells, graph, asked, found
        self.published, self.membership = published, membership

    def counts(self, graph: AreaGraph, reference: str) -> MappedCounts:
        """Return the counts of the map, as they are or as a reader of the release knows them."""
        counts = mapped_counts(self.cells, graph, reference=reference, complete=False)
        if self.published is None or self.membership is None:
            return counts
        return as_published(counts, self.published, self.membership)

    def run(self, above: AreaGraph | None, deprivation: pd.DataFrame | None) -> None:
        asked, found = self.asked, self.found
        method = asked.model if asked.deprivation is None else f"{asked.model}-deprivation"
        options: dict[str, Any] = {"method": method, "level": asked.level, "threshold": asked.threshold}
        try:
            counts = self.counts(self.graph, asked.reference)
        except NotCovered as gap:
            # Counted against the areas themselves to have the rows; no number leaves them.
            counts = self.counts(self.graph, POOLED)
            found.diagnostics.append(self._facts(counts, method, gap.code))
            rows = smoothed_rows(counts, None, refused=NO_REFERENCE, **options)
            found.results.append(rows.assign(comparator=NATIONAL, expected=np.nan))
            return
        few = int(counts.fitted.sum()) < asked.fewest_areas
        if few or counts.observed[counts.fitted].sum() < 1:
            why = TOO_FEW_AREAS if few else NO_EVENTS
            found.diagnostics.append(self._facts(counts, method, why))
            found.results.append(smoothed_rows(counts, None, refused=why, **options))
            return
        try:
            model, names = self._fitted(counts, deprivation)
        except EstimateRefused as refusal:
            found.diagnostics.append(self._facts(counts, method, refusal.code))
            found.results.append(smoothed_rows(counts, None, refused=FIT_REFUSED, **options))
            return
        draws = model.draws(self._number(len(model.areas_)))
        found.results.append(smoothed_rows(counts, _risks(model), **options))
        facts = self._facts(counts, method, "") | _checks(model, draws)
        found.parameters.append(self._parameters(counts, model, names))
        found.ranks.append(_ranked(model, draws, asked.level))
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
        if above is not None and self.membership is not None:
            facts |= self._benchmark(counts, draws, above, self.membership, options)
        found.diagnostics.append(facts)

    def _number(self, areas: int) -> int:
        return min(self.asked.draws, max(FEWEST_DRAWS, MOST_NUMBERS // areas))

    def _fitted(
        self, counts: MappedCounts, deprivation: pd.DataFrame | None
    ) -> tuple[SmallAreaModel, tuple[str, ...]]:
        asked = self.asked
        columns = None
        names: tuple[str, ...] = ()
        if asked.deprivation is not None and deprivation is not None:
            columns, names = deprivation_columns(counts, deprivation, asked.deprivation)
        model = SmallAreaModel(
            asked.model,
            threshold=asked.threshold,
            priors=priors_of(asked),
            covariates=columns,
            level=asked.level,
            seed=asked.seed,
            reference=asked.reference,
            high=asked.high,
            low=asked.low,
        )
        return model.fit(counts), names

    def _facts(self, counts: MappedCounts, method: str, code: str) -> dict[str, Any]:
        rows = counts.fitted
        return counts.key | {
            "method": method,
            "status": ESTIMATED if not code else FIT_REFUSED,
            "code": code,
            "comparator": counts.comparator,
            "areas": int(rows.sum()),
            "left_out": int((~rows).sum()),
            "absent": counts.absent,
            "islands": len(counts.graph.islands) if rows.any() else 0,
            "components": counts.graph.components if rows.any() else 0,
            "observed": float(counts.observed[rows].sum()),
            "expected": float(counts.expected[rows].sum()),
            "without_events": int((counts.observed[rows] == 0).sum()),
        }

    def _parameters(
        self, counts: MappedCounts, model: SmallAreaModel, names: tuple[str, ...]
    ) -> pd.DataFrame:
        said = {f"beta_{k}": name for k, name in enumerate(names, start=1)}
        rows = [
            counts.key
            | {
                "parameter": said.get(name, name),
                "mean": part.mean,
                "sd": part.sd,
                "lower": part.lower,
                "median": part.median,
                "upper": part.upper,
            }
            for name, part in (*model.hyperparameters_.items(), *model.coefficients_.items())
        ]
        return pd.DataFrame(rows)

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
        upper = self.counts(above, asked.reference)
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
            smoothed_rows(counts, _risks_of(done, asked), estimator=BENCHMARKED, **options)
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


def priors_of(asked: SmallAreas) -> dict[str, Any]:
    """Return the priors of the model of a study, by hyperparameter."""
    spread = maths.PenalisedComplexitySD(asked.priors.spread_upper, asked.priors.spread_probability)
    if asked.model == "bym2":
        share = maths.PenalisedComplexityMixing(asked.priors.share_below, asked.priors.share_probability)
        return {"sigma": spread, "phi": share}
    if asked.model == "bym":
        return {"sigma_structured": spread, "sigma_unstructured": spread}
    return {"sigma": spread}


def _risks(model: SmallAreaModel) -> Risks:
    return Risks(
        model.relative_risk_, model.sd_, model.lower_, model.upper_, model.exceedance_, model.risk_class_
    )


def _risks_of(done: Benchmark, asked: SmallAreas) -> Risks:
    values = done.draws.values
    tail = 0.5 * (1.0 - asked.level)
    lower, upper = np.quantile(values, [tail, 1.0 - tail], axis=1)
    exceedance = (values > asked.threshold).mean(axis=1)
    classes = maths.evidence_classes(exceedance, high=asked.high, low=asked.low)
    return Risks(values.mean(axis=1), values.std(axis=1, ddof=1), lower, upper, exceedance, classes)


def _checks(model: SmallAreaModel, draws: Draws) -> dict[str, Any]:
    """Return how well a map is fitted and how much it varies."""
    checks, numbers = model.result_.checks(), model.diagnostics_
    ratio = maths.ratio_of_extremes(draws.values, share=EXTREMES)
    lower, middle, upper = np.quantile(ratio, [0.025, 0.5, 0.975])
    return {
        "grid_change": numbers.grid_change,
        "mean_shift": numbers.mean_shift,
        "importance_shape": numbers.importance_shape,
        "log_evidence": model.result_.log_evidence,
        "dic": checks.dic,
        "waic": checks.waic,
        "effective_parameters": checks.effective_waic,
        "log_score": checks.log_score,
        "surprising_areas": int(((checks.transform < 0.005) | (checks.transform > 0.995)).sum()),
        "draws": draws.values.shape[1],
        "variation": float(middle),
        "variation_lower": float(lower),
        "variation_upper": float(upper),
    }


def _ranked(model: SmallAreaModel, draws: Draws, level: float) -> pd.DataFrame:
    areas = len(model.areas_)
    found = maths.ranks(draws.values, top=max(1, areas // 10), level=level)
    return model.areas_.assign(
        rank=found.mean, rank_lower=found.lower, rank_upper=found.upper, among_highest_tenth=found.highest
    )
