"""How much incidence itself varies between districts: the yardstick of the ratio's variation."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from rnc_epi.maths.calibration.inputs import require_cells, require_registries
from rnc_epi.maths.requirements import Floats, require_counts, require_person_time, require_same_shape
from rnc_epi.maths.splines import (
    QUASI_POISSON,
    Design,
    PenalisedFits,
    Smooth,
    build_design,
    fit_penalised_many,
    random_effect,
    thin_plate,
)
from rnc_epi.vocabulary.errors import EstimateRefused


def converged_fit(design: Design, response: Floats, offset: Floats, weights: Floats) -> PenalisedFits:
    """Quasi-Poisson fits, all converged (C006)."""
    fits = fit_penalised_many(design, response, family=QUASI_POISSON, offset=offset, weights=weights)
    if not fits.converged.all():
        raise EstimateRefused("C006")
    return fits


def incidence_variation(
    cases: ArrayLike, person_years: ArrayLike, age: ArrayLike, district: ArrayLike
) -> float:
    r"""Standard deviation of incidence between districts, :math:`\sigma_k`, on the log scale.

    Parameters
    ----------
    cases, person_years : array_like, shape (cells,)
        Incident cases and person-years; cells without person-years (and without cases) are left out.
    age, district : array_like, shape (cells,)
        Midpoint of the age band and district of the cell.

    Returns
    -------
    float

    Raises
    ------
    InputError
        M001, M002, M003, M007; C010: fewer than five districts with cases.

    References
    ----------
    .. [1] Chatignoux E, et al. Population Health Metrics 2020 (decision tree). French practice: the ratio is
       informative when this is at least twice the standard deviation of its own district effects.

    Examples
    --------
    Districts with the same rates at every age do not vary:

    >>> age, district = np.tile([50.0, 60.0, 70.0, 80.0], 5), np.repeat(np.arange(5), 4)
    >>> cases = np.tile([40.0, 90.0, 160.0, 150.0], 5)
    >>> incidence_variation(cases, 1e5 * np.ones(20), age, district) < 1e-3
    True
    """
    cells = require_cells(cases, cases, age, district)
    at_risk = require_counts(person_years, "person_years")
    require_same_shape(cases=cells.incident, person_years=at_risk)
    require_person_time(cells.incident, at_risk)
    require_registries(cells)
    smooths: list[Smooth] = [thin_plate("age", cells.age), random_effect("district", cells.code)]
    design = build_design(smooths, {"age": cells.age, "district": cells.code})
    usable = at_risk > 0
    offset = np.log(np.where(usable, at_risk, 1.0))
    fits = converged_fit(design, cells.incident[None], offset, usable.astype(np.float64))
    return float(fits.standard_deviations("district")[0, 0])
