"""Moran's coefficient judged by permutations: against all permutations, against esda, against chance."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pytest
from esda import Moran
from libpysal.weights import W

from rnc_epi.maths.autocorrelation import permutation_test
from rnc_epi.vocabulary.errors import InputError
from tests.reference.maps import lattice

LINE = np.array([[0, 1], [1, 2], [2, 3], [3, 4]])
VALUES = np.array([1.0, 2.5, 2.0, 4.0, 7.0])


def moran(values: np.ndarray) -> float:
    z = values - values.mean()
    around = {k: [j for pair in LINE.tolist() for j in pair if k in pair and j != k] for k in range(5)}
    return sum(z[k] * np.mean([z[j] for j in around[k]]) for k in range(5))


def test_the_p_value_is_that_of_all_permutations():
    every = np.array([moran(VALUES[list(order)]) for order in permutations(range(5))])
    exact = float((every >= moran(VALUES) - 1e-12).mean())
    found = permutation_test(VALUES, LINE, permutations=9999, seed=1).p_value
    # Four Monte Carlo errors of a share.
    assert found == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 9999))


def test_the_neighbours_of_an_area_are_drawn_from_the_others():
    found = permutation_test(VALUES, LINE, permutations=9999, seed=2).local_p_value
    for area, neighbours in ((0, [1]), (2, [1, 3]), (4, [3])):
        others = [k for k in range(5) if k != area]
        drawn = np.array([VALUES[list(two)].mean() for two in combinations(others, len(neighbours))])
        actual = VALUES[neighbours].mean()
        exact = min(1.0, 2 * min((drawn >= actual - 1e-12).mean(), (drawn <= actual + 1e-12).mean()))
        assert found[area] == pytest.approx(exact, abs=0.04)


def test_local_p_values_of_a_map_without_pattern_are_uniform():
    edges = lattice(20, 20)
    values = np.random.default_rng(3).standard_normal(400)
    found = permutation_test(values, edges, permutations=499, seed=3).local_p_value
    # 400 p-values share neighbours: about a hundred independent ones, four standard errors.
    for share in (0.1, 0.25, 0.5):
        assert (found <= share).mean() == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / 100))
    assert (found <= 0.5).mean() < 0.62


def test_a_pattern_is_seen_as_esda_sees_it():
    edges = lattice(8, 8)
    rng = np.random.default_rng(4)
    values = np.add.outer(np.arange(8.0), np.arange(8.0)).ravel() + 4 * rng.standard_normal(64)
    around: dict[int, list[int]] = {k: [] for k in range(64)}
    for a, b in edges.tolist():
        around[a].append(b)
        around[b].append(a)
    normal = Moran(values, W(around), permutations=0)
    found = permutation_test(values, edges, permutations=9999, seed=5).p_value
    # The normal approximation of esda is one-sided here; on 64 areas it is good to a factor of two.
    assert 0.4 < found / (normal.p_rand / 2) < 2.5


def test_equal_values_and_maps_of_islands_have_no_p_value():
    assert np.isnan(permutation_test(np.ones(5), LINE).p_value)
    alone = permutation_test(VALUES, np.zeros((0, 2), int))
    assert np.isnan(alone.p_value)
    assert np.isnan(alone.local_p_value).all()
    apart = permutation_test(VALUES, LINE[:3], permutations=99)
    assert np.isnan(apart.local_p_value).tolist() == [False] * 4 + [True]
    for wrong in (np.ones((2, 2)), np.zeros(0)):
        with pytest.raises(InputError):
            permutation_test(wrong, LINE)


@pytest.mark.parametrize("seed", [-1, None, 1.5])
def test_a_seed_that_is_no_whole_number_is_refused(seed):
    with pytest.raises(InputError) as refusal:
        permutation_test([1.0, 2.0, 4.0], [[0, 1], [1, 2]], permutations=9, seed=seed)
    assert refusal.value.code == "M004"
