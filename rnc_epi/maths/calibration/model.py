"""Ratio of a proxy to incidence by age, learned where registries count (Chatignoux 2019).

Incident cases are the offset and the proxy is the response:

    H_ij | u_j ~ quasi-Poisson(phi),  log E = log I_ij + f(age_i) + u_j,  u_j ~ N(0, sigma^2)

so that a proxy that shares patients with the registry may well be under-dispersed (phi < 1). Regressing
incidence on the proxy would be another, biased, estimator. Nothing here knows of sites, sexes or tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnc_epi.maths.calibration.ages import age_smooth
from rnc_epi.maths.calibration.curve import SLOPES, Curve, fixed_columns, random_terms
from rnc_epi.maths.calibration.inputs import require_cells, require_registries
from rnc_epi.maths.calibration.prediction import CalibratedIncidence, predict_incidence
from rnc_epi.maths.calibration.variation import converged_fit
from rnc_epi.maths.requirements import (
    Floats,
    require_counts,
    require_finite,
    require_person_time,
    require_same_shape,
)
from rnc_epi.maths.splines import (
    POISSON,
    QUASI_POISSON,
    Design,
    PenalisedFits,
    Smooth,
    build_design,
    fit_penalised_many,
    linear,
    random_effect,
    random_slope,
)
from rnc_epi.vocabulary.errors import EstimateRefused

# Steps of the integration over the standard deviation of districts, and how far down its likelihood goes.
_COARSE, _FINE, _FINE_OF_TWO, _DEPTH = 14, 24, 8, 9.0


@dataclass(frozen=True)
class CalibrationFit:
    """Calibration model of one proxy.

    Attributes
    ----------
    sigma_district : float
        Standard deviation of the district effects on the log ratio.
    dispersion : float
        Variance of the proxy over its mean, given the incident cases; below one when patients are shared.
    districts : int
        Number of registry districts with incident cases.
    youngest, oldest : float
        Range of the ages of the calibration.
    deprivation_slope, deprivation_se : float or None
        Slope of the log ratio along the deprivation score, where one was given, and its standard error.
    sigma_slope : float
        Standard deviation of that slope between districts; 0 without deprivation term.
    mean_score : float
        Mean deprivation score of the calibration, where a district's own slope has no effect.
    """

    sigma_district: float
    dispersion: float
    districts: int
    youngest: float
    oldest: float
    deprivation_slope: float | None
    deprivation_se: float | None
    sigma_slope: float
    mean_score: float
    fits: PenalisedFits = field(repr=False)
    response: Floats = field(repr=False)
    offset: Floats = field(repr=False)
    weights: Floats = field(repr=False)
    extra_covariance: Floats = field(repr=False)

    @property
    def design(self) -> Design:
        """Model matrix of the calibration."""
        return self.fits.design

    def ratio(self, age: ArrayLike) -> Floats:
        """Proxy per incident case by age, in a district without effect, at the mean deprivation score.

        Parameters
        ----------
        age : array_like, shape (ages,)
            Ages in years (midpoints of bands).

        Returns
        -------
        ndarray, shape (ages,)
        """
        ages = np.atleast_1d(require_finite(age, "age"))
        exclude = [name for name in self.design.terms if name != "age"]
        rows = self.design.rows({"age": ages}, exclude=exclude)
        return np.asarray(np.exp(rows @ self.fits.coefficients[0]))

    def curve_rows(self, covariates: Mapping[str, ArrayLike]) -> Floats:
        """Model matrix of the ratio without the district effects, shape (rows, columns without districts)."""
        return self.design.rows(covariates, exclude=random_terms(self.design))[:, self._kept]

    @property
    def _kept(self) -> NDArray[np.bool_]:
        return fixed_columns(self.design)

    @cached_property
    def best(self) -> Curve:
        """The curve at the estimated standard deviation of districts."""
        kept = self._kept
        covariance = self.fits.inverse[0][np.ix_(kept, kept)] * self.fits.scale[0] + self.extra_covariance
        return Curve(self.fits.coefficients[0][kept], covariance, self.sigma_district, self.sigma_slope, 1.0)

    @cached_property
    def curves(self) -> tuple[Curve, ...]:
        """Curves over the plausible standard deviations of districts, weighted by restricted likelihood.

        The prior density is proportional to ``(sigma^2 + s^2)^(-1/2)``, s being half the noise of one
        district's log ratio: where the ratio varies far beyond its noise this gives Student limits on
        districts less one degrees of freedom; where it does not, it is flat, so that zero has no infinite
        weight (Gelman 2006). With few districts the deviation is known poorly, and an interval that takes
        it as known is too narrow. With a deprivation term the deviation of the slopes between districts is
        treated likewise, over the product of both.
        """
        names = random_terms(self.design)
        grids, lows = [], []
        for name in names:
            grid, low = self._plausible(name, _FINE if len(names) == 1 else _FINE_OF_TWO)
            grids.append(grid)
            lows.append(low)
        mesh = np.meshgrid(*grids, indexing="ij")
        fits, reached = self._at(dict(zip(names, (axis.ravel() for axis in mesh), strict=True)))
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
        kept = self._kept
        return tuple(
            Curve(
                fits.coefficients[g][kept],
                fits.inverse[g][np.ix_(kept, kept)] * self.dispersion + self.extra_covariance,
                float(reached["district"][g]),
                float(slopes[g]),
                float(weight[g]),
            )
            for g in np.flatnonzero(weight > (1e-6 if len(names) == 1 else 1e-4))
        )

    def _at(self, sigmas: Mapping[str, Floats]) -> tuple[PenalisedFits, dict[str, Floats]]:
        """Fits at given standard deviations of district terms, and the deviations that they reach."""
        count = next(iter(sigmas.values())).size
        rho = np.repeat(self.fits.log_smoothing, count, axis=0)
        scale = float(self.fits.reml_scale[0])
        for name, values in sigmas.items():
            rho[:, self.design.terms[name].penalties] = (np.log(scale) - 2 * np.log(values))[:, None]
        fits = fit_penalised_many(
            self.design,
            np.repeat(self.response[None], count, axis=0),
            family=QUASI_POISSON,
            offset=self.offset,
            weights=self.weights,
            start=self.fits,
            log_smoothing=rho,
        )
        return fits, {name: fits.standard_deviations(name)[:, 0] for name in sigmas}

    def _plausible(self, name: str, size: int) -> tuple[Floats, float]:
        """Return a grid over the standard deviations of a term that the data allow, and half their noise."""
        scale = float(self.fits.reml_scale[0])
        columns = self.design.matrix[:, self.design.terms[name].columns]
        information = (self.weights * self.response) @ columns**2
        low = float(0.5 * np.sqrt(scale / max(np.median(information), 1.0)))
        estimate = float(self.fits.standard_deviations(name)[0, 0])
        unit = max(estimate, low)
        fits, reached = self._at({name: unit * np.geomspace(0.1, 12, _COARSE)})
        height = -fits.score
        high = reached[name][height > height.max() - _DEPTH].max()
        return high * (np.arange(size) + 0.5) / size, low

    def predict(
        self,
        proxy: ArrayLike,
        age: ArrayLike,
        area: ArrayLike,
        *,
        weights: ArrayLike | None = None,
        by: ArrayLike | None = None,
        method: str = "calibrated",
        level: float = 0.95,
        target: str = "cases",
        deprivation: ArrayLike | None = None,
    ) -> CalibratedIncidence:
        r"""Incidence of any area from its proxy, with the uncertainty of the ratio and of the area's effect.

        The estimate of a cell is :math:`H \exp(-f(age) - \sigma^2/2)`; a group is a weighted sum of cells.
        Cells of one area share its effect, and all cells share the curve, so variances do not add.

        Parameters
        ----------
        proxy, age, area : array_like, shape (cells,)
            Proxy counts, ages (midpoints) and areas of the cells.
        weights : array_like, shape (cells,), optional
            Weight of each cell: 1 for counts (default), 1 / person-years of the area for a crude rate,
            standard share / person-years of the cell for a standardised rate.
        by : array_like, shape (cells,), optional
            Groups to sum over; the areas by default.
        method : {"calibrated", "chatignoux"}
            ``chatignoux`` takes the standard deviation of districts as known (the published interval);
            ``calibrated`` integrates over it, which few districts require.
        level : float
            Coverage of the prediction interval.
        target : {"cases", "risk"}
            What the ``calibrated`` interval is about: the number of cases that a registry would count, or
            the expected number behind it, which adds the Poisson noise of the count. Without effect on
            ``chatignoux``, whose variance adds ``dispersion`` times that noise.
        deprivation : array_like, shape (cells,), optional
            Score of each cell, required when the calibration holds a deprivation term.

        Returns
        -------
        CalibratedIncidence

        Raises
        ------
        InputError
            M001, M002, M004, M005, M007; C014: an age that the calibration cannot reach; C015: the
            deprivation score is missing, or was not part of the calibration.

        References
        ----------
        .. [1] Chatignoux E, et al. For a sound use of health care data in epidemiology. Biostatistics
           2019;20:452-67. doi:10.1093/biostatistics/kxy012
        .. [2] Gelman A. Prior distributions for variance parameters in hierarchical models. Bayesian Anal
           2006;1:515-34. doi:10.1214/06-BA117A
        """
        return predict_incidence(
            self,
            proxy,
            age,
            area,
            weights=weights,
            by=by,
            method=method,
            level=level,
            target=target,
            deprivation=deprivation,
        )


def fit_calibration(
    incident: ArrayLike,
    proxy: ArrayLike,
    age: ArrayLike,
    district: ArrayLike,
    *,
    smooth: str = "tp",
    person_years: ArrayLike | None = None,
    deprivation: ArrayLike | None = None,
) -> CalibrationFit:
    r"""Fit the ratio of a proxy to incidence over registry districts.

    Parameters
    ----------
    incident, proxy : array_like, shape (cells,)
        Incident cases and proxy counts of each cell, over the same period.
    age : array_like, shape (cells,)
        Midpoint of the age band, in years.
    district : array_like, shape (cells,)
        Registry district of the cell.
    smooth : {"tp", "ns"}
        Thin-plate spline of rank 10, or natural cubic spline with one knot at the case-weighted median age.
    person_years : array_like, shape (cells,), optional
        With them, the offset is the incidence smoothed by age with a district effect in place of the raw
        count, cells without incident case count too, and the uncertainty of that incidence is carried
        into the ratio. For rare sites, where the count of a cell is itself noise, and for deaths, which do
        not come from the same patients. Without them a cell with no incident case is left out.
    deprivation : array_like, shape (cells,), optional
        Deprivation score of the cell (ridit, 1 the most deprived end): adds a slope to the log ratio, and
        a random slope of each district around it, for the slope of a new area is not known either.

    Returns
    -------
    CalibrationFit

    Raises
    ------
    InputError
        M001, M002, M003, M007: impossible or misshapen input. C010: fewer than five districts with
        incident cases. C011: the proxy is zero everywhere. C012, C013: proxy and incident cases that
        cannot be about the same disease, overall or in one district.
    EstimateRefused
        C006: no convergence.

    References
    ----------
    .. [1] Chatignoux E, et al. For a sound use of health care data in epidemiology: evaluation of a
       calibration model for count data. Biostatistics 2019;20:452-67. doi:10.1093/biostatistics/kxy012

    Examples
    --------
    Six districts whose proxy is exactly 1.2 times the incident cases, at every age:

    >>> age = np.tile([42.5, 52.5, 62.5, 72.5, 82.5], 6)
    >>> district = np.repeat(list("abcdef"), 5)
    >>> incident = np.tile([20.0, 50.0, 100.0, 120.0, 90.0], 6)
    >>> fit = fit_calibration(incident, 1.2 * incident, age, district)
    >>> [round(float(r), 3) for r in fit.ratio([42.5, 82.5])]
    [1.2, 1.2]
    >>> result = fit.predict([120.0, 60.0], [62.5, 72.5], ["g", "g"])
    >>> [round(float(cases)) for cases in result.estimate]
    [150]
    """
    cells = require_cells(incident, proxy, age, district)
    require_registries(cells)
    covariates: dict[str, ArrayLike] = {"age": cells.age, "district": cells.district}
    smooths: list[Smooth] = [age_smooth(smooth, cells.age, cells.incident)]
    if deprivation is not None:
        score = require_finite(deprivation, "deprivation")
        require_same_shape(age=cells.age, deprivation=score)
        covariates["deprivation"] = score
        smooths.append(linear("deprivation"))
        smooths.append(random_slope(SLOPES, "district", cells.district, "deprivation", score))
    smooths.append(random_effect("district", cells.district))
    design = build_design(smooths, covariates)
    positive = cells.incident > 0
    offset = np.log(np.where(positive, cells.incident, 1.0))
    weights = positive.astype(np.float64)
    offsets = None
    if person_years is not None:
        at_risk = require_counts(person_years, "person_years")
        require_same_shape(incident=cells.incident, person_years=at_risk)
        require_person_time(cells.incident, at_risk)
        offset, offsets = _smoothed_offset(design, cells.incident, at_risk)
        weights = (at_risk > 0).astype(np.float64)
    fits = converged_fit(design, cells.proxy[None], offset, weights)
    kept = fixed_columns(design)
    extra = np.zeros((int(kept.sum()),) * 2)
    if offsets is not None:
        extra = _between_offsets(design, cells.proxy, offsets, weights, fits)[np.ix_(kept, kept)]
    slope = slope_se = None
    sigma_slope = mean_score = 0.0
    if deprivation is not None:
        place = design.terms["deprivation"].columns.start
        slope = float(fits.coefficients[0, place])
        sigma_slope = float(fits.standard_deviations(SLOPES)[0, 0])
        mean_score = float(score.mean())
        inside = int(kept[:place].sum())
        slope_se = float(np.sqrt(fits.inverse[0, place, place] * fits.scale[0] + extra[inside, inside]))
    return CalibrationFit(
        sigma_district=float(fits.standard_deviations("district")[0, 0]),
        dispersion=float(fits.scale[0]),
        districts=int(np.unique(cells.district[positive]).size),
        youngest=float(cells.age.min()),
        oldest=float(cells.age.max()),
        deprivation_slope=slope,
        deprivation_se=slope_se,
        sigma_slope=sigma_slope,
        mean_score=mean_score,
        fits=fits,
        response=cells.proxy,
        offset=offset,
        weights=weights,
        extra_covariance=extra,
    )


def _smoothed_offset(
    design: Design, incident: Floats, at_risk: Floats, draws: int = 40
) -> tuple[Floats, Floats]:
    """Log of the smoothed incident cases and draws of it, shape (cells,) and (draws, cells)."""
    usable = at_risk > 0
    log_risk = np.log(np.where(usable, at_risk, 1.0))
    fits = fit_penalised_many(
        design, incident[None], family=POISSON, offset=log_risk, weights=usable.astype(np.float64)
    )
    if not fits.converged.all():
        raise EstimateRefused("C006")
    simulated = fits[0].simulate(draws, seed=0) @ design.matrix.T
    return log_risk + design.matrix @ fits.coefficients[0], log_risk + simulated


def _between_offsets(
    design: Design, proxy: Floats, offsets: Floats, weights: Floats, start: PenalisedFits
) -> Floats:
    """Covariance of the coefficients over draws of the offset (Rubin's between-imputation part)."""
    draws = len(offsets)
    refits = fit_penalised_many(
        design,
        np.repeat(proxy[None], draws, axis=0),
        family=QUASI_POISSON,
        offset=offsets,
        weights=weights,
        start=start,
        log_smoothing=start.log_smoothing,
    )
    return np.asarray(np.cov(refits.coefficients.T) * (1 + 1 / draws))
