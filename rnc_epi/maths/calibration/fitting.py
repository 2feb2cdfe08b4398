"""The fit of the calibration to registry districts."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from rnc_epi.maths.calibration.ages import age_smooth
from rnc_epi.maths.calibration.curve import SLOPES, fixed_columns, require_spread
from rnc_epi.maths.calibration.inputs import require_cells, require_registries
from rnc_epi.maths.calibration.model import CalibrationFit
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
from rnc_epi.vocabulary.errors import EstimateRefused, InputError


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
        cannot be about the same disease, overall or in one district. C017: one district holds all of the
        proxy. C024: a deprivation score that does not vary.
    EstimateRefused
        C006: no convergence. C022: a ratio that varies between districts beyond any use.

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
    covariates: dict[str, ArrayLike] = {"age": cells.age, "district": cells.code}
    smooths: list[Smooth] = [age_smooth(smooth, cells.age, cells.incident)]
    if deprivation is not None:
        score = require_finite(deprivation, "deprivation")
        require_same_shape(age=cells.age, deprivation=score)
        if np.ptp(score[cells.incident > 0]) == 0:
            raise InputError("C024")
        covariates["deprivation"] = score
        smooths.append(linear("deprivation"))
        smooths.append(random_slope(SLOPES, "district", cells.code, "deprivation", score))
    smooths.append(random_effect("district", cells.code))
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
    require_spread(fits.standard_deviations("district"))
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
        require_spread(np.array([sigma_slope * np.abs(score - score.mean()).max()]))
        mean_score = float(score.mean())
        inside = int(kept[:place].sum())
        slope_se = float(np.sqrt(fits.inverse[0, place, place] * fits.scale[0] + extra[inside, inside]))
    return CalibrationFit(
        sigma_district=float(fits.standard_deviations("district")[0, 0]),
        dispersion=float(fits.scale[0]),
        districts=int(np.unique(cells.code[positive]).size),
        youngest=float(cells.age.min()),
        oldest=float(cells.age.max()),
        deprivation_slope=slope,
        deprivation_se=slope_se,
        sigma_slope=sigma_slope,
        mean_score=mean_score,
        smoothed_offset=person_years is not None,
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
