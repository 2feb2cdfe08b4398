"""Straight lines through the rates of each stratum, weighted by person-years: linear in the counts.

No iteration, no bound on the rates, an unbiased slope whatever the counts: the price is that a line may pass
below zero at an end, which the sum over ages forgives.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rnc_epi.maths.inequality.stratified_fit import Cells, Uncertainty
from rnc_epi.maths.requirements import Floats, Mask


@dataclass(frozen=True, slots=True)
class Lines:
    """Intercept at rank 0 and slope of each stratum, (fits, strata), with what their variance needs."""

    cells: Cells
    intercept: Floats
    slope: Floats
    estimable: Mask
    total: Floats
    middle: Floats
    spread: Floats
    centred: Floats


def lines_by_stratum(cells: Cells) -> Lines:
    """Fit a line per stratum by least squares of rates on the first column, weights person-years."""
    rank, exposure = cells.columns[..., 0], cells.exposure
    total = cells.total(exposure)
    populated = total > 0
    safe = np.where(populated, total, 1.0)
    middle = cells.total(exposure * rank) / safe
    centred = rank - middle[:, cells.stratum]
    spread = cells.total(exposure * centred**2)
    estimable = populated & (spread > 1e-12 * safe)
    divisor = np.where(estimable, spread, 1.0)
    slope = np.where(estimable, cells.total(centred * cells.events) / divisor, 0.0)
    average = cells.total(cells.events) / safe
    # Equal rates have no slope: what rounding leaves of it is none.
    slope = np.where(np.abs(slope) <= 1e-13 * average, 0.0, slope)
    return Lines(
        cells, average - slope * middle, slope, np.asarray(estimable), total, middle, spread, centred
    )


def uncertainty(lines: Lines, by_intercept: Floats, by_slope: Floats, variance: str) -> Uncertainty:
    """Return the error of a sum of intercepts and slopes, (fits, strata) coefficients each.

    ``"model"``: every count a Poisson variable, variance taken as the count itself, so that no line enters.
    ``"scaled"``: that variance times the dispersion of the counts around the lines. ``"robust"``: squared
    residuals enlarged by their leverage, degrees of freedom of Bell and McCaffrey with variances that are
    proportional to person-years within a stratum and to its rate between strata.
    """
    cells = lines.cells
    exposure, at = cells.exposure, cells.stratum
    total = np.where(lines.total > 0, lines.total, 1.0)
    spread = np.where(lines.estimable, lines.spread, 1.0)
    per_count = (by_intercept / total)[:, at] + (
        (by_slope - by_intercept * lines.middle) * lines.estimable / spread
    )[:, at] * lines.centred
    poisson = np.sqrt((per_count**2 * cells.events).sum(axis=1))
    if variance == "model":
        return Uncertainty(poisson, np.full(poisson.shape, np.inf))
    line = lines.intercept[:, at] + lines.slope[:, at] * cells.columns[..., 0]
    residual = cells.events - exposure * line
    average = cells.total(cells.events) / total
    leverage = exposure * ((1.0 / total)[:, at] + lines.centred**2 * (lines.estimable / spread)[:, at])
    if variance == "scaled":
        working = exposure * average[:, at]
        used = working > 0
        pearson = np.where(used, residual**2 / np.where(used, working, 1.0), 0.0).sum(axis=1)
        freedom = np.where(used, 1.0 - leverage, 0.0).sum(axis=1)
        factor = np.divide(pearson, freedom, out=np.ones_like(pearson), where=freedom > 1e-9)
        return Uncertainty(
            poisson * np.sqrt(factor), np.where(freedom > 1e-9, np.maximum(freedom, 1.0), np.inf)
        )
    free = leverage < 1.0 - 1e-9
    share = np.where(free, 1.0 / np.where(free, 1.0 - leverage, 1.0), 0.0)
    squares = np.where(free, per_count**2 * residual**2 * share, per_count**2 * cells.events)
    expected = np.where(free, per_count**2 * exposure, 0.0)
    load = expected * share
    traced = load * exposure
    inverse_spread = lines.estimable / spread
    by_stratum = (
        cells.total(load**2 * (1.0 - 2.0 * leverage))
        + (cells.total(traced) / total) ** 2
        + 2.0 * cells.total(traced * lines.centred) ** 2 / total * inverse_spread
        + (cells.total(traced * lines.centred**2) * inverse_spread) ** 2
    )
    level = (average * cells.total(expected)).sum(axis=1)
    varied = (average**2 * by_stratum).sum(axis=1)
    freedom = np.divide(level**2, varied, out=np.full_like(level, np.inf), where=varied > 0)
    return Uncertainty(np.sqrt(squares.sum(axis=1)), np.maximum(freedom, 1.0))
