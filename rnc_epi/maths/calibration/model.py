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

from rnc_epi.maths.calibration.curve import Curve, fixed_columns, random_terms
from rnc_epi.maths.calibration.deviations import plausible_curves
from rnc_epi.maths.calibration.inputs import require_reachable_ages
from rnc_epi.maths.calibration.prediction import CalibratedIncidence, predict_incidence
from rnc_epi.maths.requirements import Floats
from rnc_epi.maths.splines import Design, PenalisedFits


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
    smoothed_offset : bool
        Whether `dispersion` is about the expected cases (offset smoothed) rather than the counted ones.
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
    smoothed_offset: bool
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

        Raises
        ------
        InputError
            M007; C014: an age that the calibration cannot reach.
        """
        ages = np.atleast_1d(require_reachable_ages(age, self.youngest, self.oldest))
        exclude = [name for name in self.design.terms if name != "age"]
        rows = self.design.rows({"age": ages}, exclude=exclude)
        return np.asarray(np.exp(rows @ self.fits.coefficients[0]))

    def curve_rows(self, covariates: Mapping[str, ArrayLike]) -> Floats:
        """Model matrix of the ratio without the district effects, shape (rows, columns without districts)."""
        return self.design.rows(covariates, exclude=random_terms(self.design))[:, self.kept]

    @property
    def kept(self) -> NDArray[np.bool_]:
        """Which columns of the design are those of the curve."""
        return fixed_columns(self.design)

    @cached_property
    def best(self) -> Curve:
        """The curve at the estimated standard deviation of districts."""
        kept = self.kept
        covariance = self.fits.inverse[0][np.ix_(kept, kept)] * self.fits.scale[0] + self.extra_covariance
        return Curve(self.fits.coefficients[0][kept], covariance, self.sigma_district, self.sigma_slope, 1.0)

    @cached_property
    def curves(self) -> tuple[Curve, ...]:
        """Curves over the plausible standard deviations of districts, weighted by restricted likelihood."""
        return plausible_curves(self)

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
        by : array_like, shape (cells,) or (cells, levels), optional
            Groups to sum over, any hashable labels; the areas by default. Labels of several levels are
            tuples in `index`.
        method : {"calibrated", "chatignoux"}
            ``chatignoux`` takes the standard deviation of districts as known (the published interval);
            ``calibrated`` integrates over it, which few districts require.
        level : float
            Coverage of the prediction interval.
        target : {"cases", "risk"}
            What the ``calibrated`` interval is about: the number of cases that a registry would count, or
            the expected number behind it. With counted cases in the offset the dispersion is about those
            cases, and the expected number adds their Poisson noise; with a smoothed offset it is about the
            expected number, and it is the cases that add it (too much where the proxy holds the same
            patients). Without effect on ``chatignoux``, whose variance adds ``dispersion`` times that noise.
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
        EstimateRefused
            C023: an age with a proxy whose ratio the registries leave open.

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
