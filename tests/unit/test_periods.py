"""Periods and sexes: what is included, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from rnc_epi.vocabulary.errors import InputError
from rnc_epi.vocabulary.periods import Period
from rnc_epi.vocabulary.sexes import Sex, sex


def test_the_label_includes_the_last_year_and_the_period_excludes_the_next():
    period = Period.parse("2013-2017")
    assert (period.period_from, period.period_until) == (2013, 2018)
    assert period.label == "2013-2017"
    assert list(period.years) == [2013, 2014, 2015, 2016, 2017]
    assert period.contains(2017)
    assert not period.contains(2018)


def test_a_single_year_is_a_period_of_length_one():
    assert Period.parse("2015") == Period(2015, 2016)
    assert Period(2015, 2016).label == "2015"
    assert str(Period(2015, 2016)) == "2015"


@pytest.mark.parametrize("label", ["2013–2017", "2013 - 2017", "2013/2017", " 2013-2017 "])
def test_usual_spellings_are_read(label):
    assert Period.parse(label) == Period(2013, 2018)


def test_periods_that_touch_do_not_overlap():
    assert not Period(2008, 2013).overlaps(Period(2013, 2018))
    assert Period(2008, 2014).overlaps(Period(2013, 2018))
    assert Period(2013, 2018).overlaps(Period(2008, 2014))
    assert not Period(2013, 2018).overlaps(Period(2008, 2013))


def test_a_period_contains_itself_and_its_parts_only():
    assert Period(2013, 2018).contains(Period(2013, 2018))
    assert Period(2013, 2018).contains(Period(2013, 2017))
    assert not Period(2013, 2017).contains(Period(2013, 2018))
    assert not Period(2014, 2018).contains(Period(2013, 2018))


@pytest.mark.parametrize(
    ("first", "until"), [(2013, 2013), (2018, 2013), (13, 18), (2013.0, 2018), (2013, True)]
)
def test_an_impossible_period_is_refused(first, until):
    with pytest.raises(InputError) as error:
        Period(first, until)
    assert error.value.code == "V020"


@pytest.mark.parametrize("label", ["13-17", "2013-", "", "2013-2017-2018", None, 2013])
def test_what_is_no_period_is_refused(label):
    with pytest.raises(InputError) as error:
        Period.parse(label)
    assert error.value.code == "V021"


def test_years_in_the_wrong_order_are_refused():
    with pytest.raises(InputError, match="V020"):
        Period.parse("2017-2013")


def test_years_from_an_array_become_plain_integers():
    assert type(Period(np.int16(2013), np.int16(2018)).period_from) is int


def test_codes_of_sex():
    assert {one.name: int(one) for one in Sex} == {"BOTH": 0, "MEN": 1, "WOMEN": 2, "UNKNOWN": 9}
    assert sex(np.int16(1)) is Sex.MEN
    assert (sex(1).label("fr"), sex(2).label("en")) == ("hommes", "women")
    with pytest.raises(InputError, match="V030"):
        sex(3)
    with pytest.raises(InputError, match="M005"):
        sex(1).label("de")
