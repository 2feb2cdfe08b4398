"""The scan on maps small enough to do by hand, and what must hold on any map."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from rnc_epi.maths.scan import circular_scan
from rnc_epi.vocabulary.errors import InputError

LINE = np.arange(6.0)
#: The third and the fourth area are the nearest of one another: a circle can hold them alone.
PAIR = np.array([0.0, 1.0, 2.0, 2.9, 4.0, 5.0])


def test_the_likelihood_ratio_of_two_hot_areas_by_hand():
    # 38 cases of 46 in two areas of six: ratio = 38 log(38 / (46/3)) + 8 log(8 / (92/3)).
    result = circular_scan([2, 3, 20, 18, 1, 2], np.full(6, 5.0), PAIR, np.zeros(6), replicates=99)
    cluster = result.clusters[0]
    assert sorted(cluster.areas) == [2, 3]
    assert cluster.expected == pytest.approx(46 / 3)
    assert cluster.log_likelihood_ratio == pytest.approx(
        38 * np.log(38 * 3 / 46) + 8 * np.log(8 * 3 / 92), rel=1e-12
    )
    assert cluster.relative_risk == pytest.approx((38 / (46 / 3)) / (8 / (92 / 3)), rel=1e-12)


def test_the_best_circle_is_the_best_of_all_circles():
    rng = np.random.default_rng(3)
    x, y = rng.random((2, 25))
    expected = rng.gamma(3, 1, 25)
    cases = rng.poisson(expected * 1.2)
    scaled = expected * cases.sum() / expected.sum()
    total, best = cases.sum(), (0.0, ())
    for centre, count in itertools.product(range(25), range(1, 25)):
        inside = np.argsort((x - x[centre]) ** 2 + (y - y[centre]) ** 2)[:count]
        c, e = cases[inside].sum(), scaled[inside].sum()
        if e <= total / 2 and c > e:
            ratio = c * np.log(c / e) + (total - c) * np.log((total - c) / (total - e))
            best = max(best, (ratio, tuple(sorted(inside.tolist()))))
    found = circular_scan(cases, expected, x, y, replicates=9).clusters[0]
    assert found.log_likelihood_ratio == pytest.approx(best[0], rel=1e-12)
    assert tuple(sorted(found.areas.tolist())) == best[1]


def test_areas_at_one_distance_enter_a_circle_together_in_any_order():
    rng = np.random.default_rng(11)
    for _ in range(20):
        # Twenty of the points of a grid, and two at one point: every centre has neighbours at one distance.
        places = rng.permutation(np.array(list(itertools.product(range(5), range(5)))))[:20].astype(float)
        places[-1] = places[0]
        x, y = places.T
        expected = rng.gamma(3, 1, 20)
        cases = rng.poisson(expected * 1.5)
        scaled = expected * cases.sum() / expected.sum()
        total, best = cases.sum(), 0.0
        for centre, reach in itertools.product(range(20), range(20)):
            away = (x - x[centre]) ** 2 + (y - y[centre]) ** 2
            inside = away <= away[reach]
            c, e = cases[inside].sum(), scaled[inside].sum()
            if e <= total / 2 and c > e:
                outside = (total - c) * np.log((total - c) / (total - e)) if c < total else 0.0
                best = max(best, c * np.log(c / e) + outside)
        found = circular_scan(cases, expected, x, y, replicates=9).clusters
        # On whole coordinates equal distances are equal numbers.
        assert (found[0].log_likelihood_ratio if found else 0.0) == pytest.approx(best, rel=1e-12)
        other = rng.permutation(20)
        again = circular_scan(cases[other], expected[other], x[other], y[other], replicates=9).clusters
        if found:
            assert sorted(other[again[0].areas]) == sorted(found[0].areas)


def test_the_maximum_of_a_random_map_is_that_of_a_scan_of_it():
    # The pruned loop over replicates and the plain one over the observed map must agree.
    rng = np.random.default_rng(8)
    x, y = rng.random((2, 40))
    expected = rng.gamma(2, 2, 40)
    cases = rng.poisson(expected)
    result = circular_scan(cases, expected, x, y, replicates=30, seed=5)
    replicates = np.random.default_rng(5).multinomial(cases.sum(), expected / expected.sum(), size=30)
    for replicate, maximum in zip(replicates, result.replicate_maxima, strict=True):
        clusters = circular_scan(replicate, expected, x, y, replicates=1).clusters
        assert (clusters[0].log_likelihood_ratio if clusters else 0.0) == pytest.approx(maximum, rel=1e-9)


def test_clusters_do_not_overlap_and_come_by_decreasing_ratio():
    rng = np.random.default_rng(4)
    x, y = rng.random((2, 60))
    result = circular_scan(rng.poisson(6, 60), np.full(60, 6.0), x, y, replicates=9)
    members = np.concatenate([c.areas for c in result.clusters])
    assert len(set(members.tolist())) == members.size
    ratios = [c.log_likelihood_ratio for c in result.clusters]
    assert ratios == sorted(ratios, reverse=True)


def test_the_p_value_of_a_map_without_cluster_is_uniform():
    rng = np.random.default_rng(11)
    x, y = rng.random((2, 30))
    p = [
        circular_scan(
            rng.multinomial(150, np.full(30, 1 / 30)), np.full(30, 5.0), x, y, replicates=99, seed=k
        )
        .clusters[0]
        .p_value
        for k in range(200)
    ]
    # Share below 0.1 among 200: three standard errors of a share.
    assert abs(np.mean(np.array(p) <= 0.1) - 0.1) < 3 * np.sqrt(0.09 / 200)


def test_a_flat_map_has_no_cluster():
    assert circular_scan(np.full(6, 4), np.full(6, 4.0), LINE, np.zeros(6), replicates=9).clusters == ()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"observed": np.zeros(6)}, "A011"),
        ({"observed": -np.ones(6)}, "M001"),
        ({"expected": np.zeros(6)}, "M009"),
        ({"x": np.full(6, np.nan)}, "M007"),
        ({"y": np.zeros(5)}, "M002"),
        ({"largest_share": 0.6}, "M004"),
        ({"replicates": 0}, "M004"),
    ],
)
def test_wrong_input_has_its_code(change, code):
    arguments = {"observed": np.ones(6), "expected": np.ones(6), "x": LINE, "y": np.zeros(6), **change}
    with pytest.raises(InputError) as caught:
        circular_scan(**arguments)
    assert caught.value.code == code


def test_a_population_of_nobody_is_refused():
    with pytest.raises(InputError) as refusal:
        circular_scan([3, 2], [1.0, 2.0], [0.0, 1.0], [0.0, 0.0], population=[0, 0])
    assert refusal.value.code == "M009"
