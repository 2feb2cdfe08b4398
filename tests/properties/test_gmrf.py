"""What holds for every sparse precision matrix and every map."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rnc_epi.maths.gmrf import Factor, IntrinsicField

maps = st.integers(1, 25).flatmap(
    lambda n: st.tuples(
        st.just(n),
        st.sets(
            st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)).filter(lambda p: p[0] < p[1]), max_size=40
        ),
    )
)


def field_of(drawn: tuple[int, set[tuple[int, int]]]) -> IntrinsicField:
    size, pairs = drawn
    return IntrinsicField(size, np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2))


@settings(max_examples=50, deadline=None)
@given(maps)
def test_solving_then_multiplying_gives_back_the_right_hand_side(drawn):
    field = field_of(drawn)
    matrix_entries = field.plain + 0.7 * field.identity
    right = np.cos(np.arange(field.size))
    solution = Factor(field.analysis, matrix_entries).solve(right)
    degree = np.bincount(field.edges.ravel(), minlength=field.size)
    product = np.where(degree > 0, degree + 0.7, 1.7) * solution
    np.subtract.at(product, field.edges[:, 0], solution[field.edges[:, 1]])
    np.subtract.at(product, field.edges[:, 1], solution[field.edges[:, 0]])
    # Condition number at most (2 x 24 + 0.7) / 0.7: twelve digits remain.
    np.testing.assert_allclose(product, right, atol=1e-12)


@settings(max_examples=50, deadline=None)
@given(maps, st.randoms(use_true_random=False))
def test_relabelling_the_areas_relabels_the_variances(drawn, random):
    field = field_of(drawn)
    shuffled = list(range(field.size))
    random.shuffle(shuffled)
    label = np.array(shuffled, dtype=np.int64)
    other = IntrinsicField(field.size, label[field.edges])
    # Same numbers by another order of elimination: rounding only.
    np.testing.assert_allclose(other.scaled_variances[label], field.scaled_variances, rtol=1e-9)
    np.testing.assert_allclose(other.scaled_log_determinant, field.scaled_log_determinant, atol=1e-8)


@settings(max_examples=50, deadline=None)
@given(maps)
def test_every_area_belongs_to_one_component_and_islands_are_free(drawn):
    field = field_of(drawn)
    assert field.component_sizes.sum() == field.size
    island = field.component_sizes[field.component] == 1
    assert ((field.constraints.group == -1) == island).all()
    np.testing.assert_allclose(field.scaled_variances[island], 1.0)
