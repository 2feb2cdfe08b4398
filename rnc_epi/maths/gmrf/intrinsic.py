"""The intrinsic autoregression of a map: its structure, its scale, and how far it is from independence.

The structure matrix R = D - W of a map knows differences between neighbours and nothing of levels: it has
one zero eigenvalue per connected component. Two readings of R are offered: as it is, and scaled so that in
each component the geometric mean of the marginal variances is 1 (Sørbye and Rue 2014,
doi:10.1016/j.spasta.2013.06.004; Freni-Sterrantino, Ventrucci and Rue 2018, doi:10.1016/j.sste.2018.04.003).
An area without neighbours has R = 1: a standard normal of its own, without constraint, so that it varies as
much as its peers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from rnc_epi.maths.gmrf.bordered import Constraints
from rnc_epi.maths.gmrf.factor import Factor
from rnc_epi.maths.gmrf.symbolic import Analysis, analyse

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class IntrinsicField:
    """Structure of a map of `size` areas joined by `edges` (m, 2), each pair once.

    Examples
    --------
    >>> import numpy as np
    >>> field = IntrinsicField(4, np.array([[0, 1], [1, 2]]))       # a line of three and an island
    >>> field.constraints.number, field.rank
    (1, 3)
    >>> np.round(field.scaled_variances, 3)
    array([1.357, 0.543, 1.357, 1.   ])
    """

    size: int
    edges: Integers

    @cached_property
    def component(self) -> Integers:
        """Connected component of each area (size,)."""
        ones = np.ones(len(self.edges))
        graph = coo_array((ones, (self.edges[:, 0], self.edges[:, 1])), shape=(self.size, self.size))
        return np.asarray(connected_components(graph, directed=False)[1], np.int64)

    @cached_property
    def component_sizes(self) -> Integers:
        """Number of areas of each component."""
        return np.bincount(self.component)

    @cached_property
    def constraints(self) -> Constraints:
        """One sum-to-zero constraint for each component of two areas or more."""
        joined = self.component_sizes > 1
        label = np.where(joined, np.cumsum(joined) - 1, -1)
        return Constraints(label[self.component], int(joined.sum()), separate=True)

    @cached_property
    def rank(self) -> int:
        """Rank of R: areas less constraints."""
        return self.size - self.constraints.number

    @cached_property
    def analysis(self) -> Analysis:
        """Symbolic factorisation of any matrix with the pattern of R."""
        return analyse(self.size, self.edges[:, 0], self.edges[:, 1])

    @cached_property
    def _diagonal(self) -> Integers:
        everyone = np.arange(self.size, dtype=np.int64)
        return self.analysis.positions(everyone, everyone)

    @cached_property
    def identity(self) -> Floats:
        """Entries of the identity."""
        entries = np.zeros(self.analysis.entries)
        entries[self._diagonal] = 1.0
        return entries

    def _structure(self, weight: Floats) -> Floats:
        # `weight` multiplies the rows of each area; it is constant within a component.
        degree = np.bincount(self.edges.ravel(), minlength=self.size).astype(np.float64)
        entries = np.zeros(self.analysis.entries)
        entries[self._diagonal] = np.where(degree > 0, degree * weight, 1.0)
        entries[self.analysis.positions(self.edges[:, 0], self.edges[:, 1])] = -weight[self.edges[:, 0]]
        return entries

    @cached_property
    def plain(self) -> Floats:
        """Entries of R."""
        return self._structure(np.ones(self.size))

    @cached_property
    def scaled(self) -> Floats:
        """Entries of R scaled per component."""
        return self._structure(self.scale)

    @cached_property
    def _grounded(self) -> tuple[Floats, float]:
        """Marginal variances of the plain field (size,) and log pseudo-determinant of R."""
        # R is made invertible by adding 1 to the diagonal of one area e of each component. With G = (R +
        # ee')^-1, centring G over the component gives the Moore-Penrose inverse of R exactly: R G R = R
        # because G e = 1. Its pseudo-determinant is size x det(R + ee'), by the matrix-tree theorem.
        label = self.component
        _, ground = np.unique(label, return_index=True)
        ground = ground[self.component_sizes > 1]
        entries = self.plain.copy()
        entries[self._diagonal[ground]] += 1.0
        factor = Factor(self.analysis, entries)
        count = self.component_sizes[label]
        row_mean = factor.solve(np.ones(self.size)) / count
        mean = np.bincount(label, row_mean)[label] / count
        joined = count > 1
        variances = np.where(joined, factor.variances() - 2.0 * row_mean + mean, 1.0)
        sizes = self.component_sizes[self.component_sizes > 1]
        return variances, factor.log_determinant + float(np.log(sizes).sum())

    @cached_property
    def plain_variances(self) -> Floats:
        """Diagonal of the generalised inverse of R (size,)."""
        return self._grounded[0]

    @cached_property
    def scale(self) -> Floats:
        """Geometric mean of the marginal variances of the component of each area (size,)."""
        log_mean = np.bincount(self.component, np.log(self.plain_variances)) / self.component_sizes
        return np.asarray(np.exp(log_mean)[self.component])

    @property
    def scaled_variances(self) -> Floats:
        """Marginal variances of the scaled field (size,): geometric mean 1 in each component."""
        return np.asarray(self.plain_variances / self.scale)

    @property
    def plain_log_determinant(self) -> float:
        """Log pseudo-determinant of R."""
        return self._grounded[1]

    @cached_property
    def scaled_log_determinant(self) -> float:
        """Log pseudo-determinant of the scaled R."""
        constrained = self.constraints.group >= 0
        sizes = np.bincount(self.constraints.group[constrained], minlength=self.constraints.number)
        log_scale = np.bincount(
            self.constraints.group[constrained],
            np.log(self.scale[constrained]),
            minlength=self.constraints.number,
        )
        return self.plain_log_determinant + float((log_scale * (sizes - 1) / np.maximum(sizes, 1)).sum())

    def mixing_divergence(self, mixing: Floats) -> Floats:
        """Return the Kullback-Leibler divergence of the BYM2 field from independence.

        The field sqrt(1 - phi) v + sqrt(phi) u has covariance S = (1 - phi) I + phi R^-, with R^- the
        generalised inverse of the scaled structure, and the divergence of N(0, S) from N(0, I) is (tr S - n
        - log|S|) / 2 (Simpson et al. 2017, doi:10.1214/16-STS576; Riebler et al. 2016,
        doi:10.1177/0962280216660421, sec. 4.1). The determinant comes from the sparse matrix (1 - phi) R +
        phi I, without eigenvalues: |S| = |(1 - phi) R + phi I| / |R| over the non-null space, times (1 -
        phi) for each null direction.

        Parameters
        ----------
        mixing : array (k,)
            phi, strictly between 0 and 1.
        """
        null = self.constraints.number
        excess = float(self.scaled_variances.sum()) - self.size
        result = np.empty(mixing.size)
        for index, phi in enumerate(mixing):
            factor = Factor(self.analysis, (1.0 - phi) * self.scaled + phi * self.identity)
            log_determinant = (
                factor.log_determinant
                - null * np.log(phi)
                - self.scaled_log_determinant
                + null * np.log1p(-phi)
            )
            result[index] = 0.5 * (phi * excess - log_determinant)
        return result

    @cached_property
    def mixing_distance(self) -> CubicSpline:
        """Spline of log sqrt(2 divergence) against logit(phi), from -7 to 9."""
        # Below phi = 0.001 the divergence is a difference of nearly equal numbers; there the distance is
        # proportional to phi, and whoever reads the spline continues it by that straight line.
        logit = np.linspace(-7.0, 9.0, 25)
        divergence = self.mixing_divergence(1.0 / (1.0 + np.exp(-logit)))
        return CubicSpline(logit, 0.5 * np.log(2.0 * divergence))
