"""Curves of the ratio over the standard deviations of districts that the data allow.

The prior density of a deviation is proportional to ``(sigma^2 + s^2)^(-1/2)``, s being half the noise of one
district's log ratio: where the ratio varies far beyond its noise this gives Student limits on districts less
one degrees of freedom; where it does not, it is flat, so that zero has no infinite weight (Gelman 2006). With
few districts the deviation is known poorly, and an interval that takes it as known is too narrow. With a
deprivation term the deviation of the slopes between districts is treated likewise, over the product of both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from rnc_epi.maths.calibration.curve import LARGEST_SPREAD, SLOPES, Curve, random_terms
from rnc_epi.maths.requirements import Floats
from rnc_epi.maths.splines import QUASI_POISSON, PenalisedFits, fit_penalised_many

if TYPE_CHECKING:
    from rnc_epi.maths.calibration.model import CalibrationFit

# Steps of the integration over the standard deviation of districts, and how far down its likelihood goes.
_COARSE, _FINE, _FINE_OF_TWO, _DEPTH = 14, 24, 8, 9.0


def plausible_curves(fit: CalibrationFit) -> tuple[Curve, ...]:
    """Return the curves at each plausible deviation, weighted by restricted likelihood and prior."""
    names = random_terms(fit.design)
    grids, lows = [], []
    for name in names:
        grid, low = _plausible(fit, name, _FINE if len(names) == 1 else _FINE_OF_TWO)
        grids.append(grid)
        lows.append(low)
    mesh = np.meshgrid(*grids, indexing="ij")
    fits, reached = _at(fit, dict(zip(names, (axis.ravel() for axis in mesh), strict=True)))
    height = -fits.score
    weight = np.exp(height - height.max())
    for name, low in zip(names, lows, strict=True):
        # The width of a step is that of the deviations reached, along their own axis.
        place = names.index(name)
        shape = tuple(grid.size for grid in grids)
        width = np.gradient(reached[name].reshape(shape), axis=place).ravel()
        weight = weight * width / np.hypot(reached[name], low)
    weight = weight / weight.sum()
    slopes = reached.get(SLOPES, np.zeros(weight.size))
    kept = fit.kept
    return tuple(
        Curve(
            fits.coefficients[g][kept],
            fits.inverse[g][np.ix_(kept, kept)] * fit.dispersion + fit.extra_covariance,
            float(reached["district"][g]),
            float(slopes[g]),
            float(weight[g]),
        )
        for g in np.flatnonzero(weight > (1e-6 if len(names) == 1 else 1e-4))
    )


def _at(fit: CalibrationFit, sigmas: Mapping[str, Floats]) -> tuple[PenalisedFits, dict[str, Floats]]:
    """Fits at given standard deviations of district terms, and the deviations that they reach."""
    count = next(iter(sigmas.values())).size
    rho = np.repeat(fit.fits.log_smoothing, count, axis=0)
    scale = float(fit.fits.reml_scale[0])
    for name, values in sigmas.items():
        rho[:, fit.design.terms[name].penalties] = (np.log(scale) - 2 * np.log(values))[:, None]
    fits = fit_penalised_many(
        fit.design,
        np.repeat(fit.response[None], count, axis=0),
        family=QUASI_POISSON,
        offset=fit.offset,
        weights=fit.weights,
        start=fit.fits,
        log_smoothing=rho,
    )
    return fits, {name: fits.standard_deviations(name)[:, 0] for name in sigmas}


def _plausible(fit: CalibrationFit, name: str, size: int) -> tuple[Floats, float]:
    """Return a grid over the standard deviations of a term that the data allow, and half their noise."""
    scale = float(fit.fits.reml_scale[0])
    columns = fit.design.matrix[:, fit.design.terms[name].columns]
    information = (fit.weights * fit.response) @ columns**2
    low = float(0.5 * np.sqrt(scale / max(np.median(information), 1.0)))
    estimate = float(fit.fits.standard_deviations(name)[0, 0])
    unit = max(estimate, low)
    fits, reached = _at(fit, {name: unit * np.geomspace(0.1, 12, _COARSE)})
    height = -fits.score
    high = reached[name][height > height.max() - _DEPTH].max()
    # Where the data hardly tell, no more than what would have been refused as an estimate.
    high = min(high, LARGEST_SPREAD / np.abs(columns).max())
    return high * (np.arange(size) + 0.5) / size, low
