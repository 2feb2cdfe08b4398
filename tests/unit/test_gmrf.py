"""Sparse factorisation, inverse entries, bordering and the intrinsic field against dense linear algebra."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg

from rnc_epi.maths.gmrf import Analysis, BorderedFactor, Factor, IntrinsicField, NotPositiveDefinite, analyse

# Dense and sparse arithmetic round differently; entries are of order 1 and sizes below 100.
ROUNDING = 1e-11


def random_map(size: int, edges: int, seed: int, islands: int = 2) -> IntrinsicField:
    rng = np.random.default_rng(seed)
    pairs = np.sort(rng.integers(0, size - islands, (edges, 2)), axis=1)
    return IntrinsicField(size, np.unique(pairs[pairs[:, 0] != pairs[:, 1]], axis=0))


def dense(analysis: Analysis, entries: np.ndarray) -> np.ndarray:
    lower = np.zeros((analysis.size, analysis.size))
    rows = np.repeat(np.arange(analysis.size), np.diff(analysis.entry_start))
    lower[rows, analysis.entry_column] = entries
    full = lower + np.tril(lower, -1).T
    return full[np.ix_(analysis.place, analysis.place)]


def precision(field: IntrinsicField, seed: int) -> tuple[np.ndarray, np.ndarray]:
    weights = np.random.default_rng(seed).uniform(0.1, 3.0, field.size)
    everyone = np.arange(field.size)
    entries = field.scaled.copy()
    entries[field.analysis.positions(everyone, everyone)] += weights
    return entries, dense(field.analysis, entries)


@pytest.fixture
def field() -> IntrinsicField:
    return random_map(60, 130, seed=4)


def test_the_structure_of_a_line_of_three_is_the_one_written_in_books():
    line = IntrinsicField(3, np.array([[0, 1], [1, 2]]))
    assert dense(line.analysis, line.plain).tolist() == [[1, -1, 0], [-1, 2, -1], [0, -1, 1]]


def test_the_generalised_inverse_of_a_line_of_three_has_diagonal_five_two_five_ninths():
    # By hand: eigenvalues 1 and 3 with vectors (1, 0, -1)/sqrt 2 and (1, -2, 1)/sqrt 6.
    line = IntrinsicField(3, np.array([[0, 1], [1, 2]]))
    np.testing.assert_allclose(line.plain_variances, [5 / 9, 2 / 9, 5 / 9], rtol=1e-13)
    assert line.plain_log_determinant == pytest.approx(np.log(1 * 3), rel=1e-13)
    np.testing.assert_allclose(line.scale, np.full(3, (5 * 2 * 5) ** (1 / 3) / 9), rtol=1e-13)


def test_solutions_and_determinant_are_those_of_the_dense_matrix(field):
    entries, matrix = precision(field, seed=1)
    factor = Factor(field.analysis, entries)
    right = np.random.default_rng(2).normal(size=(60, 3))
    np.testing.assert_allclose(factor.solve(right), np.linalg.solve(matrix, right), atol=ROUNDING)
    np.testing.assert_allclose(factor.solve(right[:, 0]), np.linalg.solve(matrix, right[:, 0]), atol=ROUNDING)
    assert factor.log_determinant == pytest.approx(np.linalg.slogdet(matrix)[1], abs=ROUNDING)


def test_inverse_entries_are_those_of_the_dense_inverse(field):
    entries, matrix = precision(field, seed=3)
    factor = Factor(field.analysis, entries)
    inverse = np.linalg.inv(matrix)
    np.testing.assert_allclose(factor.variances(), np.diag(inverse), atol=ROUNDING)
    analysis = field.analysis
    rows = np.repeat(np.arange(60), np.diff(analysis.entry_start))
    wanted = inverse[analysis.order[rows], analysis.order[analysis.entry_column]]
    np.testing.assert_allclose(factor.covariances(), wanted, atol=ROUNDING)


def test_a_pattern_with_no_joined_pair_is_a_diagonal_matrix():
    analysis = analyse(3, np.array([], int), np.array([], int))
    factor = Factor(analysis, np.array([1.0, 2.0, 4.0])[analysis.order])
    assert factor.solve(np.ones(3)).tolist() == [1.0, 0.5, 0.25]
    assert factor.variances().tolist() == [1.0, 0.5, 0.25]


def test_a_hub_joined_to_everyone_makes_no_fill():
    # Eliminating the leaves first leaves only the entries of the matrix.
    analysis = analyse(200, np.zeros(199, int), np.arange(1, 200))
    assert analysis.fill == 199


def test_a_matrix_that_is_no_precision_is_refused(field):
    with pytest.raises(NotPositiveDefinite):
        Factor(field.analysis, -field.identity)


def bordered(field: IntrinsicField) -> tuple[BorderedFactor, Factor, np.ndarray, np.ndarray, np.ndarray]:
    """Return the sparse object, its factor, and the dense covariance and restricted precision."""
    rng = np.random.default_rng(8)
    entries, matrix = precision(field, seed=5)
    border, corner = rng.normal(size=(60, 2)), np.array([[90.0, 3.0], [3.0, 80.0]])
    factor = Factor(field.analysis, entries)
    sparse = BorderedFactor(factor, field.constraints, border, corner)
    full = np.block([[matrix, border], [border.T, corner]])
    zero = np.c_[field.constraints.indicators().T, np.zeros((field.constraints.number, 2))]
    free = scipy.linalg.null_space(zero)
    restricted = free.T @ full @ free
    return sparse, factor, free @ np.linalg.inv(restricted) @ free.T, restricted, border


def test_fixed_effects_and_constraints_are_those_of_the_dense_restricted_matrix(field):
    sparse, factor, covariance, restricted, _ = bordered(field)
    assert sparse.log_determinant == pytest.approx(np.linalg.slogdet(restricted)[1], abs=ROUNDING)
    right = np.random.default_rng(9).normal(size=62)
    np.testing.assert_allclose(
        np.r_[*sparse.solve(right[:60], right[60:])], covariance @ right, atol=ROUNDING
    )
    effects = np.random.default_rng(10).normal(size=(60, 2))
    rows = np.c_[np.eye(60), effects]
    variance = sparse.row_variances(factor.variances(), effects)
    np.testing.assert_allclose(variance, np.einsum("ij,jk,ik->i", rows, covariance, rows), atol=ROUNDING)
    np.testing.assert_allclose(sparse.effects_covariance(), covariance[60:, 60:], atol=ROUNDING)


def test_draws_of_field_and_effects_have_the_covariance_of_the_dense_matrix(field):
    sparse, _, covariance, _, _ = bordered(field)
    rng = np.random.default_rng(11)
    x, b = sparse.sample(rng.normal(size=(60, 100_000)), rng.normal(size=(2, 100_000)))
    assert np.abs(field.constraints.indicators().T @ x).max() < 1e-10
    error = np.cov(np.r_[x, b]) - covariance
    # Standard error of a covariance from 1e5 draws is at most var sqrt(2 / 1e5); 2 000 entries, five errors.
    assert np.abs(error).max() < 5 * np.sqrt(2e-5) * np.diag(covariance).max()


def test_the_scaled_field_has_geometric_mean_variance_one_in_each_component():
    field = IntrinsicField(9, np.array([[0, 1], [1, 2], [2, 3], [4, 5], [5, 6]]))
    matrix = dense(field.analysis, field.scaled)
    variances = np.diag(np.linalg.pinv(matrix))
    for members in ([0, 1, 2, 3], [4, 5, 6], [7], [8]):
        assert np.log(variances[members]).mean() == pytest.approx(0.0, abs=1e-12)
    np.testing.assert_allclose(field.scaled_variances, variances, atol=ROUNDING)


def test_the_divergence_of_the_mixed_field_is_the_one_of_its_dense_covariance(field):
    covariance = np.linalg.pinv(dense(field.analysis, field.scaled))
    for phi in (0.05, 0.5, 0.97):
        mixed = (1 - phi) * np.eye(60) + phi * covariance
        wanted = 0.5 * (np.trace(mixed) - 60 - np.linalg.slogdet(mixed)[1])
        assert field.mixing_divergence(np.array([phi]))[0] == pytest.approx(wanted, rel=1e-10)


def test_the_spline_of_the_distance_is_within_a_ten_thousandth_between_its_knots(field):
    logit = np.linspace(-6.9, 6.9, 40)
    exact = np.sqrt(2 * field.mixing_divergence(1 / (1 + np.exp(-logit))))
    np.testing.assert_allclose(np.exp(field.mixing_distance(logit)), exact, rtol=1e-4)


def test_the_log_determinant_of_the_structure_counts_its_non_zero_eigenvalues(field):
    for entries, found in (
        (field.plain, field.plain_log_determinant),
        (field.scaled, field.scaled_log_determinant),
    ):
        values = np.linalg.eigvalsh(dense(field.analysis, entries))
        assert found == pytest.approx(np.log(values[values > 1e-9]).sum(), abs=1e-9)
