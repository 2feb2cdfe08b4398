"""Capture-recapture against published counts and hand calculations."""

import numpy as np
import pytest

from rnc_epi.maths.capture import chapman, log_linear_capture

# Spina bifida in upstate New York, 626 cases by three sources: birth certificates, death certificates,
# medical rehabilitation (Hook and Regal; Madigan and York 1997). The first source varies fastest.
SPINA = np.array([0, 60, 49, 4, 247, 112, 142, 12], dtype=float).reshape(2, 2, 2).T


def model(found, *interactions):
    return next(m for m in found.models if m.interactions == interactions)


def test_spina_bifida_has_the_estimates_of_the_literature():
    found = log_linear_capture(SPINA)
    # 731 and 759 are the values quoted in the literature; the others are the closed forms or Poisson fits.
    expected = {
        (): (763.89, 58.35, 3),
        ((0, 1),): (730.93, 3.860, 2),
        ((0, 2),): (755.94, 58.09, 2),
        ((1, 2),): (831.31, 46.85, 2),
        ((0, 1), (0, 2)): (711.23, 0.668, 1),
        ((0, 1), (1, 2)): (758.32, 0.003, 1),
        ((0, 2), (1, 2)): (1361.00, 37.50, 1),
        ((0, 1), (0, 2), (1, 2)): (762.98, 0.0, 0),
    }
    assert len(found.models) == 8
    for interactions, (total, deviance, freedom) in expected.items():
        one = model(found, *interactions)
        # Two decimals are given, and half of the last one is allowed.
        assert one.estimate.total == pytest.approx(total, abs=0.006)
        assert one.deviance == pytest.approx(deviance, abs=0.006)
        assert one.degrees_of_freedom == freedom
    assert found.best.interactions == ((0, 1),)
    assert found.averaged.lower < 730.93 < found.averaged.upper
    assert not found.excluded


def test_two_conditionally_independent_sources_have_a_closed_form():
    # Sources 1 and 2 dependent, 3 independent of both: unseen = n(00,1) n(12 any,0) / n(12 any,1).
    any_first = SPINA.copy()
    in_third = any_first[:, :, 1].ravel()[1:].sum()
    not_third = any_first[:, :, 0].ravel()[1:].sum()
    hidden = SPINA[0, 0, 1] * not_third / in_third
    found = model(log_linear_capture(SPINA), (0, 1))
    assert found.estimate.total == pytest.approx(626 + hidden, rel=1e-8)


@pytest.mark.parametrize(
    ("sources", "total", "se"),
    [((0, 1), 2311.47, 498.26), ((0, 2), 776.17, 35.05), ((1, 2), 688.75, 23.30)],
)
def test_chapman_on_pairs_of_sources(sources, total, se):
    other = ({0, 1, 2} - set(sources)).pop()
    pair = SPINA.sum(axis=other)
    found = chapman(pair[1].sum(), pair[:, 1].sum(), pair[1, 1])
    assert found.total == pytest.approx(total, abs=0.006)
    assert found.se == pytest.approx(se, abs=0.006)


def test_two_sources_have_the_variance_of_lincoln_and_petersen():
    # n1 n2 n10 n01 / n11^3 (Bishop, Fienberg and Holland 1975, 6.3).
    found = log_linear_capture([[0, 40], [60, 20]]).best.estimate
    assert found.total == pytest.approx(240, rel=1e-9)
    assert found.se == pytest.approx(np.sqrt(80 * 60 * 60 * 40 / 20**3), rel=1e-6)


def test_chapman_by_hand_element_by_element():
    found = chapman([100, 5], [80, 5], [40, 5])
    assert found.total == pytest.approx([101 * 81 / 41 - 1, 5])
    assert found.se[1] == 0
    assert (found.lower[1], found.upper[1], found.completeness[1]) == (5, 5, 1)
