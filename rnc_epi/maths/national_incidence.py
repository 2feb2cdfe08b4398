"""National incidence from registries alone: a smooth surface of age and year with a district effect.

The French editions since 1990-2018 take it from a penalised tensor spline fitted to the registries that count
(Uhry 2020, Defossez 2021). What is returned is the fixed part of the model, a district of null effect; a zone
that is no random sample of the country needs a declared correction. Years beyond the data are refused:
projecting is another decision.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from rnc_epi.maths.calibration.groups import order_of_appearance, require_labels, sortable, totals
from rnc_epi.maths.calibration.inputs import FEWEST_DISTRICTS, require_ages
from rnc_epi.maths.requirements import (
    Floats,
    first_position,
    require_counts,
    require_events_and_person_years,
    require_finite,
    require_level,
    require_positive,
    require_same_shape,
    require_scalar,
    require_weights,
    require_whole,
)
from rnc_epi.maths.splines import (
    POISSON,
    PenalisedFit,
    build_design,
    cubic_regression,
    fit_penalised,
    random_effect,
    tensor,
)
from rnc_epi.vocabulary.errors import InputError

_HALF_BAND = 5.0


@dataclass(frozen=True)
class NationalEstimate:
    """Estimates with limits, all of one shape; `se` is on the scale of the estimate."""

    estimate: Floats
    se: Floats
    lower: Floats
    upper: Floats
    level: float


@dataclass(frozen=True)
class NationalIncidence:
    """Surface of incidence of a country, learned in its registries.

    Attributes
    ----------
    sigma_district : float
        Standard deviation of the log incidence between districts.
    edf : float
        Effective degrees of freedom of the surface.
    districts : int
        Number of registry districts.
    first_year, last_year, youngest, oldest : float
        Range of the data; years outside it are refused.
    log_correction, log_correction_se : float
        Declared logarithm of the ratio of the country to the registries, and its standard error.
    """

    sigma_district: float
    edf: float
    districts: int
    first_year: float
    last_year: float
    youngest: float
    oldest: float
    fit: PenalisedFit = field(repr=False)
    log_correction: float = 0.0
    log_correction_se: float = 0.0

    def corrected(self, factor: float, *, log_se: float) -> NationalIncidence:
        """Return the same surface times the declared ratio of the country to its registries.

        Parameters
        ----------
        factor : float
            National over registry-zone incidence, for instance from calibrated proxies.
        log_se : float
            Standard error of its logarithm, carried into every limit.
        """
        ratio = float(require_positive(require_scalar(factor, "factor"), "factor"))
        error = float(require_counts(require_scalar(log_se, "log_se"), "log_se"))
        return replace(self, log_correction=float(np.log(ratio)), log_correction_se=error)

    def _rows(self, age: ArrayLike, year: ArrayLike) -> Floats:
        ages, years = require_ages(age), require_finite(year, "year")
        require_same_shape(age=ages, year=years)
        if ages.ndim != 1 or ages.size == 0:
            raise InputError("M002", what="age", expected="(cells,)", found=str(ages.shape))
        late = (years < self.first_year) | (years > self.last_year)
        if late.any():
            raise InputError(
                "C030", first=f"{self.first_year:g}", last=f"{self.last_year:g}", where=first_position(late)
            )
        low, high = max(0.0, self.youngest - _HALF_BAND), self.oldest + _HALF_BAND
        wrong = (ages < low) | (ages > high)
        if wrong.any():
            expected = f"[{low:g}, {high:g}]"
            raise InputError("C014", found=int(wrong.sum()), where=first_position(wrong), expected=expected)
        return self.fit.design.rows({"age": ages, "year": years}, exclude=["district"])

    def _log_rate(self, rows: Floats) -> Floats:
        return np.asarray(rows @ self.fit.coefficients + self.log_correction)

    def _limits(
        self, estimate: Floats, gradient: Floats, level: float, correction: float
    ) -> NationalEstimate:
        """Log-normal limits from the gradient of the log estimate in the coefficients (delta method).

        The spread of the mean of districts is known from few of them: Student's quantile, its degrees of
        freedom by Satterthwaite from the share of that spread in the whole variance.
        """
        coverage = float(require_level(require_scalar(level, "level")))
        variance = ((gradient @ self.fit.covariance) * gradient).sum(axis=1) + correction**2
        error = np.sqrt(np.maximum(variance, 0.0))
        between = gradient[:, 0] ** 2 * self.sigma_district**2 / self.districts
        share = np.minimum(between / np.maximum(variance, 1e-300), 1.0)
        freedom = (self.districts - 1) / np.maximum(share, 1e-3) ** 2
        reach = np.exp(stdtrit(freedom, (1 + coverage) / 2) * error)
        return NationalEstimate(estimate, estimate * error, estimate / reach, estimate * reach, coverage)

    def rates(
        self, age: ArrayLike, year: ArrayLike, *, level: float = 0.95, per: float = 100_000
    ) -> NationalEstimate:
        """Age-specific rates.

        Parameters
        ----------
        age, year : array_like, shape (cells,)
            Midpoints of age bands and years, within the data.
        level : float
            Coverage of the limits.
        per : float
            Person-years that the rates are expressed per.

        Returns
        -------
        NationalEstimate
            Arrays of shape (cells,).

        Raises
        ------
        InputError
            C014: an age outside the data. C030: a year outside the data, which would be a projection.
        """
        rows = self._rows(age, year)
        return self._limits(per * np.exp(self._log_rate(rows)), rows, level, self.log_correction_se)

    def cases(
        self,
        person_years: ArrayLike,
        age: ArrayLike,
        year: ArrayLike,
        *,
        by: ArrayLike | None = None,
        level: float = 0.95,
    ) -> tuple[np.ndarray, NationalEstimate]:
        """Expected cases of a country of known person-years, summed over the groups of `by` (years).

        Returns
        -------
        index : ndarray, shape (groups,)
            Groups in order of first appearance.
        NationalEstimate
            Arrays of shape (groups,).
        """
        at_risk = require_counts(person_years, "person_years")
        rows = self._rows(age, year)
        require_same_shape(age=rows[:, 0], person_years=at_risk)
        labels = np.asarray(year) if by is None else require_labels(by, at_risk.shape, "by")
        index, place = order_of_appearance(labels)
        expected = at_risk * np.exp(self._log_rate(rows))
        total = totals(place, expected, index.size)
        gradient = np.zeros((index.size, rows.shape[1]))
        np.add.at(gradient, place, expected[:, None] * rows)
        gradient /= np.where(total > 0, total, 1.0)[:, None]
        return index, self._limits(total, gradient, level, self.log_correction_se)

    def _standardised(self, years: ArrayLike, ages: ArrayLike, weights: ArrayLike) -> tuple[Floats, Floats]:
        when, bands = np.atleast_1d(require_finite(years, "years")), require_ages(ages)
        share = require_weights(weights, bands.shape)
        rows = self._rows(np.tile(bands, when.size), np.repeat(when, bands.size))
        rate = share * np.exp(self._log_rate(rows)).reshape(when.size, bands.size)
        total = rate.sum(axis=1)
        gradient = np.einsum("ya,yap->yp", rate, rows.reshape(when.size, bands.size, -1)) / total[:, None]
        return total, gradient

    def standardised_rates(
        self,
        years: ArrayLike,
        ages: ArrayLike,
        weights: ArrayLike,
        *,
        level: float = 0.95,
        per: float = 100_000,
    ) -> NationalEstimate:
        """Age-standardised rates of some years.

        Parameters
        ----------
        years : array_like, shape (years,)
        ages, weights : array_like, shape (ages,)
            Midpoints of the bands and the standard population, on any scale.
        level, per : float
            Coverage of the limits; person-years that the rates are expressed per.

        Returns
        -------
        NationalEstimate
            Arrays of shape (years,).
        """
        total, gradient = self._standardised(years, ages, weights)
        return self._limits(per * total, gradient, level, self.log_correction_se)

    def annual_percent_change(
        self, year_from: float, year_to: float, ages: ArrayLike, weights: ArrayLike, *, level: float = 0.95
    ) -> NationalEstimate:
        """Mean annual percentage change of the standardised rate between two years (TAAM).

        ``100 ((ASR_to / ASR_from)^(1 / (year_to - year_from)) - 1)``; a correction constant in time cancels.

        Returns
        -------
        NationalEstimate
            Numbers in per cent, arrays of shape (1,).
        """
        if not year_to > year_from:
            raise InputError("M013", what="year_from, year_to", where=1)
        total, gradient = self._standardised([year_from, year_to], ages, weights)
        length = year_to - year_from
        growth = np.array([(total[1] / total[0]) ** (1 / length)])
        slope = (gradient[1:] - gradient[:1]) / length
        found = self._limits(growth, slope, level, 0.0)
        return NationalEstimate(
            100 * (found.estimate - 1),
            100 * found.se,
            100 * (found.lower - 1),
            100 * (found.upper - 1),
            found.level,
        )

    def draws(self, age: ArrayLike, year: ArrayLike, n: int, *, seed: int = 0) -> Floats:
        """Draws of the rates per person-year from the posterior of the surface, shape (cells, n)."""
        require_whole(n, "n")
        require_whole(seed, "seed", least=0)
        rows = self._rows(age, year)
        generator = np.random.default_rng(seed)
        shift = self.log_correction + self.log_correction_se * generator.standard_normal(n)
        coefficients = self.fit.simulate(n, seed=seed + 1)
        return np.asarray(np.exp(rows @ coefficients.T + shift))


def fit_national_incidence(
    cases: ArrayLike,
    person_years: ArrayLike,
    age: ArrayLike,
    year: ArrayLike,
    district: ArrayLike,
    *,
    age_knots: int = 8,
    year_knots: int = 6,
) -> NationalIncidence:
    r"""Fit the surface of incidence by age and year over the covered person-years.

    :math:`d \sim \mathrm{Poisson}(t \exp(te(age, year) + b_{district}))`,
    :math:`b \sim N(0, \sigma^2)`, smoothing parameters and :math:`\sigma` by restricted likelihood.

    Parameters
    ----------
    cases, person_years : array_like, shape (cells,)
        Only what the registries cover; cells without person-years (and without cases) are left out.
    age, year, district : array_like, shape (cells,)
        Midpoint of the age band, year, registry district.
    age_knots, year_knots : int
        Knots of the two margins, fewer where there are fewer distinct values.

    Returns
    -------
    NationalIncidence

    Raises
    ------
    InputError
        M001, M002, M003, M007; C001: fewer than three ages or years; C005: no case; C010: fewer than five
        districts.
    EstimateRefused
        C006: no convergence.

    References
    ----------
    .. [1] Uhry Z, et al. Multidimensional penalized splines for incidence and mortality-trend analyses and
       validation of national cancer-incidence estimates. Int J Epidemiol 2020;49:1294-306.
       doi:10.1093/ije/dyaa078
    .. [2] Defossez G, et al. Cancer incidence and mortality trends in France over 1990-2018 for solid
       tumors. BMC Cancer 2021;21:726. doi:10.1186/s12885-021-08261-1

    Examples
    --------
    A rate of 1 per 1 000 that grows by 2 % a year at every age, in six districts alike:

    >>> grid = np.meshgrid([45, 55, 65, 75], np.arange(2000, 2010), range(6))
    >>> age, year, district = (axis.ravel() for axis in grid)
    >>> expected = 1e5 * 0.001 * 1.02 ** (year - 2000)
    >>> surface = fit_national_incidence(expected, np.full(240, 1e5), age, year, district)
    >>> round(float(surface.annual_percent_change(2000, 2009, [45, 75], [1, 1]).estimate[0]), 3)
    2.0
    """
    counts, at_risk = require_events_and_person_years(cases, person_years)
    if counts.ndim != 1 or counts.size == 0:
        raise InputError("M002", what="cases", expected="(cells,)", found=str(counts.shape))
    ages, years = require_ages(age), require_finite(year, "year")
    require_same_shape(cases=counts, age=ages, year=years)
    districts = sortable(require_labels(district, counts.shape, "district"))
    used = at_risk > 0
    counts, at_risk, ages, years, districts = (
        counts[used],
        at_risk[used],
        ages[used],
        years[used],
        districts[used],
    )
    present = np.unique(districts).size if used.any() else 0
    if present < FEWEST_DISTRICTS:
        raise InputError("C010", found=present, least=FEWEST_DISTRICTS)
    surface = tensor(
        cubic_regression("age", ages, size=age_knots), cubic_regression("year", years, size=year_knots)
    )
    design = build_design(
        [surface, random_effect("district", districts)], {"age": ages, "year": years, "district": districts}
    )
    fit = fit_penalised(design, counts, family=POISSON, offset=np.log(at_risk))
    return NationalIncidence(
        sigma_district=float(fit.standard_deviations("district")[0]),
        edf=fit.term_edf(surface.name),
        districts=present,
        first_year=float(years.min()),
        last_year=float(years.max()),
        youngest=float(ages.min()),
        oldest=float(ages.max()),
        fit=fit,
    )
