"""What is said of a fitted map: risks, how well it is fitted, parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rnc_epi.maths import smallarea as maths
from rnc_epi.smallarea.mapped import MappedCounts
from rnc_epi.smallarea.model import SmallAreaModel
from rnc_epi.smallarea.rows import FIT_REFUSED, Risks
from rnc_epi.vocabulary.schemas import ESTIMATED

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rnc_epi.vocabulary.study_small_areas import SmallAreas


def risks_of(model: SmallAreaModel, rows: slice | NDArray[np.int64] = slice(None)) -> Risks:
    """Return the risks of a fitted model, or of some of its rows."""
    return Risks(
        model.relative_risk_[rows],
        model.sd_[rows],
        model.lower_[rows],
        model.upper_[rows],
        model.exceedance_[rows],
        model.risk_class_[rows],
    )


def risks_of_draws(values: NDArray[np.float64], asked: SmallAreas) -> Risks:
    """Return the risks that draws (areas, draws) say."""
    tail = 0.5 * (1.0 - asked.level)
    lower, upper = np.quantile(values, [tail, 1.0 - tail], axis=1)
    exceedance = (values > asked.threshold).mean(axis=1)
    classes = maths.evidence_classes(exceedance, high=asked.high, low=asked.low)
    return Risks(values.mean(axis=1), values.std(axis=1, ddof=1), lower, upper, exceedance, classes)


def facts_of(counts: MappedCounts, method: str, code: str) -> dict[str, Any]:
    """Return what a map holds, fitted or not."""
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


def checks_of(model: SmallAreaModel) -> dict[str, Any]:
    """Return how well a map is fitted."""
    checks, numbers = model.result_.checks(), model.diagnostics_
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
    }


def parameters_of(key: dict[str, Any], model: SmallAreaModel, names: tuple[str, ...]) -> pd.DataFrame:
    """Return the hyperparameters and coefficients of a map, covariates under their `names`."""
    said = {f"beta_{k}": name for k, name in enumerate(names, start=1)}
    rows = [
        key
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
