"""Calibrated incidence of each area against that of the areas together."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from rnc_epi.maths.calibration.groups import order_of_appearance, require_labels, totals
from rnc_epi.maths.calibration.model import CalibrationFit
from rnc_epi.maths.calibration.prediction import CalibratedIncidence
from rnc_epi.maths.requirements import first_position, require_counts, require_same_shape
from rnc_epi.vocabulary.errors import InputError


def incidence_ratio(
    fit: CalibrationFit,
    proxy: ArrayLike,
    age: ArrayLike,
    area: ArrayLike,
    person_years: ArrayLike,
    *,
    method: str = "calibrated",
    level: float = 0.95,
) -> CalibratedIncidence:
    r"""Standardised incidence ratio of each area to all of them, :math:`\hat I_j / E_j`.

    :math:`E_j = \sum_i t_{ij} \sum_j \hat I_{ij} / \sum_j t_{ij}`: the expected cases are taken as known, as
    the papers do, since they rest on the whole country.

    Parameters
    ----------
    fit : CalibrationFit
        Calibration without a deprivation term.
    proxy, age, area, person_years : array_like, shape (cells,)
        Cells of every area of the country; ages must be the same bands everywhere.
    method, level
        As :meth:`CalibrationFit.predict`.

    Returns
    -------
    CalibratedIncidence
        Ratios, by area in order of first appearance.

    Raises
    ------
    InputError
        As :meth:`CalibrationFit.predict`; M009: an area without person-years.

    Examples
    --------
    >>> from rnc_epi.maths.calibration import fit_calibration
    >>> ages, places = np.tile([52.5, 62.5, 72.5], 5), np.repeat(list("abcde"), 3)
    >>> cases = np.tile([50.0, 100.0, 120.0], 5)
    >>> fit = fit_calibration(cases, cases, ages, places)
    >>> double = np.where(places == "a", 2.0, 1.0)
    >>> found = incidence_ratio(fit, cases * double, ages, places, np.full(15, 1e5))
    >>> [round(float(ratio), 2) for ratio in found.estimate]
    [1.67, 0.83, 0.83, 0.83, 0.83]
    """
    at_risk = require_counts(person_years, "person_years")
    counts = require_counts(proxy, "proxy")
    require_same_shape(proxy=counts, person_years=at_risk)
    by_age = fit.predict(counts, age, area, by=np.asarray(age), method="chatignoux")
    ages, band = order_of_appearance(np.asarray(age))
    at_risk_by_age = totals(band, at_risk, ages.size)
    rate = np.divide(by_age.estimate, at_risk_by_age, out=np.zeros(ages.size), where=at_risk_by_age > 0)
    areas, place = order_of_appearance(require_labels(area, counts.shape, "area"))
    expected = totals(place, at_risk * rate[band], areas.size)
    if (expected <= 0).any():
        wrong = expected <= 0
        where = first_position(wrong)
        raise InputError("M009", what="expected cases", found=int(wrong.sum()), where=where)
    return fit.predict(counts, age, area, weights=1 / expected[place], method=method, level=level)
