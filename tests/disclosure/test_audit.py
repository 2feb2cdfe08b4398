"""The audit trusts no witness, and its bounds are those of a table worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from rnc_epi.disclosure.audit import audit, bounds_of
from rnc_epi.disclosure.witnesses import Shift, Table, longest


def table_of(values: list[float]) -> Table:
    """Return one sum: the first cell is the total of the others; every count below 11 is protected."""
    row = np.array([[1.0] + [-1.0] * (len(values) - 1)])
    found = np.array(values)
    small = (found > 0) & (found < 11)
    return Table(sparse.csc_array(row), found, np.where(small, 1.0, np.nan), np.where(small, 10.0, np.nan))


def test_bounds_of_two_hidden_parts_of_a_visible_total():
    # 20 = 3 + 5 + 12, the parts 3 and 5 hidden: each lies between 0 and 8.
    table = table_of([20, 3, 5, 12])
    hidden = np.array([False, True, True, False])
    assert bounds_of(table, hidden, 1) == pytest.approx((0, 8))


def test_a_lone_hidden_part_is_found_exactly():
    table = table_of([20, 3, 17])
    found = audit(table, np.array([False, True, False]), [])
    assert found.failed == (1,)
    assert found.narrowest == pytest.approx(0)


def test_a_witness_that_moves_a_visible_cell_proves_nothing():
    table = table_of([20, 3, 17])
    both_ways = [
        Shift(np.array([1, 2]), np.array([7.0, -7.0])),
        Shift(np.array([1, 2]), np.array([-3.0, 3.0])),
    ]
    assert audit(table, np.array([False, True, False]), both_ways).witnessed == 0
    assert audit(table, np.array([False, True, True]), both_ways).witnessed == 1


def test_a_witness_that_breaks_a_sum_or_goes_below_zero_proves_nothing():
    table = table_of([20, 3, 17])
    hidden = np.array([False, True, True])
    unbalanced = [Shift(np.array([1]), np.array([7.0])), Shift(np.array([1]), np.array([-3.0]))]
    assert audit(table, hidden, unbalanced).witnessed == 0
    negative = [
        Shift(np.array([1, 2]), np.array([27.0, -27.0])),
        Shift(np.array([1, 2]), np.array([-3.0, 3.0])),
    ]
    assert audit(table, hidden, negative).witnessed == 0


def test_a_shift_goes_both_ways_until_a_count_is_zero():
    table = table_of([20, 3, 17])
    ends = list(longest(table, Shift(np.array([1, 2]), np.array([1.0, -1.0]))))
    assert [end.change.tolist() for end in ends] == [[17.0, -17.0], [-3.0, 3.0]]
