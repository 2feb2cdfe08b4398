"""Calibrated incidence smoothed by its neighbours, with the full covariance of its errors. Internal.

What a ratio learned on registry districts predicts of every area errs in common: the errors of one
coefficient are shared by all areas (ruling 23). Nothing of this is published
(docs/decisions/123-smoothed-calibrated-estimates-stay-internal.md).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rnc_epi.smallarea.asked import priors_of
from rnc_epi.smallarea.graph import AREA, AreaGraph
from rnc_epi.smallarea.judged import facts_of, parameters_of, risks_of
from rnc_epi.smallarea.mapped import NOTHING_EXPECTED, MappedCounts
from rnc_epi.smallarea.model import SmallAreaModel
from rnc_epi.smallarea.rows import FIT_REFUSED, TOO_FEW_AREAS, smoothed_rows
from rnc_epi.smallarea.tables import Found, SmallAreaTables
from rnc_epi.vocabulary.draws import Draws
from rnc_epi.vocabulary.errors import EstimateRefused
from rnc_epi.vocabulary.estimators import OBSERVED
from rnc_epi.vocabulary.schemas import CELL_STRATUM, NOT_APPLICABLE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rnc_epi.vocabulary.study_small_areas import SmallAreas


def smoothed_estimates(
    pairs: Iterable[tuple[Draws, pd.DataFrame]], graph: AreaGraph, asked: SmallAreas
) -> SmallAreaTables:
    """Return smoothed ratios of calibrated estimates, one map a site, sex and period.

    Parameters
    ----------
    pairs : iterable of (Draws, DataFrame)
        Joint predictive draws of the cases of the areas, and the rows of the result table that hold their
        ratio to what is expected (indicator ``sir``): ``expected``, ``events``, ``person_years``,
        ``estimator``, ``comparator``, ``reason``.
    graph : AreaGraph
        Of the level of the areas.
    asked : SmallAreas
        The section [small_areas] of the study file.

    Returns
    -------
    SmallAreaTables
        Results (three rows an area), diagnostics and parameters; the other tables are empty.

    Raises
    ------
    InputError
        ``A030`` an area that is not on the map, ``A040`` too few draws for the covariance.

    References
    ----------
    Riebler A et al. (2016), doi:10.1177/0962280216660421, with the full covariance of the errors of the
    estimates (:func:`rnc_epi.maths.smallarea.fit_gaussian`).
    """
    found = Found()
    for draws, ratios in pairs:
        _add(found, draws, ratios, graph, asked)
    return found.tables()


def _add(found: Found, draws: Draws, ratios: pd.DataFrame, graph: AreaGraph, asked: SmallAreas) -> None:
    method = f"{asked.model}+{draws.model_id}"
    options: dict[str, Any] = {"method": method, "level": asked.level, "threshold": asked.threshold}
    rows = draws.index[AREA].merge(ratios, on=AREA, how="left", validate="one_to_one")
    counts, values = _counts(draws, rows, graph), draws.values
    fitted = counts.fitted

    def add(code: str, refused: str, model: SmallAreaModel | None) -> None:
        risks = None if model is None else risks_of(model, _places(model, counts))
        made = smoothed_rows(counts, risks, refused=refused, **options)
        found.results.append(made.assign(age_from=int(draws.index["age_from"].iloc[0])))
        found.diagnostics.append(facts_of(counts, method, code))

    if fitted.sum() < asked.fewest_areas:
        return add(TOO_FEW_AREAS, TOO_FEW_AREAS, None)
    own = rows["estimator"].eq(OBSERVED).to_numpy()
    values = _with_noise_of_own_counts(values, own, draws.seed)
    ratio = Draws(
        draws.index[fitted].reset_index(drop=True),
        values[fitted] / counts.expected[fitted][:, None],
        "relative_risk",
        draws.kind,
        draws.seed,
        draws.model_id,
    )
    model = SmallAreaModel(
        asked.model,
        threshold=asked.threshold,
        priors=priors_of(asked),
        level=asked.level,
        seed=asked.seed,
        high=asked.high,
        low=asked.low,
    )
    try:
        model.fit(ratio, counts.graph)
    except EstimateRefused as refusal:
        return add(refusal.code, FIT_REFUSED, None)
    add("", "", model)
    found.parameters.append(parameters_of(counts.key, model, ()))
    return None


def _places(model: SmallAreaModel, counts: MappedCounts) -> np.ndarray:
    """Return the row of the model of each fitted row of the counts."""
    order = pd.Index(model.areas_["geo_code"].astype(str))
    return order.get_indexer(counts.strata.loc[counts.fitted, "geo_code"].astype(str))


def _counts(draws: Draws, rows: pd.DataFrame, graph: AreaGraph) -> MappedCounts:
    """Return the map of an estimate: persons it rests on, what is expected, which areas have both."""
    expected = rows["expected"].to_numpy(np.float64)
    reason = rows["reason"].fillna(NOTHING_EXPECTED).astype(str).to_numpy(dtype=object)
    # An estimate that is not published for its grade is an estimate all the same: its error is in its draws.
    usable = (expected > 0) & (draws.values > 0).all(axis=1)
    reason = np.where(usable, NOT_APPLICABLE, np.where(reason == NOT_APPLICABLE, NOTHING_EXPECTED, reason))
    keys = {name: draws.index[name].to_numpy() for name in draws.index.columns}
    strata = rows.assign(source=NOT_APPLICABLE, **keys)
    counts = MappedCounts(
        strata[list(CELL_STRATUM)],
        rows["events"].to_numpy(np.float64),
        expected,
        rows["person_years"].to_numpy(np.float64),
        reason.astype(object),
        str(rows["comparator"].dropna().iloc[0]) if rows["comparator"].notna().any() else NOT_APPLICABLE,
        graph,
        len(graph) - len(rows),
    )
    kept = np.zeros(len(graph), dtype=np.bool_)
    place = graph.positions(rows)
    kept[place[counts.fitted & (place >= 0)]] = True
    return replace(counts, graph=graph.restricted_to(kept))


def _with_noise_of_own_counts(values: np.ndarray, own: np.ndarray, seed: int) -> np.ndarray:
    # What a registry counted in its area is one number in all worlds; as a measure of risk it has the error
    # of a Poisson count: draws of its mean given the count (Jeffreys).
    noisy = values.copy()
    rng = np.random.default_rng([seed % 2**32, 2])
    noisy[own] = rng.gamma(values[own] + 0.5)
    return noisy
