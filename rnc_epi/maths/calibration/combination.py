"""Several proxies for one disease: choose one, or combine them, judged by districts that neither step saw.

Choosing the proxy with the smallest leave-one-out error, or weights that minimise it, and then quoting that
error, is optimistic. Here each district is predicted by a choice (and by weights) made on the others, whose
own errors come from fits that leave both out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import nnls
from scipy.special import ndtri

from rnc_epi.maths.calibration.curve import require_known, require_spread
from rnc_epi.maths.calibration.groups import order_of_appearance, totals
from rnc_epi.maths.calibration.inputs import FEWEST_DISTRICTS, Cells, require_cells, require_registries
from rnc_epi.maths.calibration.prediction import CalibratedIncidence, log_normal_parameters
from rnc_epi.maths.calibration.validation import leave_out
from rnc_epi.maths.requirements import (
    Floats,
    require_counts,
    require_finite,
    require_positive,
    require_scalar,
    require_whole,
)
from rnc_epi.maths.splines import PenalisedFits
from rnc_epi.vocabulary.errors import InputError

# Weight of the constraint that the shares sum to one, against errors of order 0.1.
_TIE = 1e4
_ROUNDING = 1e-6


@dataclass(frozen=True)
class ProxyCombination:
    """Nested cross-validation of several proxies.

    Attributes
    ----------
    names : tuple of str
        Proxies.
    weights : ndarray, shape (proxies,)
        Shares of the combination, on all districts; they sum to one.
    district : ndarray, shape (districts,)
    errors : ndarray, shape (proxies, districts)
        Plain leave-one-out errors, signed fractions.
    chosen_errors : ndarray, shape (districts,)
        Errors of the single proxy chosen on the other districts.
    combined_errors : ndarray, shape (districts,)
        Errors of the combination weighted on the other districts.
    optimism : float
        Root mean squared error of the choice, less the smallest plain one: what choosing hides.
    correlation : ndarray, shape (proxies, proxies)
        Correlation of the plain errors.
    """

    names: tuple[str, ...]
    weights: Floats
    district: NDArray[np.generic]
    errors: Floats = field(repr=False)
    chosen_errors: Floats = field(repr=False)
    combined_errors: Floats = field(repr=False)
    optimism: float
    correlation: Floats = field(repr=False)

    @property
    def inflation(self) -> float:
        """What shares learned on few districts add to the variance of a combination.

        With k = proxies - 1 free shares on J districts the error of the combination on these same districts
        has (J - k) / J of its variance, and on unseen ones 1 + k / (J - k - 1) times it, the factor of a
        regression on random regressors.
        """
        size, free = self.district.size, len(self.names) - 1
        return size / (size - free) * (1 + free / (size - free - 1))

    @property
    def combination_wins(self) -> bool:
        """Whether the combination has the smaller error on districts that it has not seen."""
        return bool((self.combined_errors**2).mean() < (self.chosen_errors**2).mean())

    def combine(self, results: Sequence[CalibratedIncidence], *, level: float = 0.95) -> CombinedIncidence:
        """Weight the predictions of the proxies.

        The proxies count partly the same patients: the correlation of their errors is that of their
        leave-one-out errors, and the variance follows, times `inflation`.

        Parameters
        ----------
        results : sequence of CalibratedIncidence
            One per proxy, in the order of `names`, over the same groups.
        level : float
            Coverage of the interval.

        Returns
        -------
        CombinedIncidence
        """
        if len(results) != len(self.names):
            raise InputError("C018")
        return weighted_incidence(
            results, self.weights, self.correlation, inflation=self.inflation, level=level
        )


@dataclass(frozen=True)
class CombinedIncidence:
    """Weighted predictions of several proxies; arrays of shape (groups,).

    Attributes
    ----------
    index, estimate, se, lower, upper, estimable
        As :class:`CalibratedIncidence`.
    covariance : ndarray, shape (groups, groups)
        Covariance of the estimates, whose diagonal is the square of `se`.
    level : float
    """

    index: NDArray[np.generic]
    estimate: Floats
    se: Floats
    lower: Floats
    upper: Floats
    estimable: NDArray[np.bool_]
    covariance: Floats = field(repr=False)
    level: float

    def draws(self, n: int, *, seed: int = 0) -> Floats:
        """Joint predictive draws of the groups: log-normal, with the means and covariance of the estimates.

        Parameters
        ----------
        n : int
            Number of draws.
        seed : int
            The same seed gives the same draws.

        Returns
        -------
        ndarray, shape (groups, n)
        """
        require_whole(n, "n")
        require_whole(seed, "seed", least=0)
        usable = self.estimable
        mean = self.estimate[usable]
        spread = np.log1p(self.covariance[np.ix_(usable, usable)] / np.outer(mean, mean))
        values, vectors = np.linalg.eigh(spread)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        normal = np.random.default_rng(seed).standard_normal((mean.size, n))
        found = np.zeros((self.estimate.size, n))
        # Half the variance that is drawn is taken off, so that the draws average to the estimate.
        centre = np.log(mean) - (root**2).sum(axis=1) / 2
        found[usable] = np.exp(centre[:, None] + root @ normal)
        return found


def weighted_incidence(
    results: Sequence[CalibratedIncidence],
    weights: ArrayLike,
    correlation: ArrayLike,
    *,
    inflation: float = 1.0,
    level: float = 0.95,
) -> CombinedIncidence:
    r"""Weighted sum of the predictions of several proxies over the same groups.

    The covariance of two groups is :math:`\sum_{pq} w_p w_q R_{pq} (S_p^{1/2} S_q^{1/2})_{gh}`, with
    :math:`S_p` the covariance of proxy p and R the correlation between the errors of the proxies; it is
    scaled so that the variance of a group is :math:`\sum_{pq} w_p w_q R_{pq} s_{pg} s_{qg}`, times
    `inflation`.

    Parameters
    ----------
    results : sequence of CalibratedIncidence
        One per proxy, over the same groups.
    weights : array_like, shape (proxies,)
        Non-negative shares, which sum to one.
    correlation : array_like, shape (proxies, proxies)
        Correlation of the errors of the proxies, such as :attr:`ProxyCombination.correlation`.
    inflation : float
        Factor of the variance, 1 for shares that are known; :attr:`ProxyCombination.inflation` for shares
        that the districts of the calibration have taught.
    level : float
        Coverage of the interval.

    Returns
    -------
    CombinedIncidence
        Cases by group, with log-normal limits.

    Raises
    ------
    InputError
        C018: predictions of different groups; C025: shares that do not sum to one; C026: no correlation
        matrix; M002: shapes.

    Examples
    --------
    One proxy with all of the weight keeps its estimate and its standard error:

    >>> from rnc_epi.maths.calibration import fit_calibration
    >>> ages, places = np.tile([52.5, 62.5, 72.5], 5), np.repeat(list("abcde"), 3)
    >>> cases = np.tile([50.0, 100.0, 120.0], 5)
    >>> one = fit_calibration(cases, cases, ages, places).predict([70.0], [62.5], ["f"])
    >>> both = weighted_incidence([one, one], [1.0, 0.0], np.eye(2))
    >>> bool(np.isclose(both.estimate[0], one.estimate[0])), bool(np.isclose(both.se[0], one.se[0]))
    (True, True)
    """
    share = require_counts(weights, "weights")
    ties = require_finite(correlation, "correlation")
    count = len(results)
    if share.shape != (count,):
        raise InputError("M002", what="weights", expected=f"({count},)", found=str(share.shape))
    if ties.shape != (count, count):
        raise InputError("M002", what="correlation", expected=f"({count}, {count})", found=str(ties.shape))
    if abs(share.sum() - 1) > _ROUNDING:
        raise InputError("C025")
    unlike = np.abs(ties - ties.T).max() > _ROUNDING or np.abs(np.diag(ties) - 1).max() > _ROUNDING
    if unlike or np.abs(ties).max() > 1 + _ROUNDING:
        raise InputError("C026")
    if any(not np.array_equal(result.index, results[0].index) for result in results):
        raise InputError("C018")
    estimate = share @ np.stack([result.estimate for result in results])
    ses = np.stack([result.se for result in results]) * share[:, None]
    factor = float(require_positive(require_scalar(inflation, "inflation"), "inflation"))
    variance = factor * np.einsum("pg,pq,qg->g", ses, ties, ses)
    roots = np.stack(
        [size * _symmetric_root(result.covariance) for size, result in zip(share, results, strict=True)]
    )
    covariance = np.einsum("pgk,pq,qhk->gh", roots, ties, roots, optimize=True)
    spread = np.sqrt(np.diag(covariance))
    scale = np.sqrt(variance) / np.where(spread > 0, spread, 1.0)
    usable = estimate > 0
    lower, upper = np.zeros_like(estimate), np.zeros_like(estimate)
    centre, own = log_normal_parameters(estimate[usable], variance[usable])
    reach = ndtri((1 + level) / 2) * np.sqrt(own)
    lower[usable], upper[usable] = np.exp(centre - reach), np.exp(centre + reach)
    return CombinedIncidence(
        index=results[0].index,
        estimate=estimate,
        se=np.sqrt(variance),
        lower=lower,
        upper=upper,
        estimable=usable,
        covariance=covariance * np.outer(scale, scale),
        level=level,
    )


def _symmetric_root(covariance: Floats) -> Floats:
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T)


def shares(errors: Floats) -> Floats:
    """Non-negative shares summing to one that minimise the mean squared combined error.

    Parameters
    ----------
    errors : ndarray, shape (proxies, districts)

    Returns
    -------
    ndarray, shape (proxies,)

    Examples
    --------
    Independent errors of variance 1 and 4 are weighted 4 to 1 (Bates and Granger 1969):

    >>> one = np.array([1.0, -1.0, 1.0, -1.0])
    >>> two = np.array([2.0, 2.0, -2.0, -2.0])
    >>> [round(float(s), 4) for s in shares(np.stack([one, two]))]
    [0.8, 0.2]
    """
    system = np.vstack([errors.T, _TIE * np.ones(len(errors))])
    solution, _ = nnls(system, np.concatenate([np.zeros(errors.shape[1]), [_TIE]]))
    return np.asarray(solution / solution.sum())


def _errors_leaving_pairs(cells: Cells, place: NDArray[np.intp], count: int) -> Floats:
    """Error of district k without j and k, shape (districts left out j, districts predicted k).

    Without one district the smoothing is searched anew; without two it is the mean of the two searches, which
    leaves the errors where they are (they serve to choose only) and takes a quarter of the time.
    """
    alone, age_place, rows = leave_out(cells, place[None] == np.arange(count)[:, None])
    pairs = np.stack(np.triu_indices(count, 1)).T
    left_out = (place[None] == pairs[:, :1]) | (place[None] == pairs[:, 1:])
    smoothing = (alone.log_smoothing[pairs[:, 0]] + alone.log_smoothing[pairs[:, 1]]) / 2
    both, _, _ = leave_out(cells, left_out, log_smoothing=smoothing)
    counts = np.zeros((count, rows.shape[0]))
    np.add.at(counts, (place, age_place), cells.proxy)
    observed = totals(place, cells.incident, count)

    # Ages without any proxy are not needed: their ratio may be anything.
    needed = counts.sum(axis=0) > 0

    def inverse_ratio(fits: PenalisedFits) -> Floats:
        sigma = require_spread(fits.standard_deviations("district")[:, 0])
        log_ratio = fits.coefficients @ rows.T + sigma[:, None] ** 2 / 2
        return np.exp(-require_known(log_ratio, np.zeros_like(log_ratio), needed))

    errors = np.empty((count, count))
    np.fill_diagonal(errors, (counts * inverse_ratio(alone)).sum(axis=1) / observed - 1)
    for (j, k), inverse in zip(pairs, inverse_ratio(both), strict=True):
        errors[j, k] = counts[k] @ inverse / observed[k] - 1
        errors[k, j] = counts[j] @ inverse / observed[j] - 1
    return errors


def combine_proxies(
    incident: ArrayLike, proxies: Mapping[str, ArrayLike], age: ArrayLike, district: ArrayLike
) -> ProxyCombination:
    """Compare choosing one proxy with weighting them all, by nested leave-one-out.

    Parameters
    ----------
    incident, age, district : array_like, shape (cells,)
        As :func:`fit_calibration`.
    proxies : mapping of str to array_like, shape (cells,)
        At least two proxies of the same cells.

    Returns
    -------
    ProxyCombination

    Raises
    ------
    InputError
        As :func:`fit_calibration` for each proxy; C010: fewer than six districts with incident cases;
        C019: fewer than two proxies.

    References
    ----------
    .. [1] Bates JM, Granger CWJ. The combination of forecasts. Oper Res Q 1969;20:451-68.
       doi:10.1057/jors.1969.103
    .. [2] Varma S, Simon R. Bias in error estimation when using cross-validation for model selection.
       BMC Bioinformatics 2006;7:91. doi:10.1186/1471-2105-7-91
    """
    if len(proxies) < 2:
        raise InputError("C019", found=len(proxies))
    names = tuple(proxies)
    by_pair = []
    for name in names:
        cells = require_cells(incident, proxies[name], age, district)
        require_registries(cells)
        every, place_of_every = order_of_appearance(cells.district)
        seen = totals(place_of_every, cells.incident, every.size)[place_of_every] > 0
        cells = Cells(cells.incident[seen], cells.proxy[seen], cells.age[seen], cells.district[seen])
        index, place = order_of_appearance(cells.district)
        if index.size <= FEWEST_DISTRICTS:
            raise InputError("C010", found=index.size, least=FEWEST_DISTRICTS + 1)
        by_pair.append(_errors_leaving_pairs(cells, place, index.size))
    inner = np.stack(by_pair)
    count = index.size
    plain = np.ascontiguousarray(inner[:, np.arange(count), np.arange(count)])
    chosen, combined = np.empty(count), np.empty(count)
    for j in range(count):
        others = np.arange(count) != j
        seen_errors = inner[:, j, others]
        chosen[j] = plain[np.argmin((seen_errors**2).mean(axis=1)), j]
        combined[j] = shares(seen_errors) @ plain[:, j]
    mean_square = (plain**2).mean(axis=1)
    size = np.sqrt(mean_square)
    # Raw second moments, not centred: a bias that proxies share is part of what they have in common.
    safe = np.where(size > 0, size, 1.0)
    correlation = (plain @ plain.T / count) / np.outer(safe, safe)
    np.fill_diagonal(correlation, 1.0)
    return ProxyCombination(
        names=names,
        weights=shares(plain),
        district=index,
        errors=plain,
        chosen_errors=chosen,
        combined_errors=combined,
        optimism=float(np.sqrt((chosen**2).mean()) - size.min()),
        correlation=correlation,
    )
