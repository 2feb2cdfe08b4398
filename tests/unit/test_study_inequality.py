"""The section [inequality] of the study file: unknown keys refused, and every key does something."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from rnc_epi.cells.table import Cells, concatenate
from rnc_epi.inequality import gradients
from rnc_epi.vocabulary.study import parse_study
from rnc_epi.vocabulary.study_inequality import Inequality
from tests.deprivation_cells import asked, drawn_cells

HEAD = 'schema = 1\ntitle = "t"\nextract = "x.duckdb"\n[inequality]\nindex = "fdep"\nvintage = "2015"\n'


@pytest.fixture(scope="module")
def cells() -> Cells:
    rng = np.random.default_rng(31)
    parts = []
    for event in ("incidence", "death"):
        for site in ("lung", "breast"):
            for year in (2016, 2017, 2018):
                keys = {"event_type": event, "site": site, "period_from": year, "period_until": year + 1}
                parts.append(drawn_cells(1.5, rng, cases=800, **keys))
    for code in range(6):
        parts.append(drawn_cells(1.5, rng, cases=800, geo_level="region", geo_code=f"{code:02d}"))
    return concatenate(parts)


def test_the_section_is_read_from_a_study_file():
    study = parse_study(HEAD + 'scope = "region"\ngroups = 10\nmeasures = ["excess_events"]', "STUDY.toml")
    assert isinstance(study.inequality, Inequality)
    assert (study.inequality.scope, study.inequality.groups) == ("region", 10)


@pytest.mark.parametrize(
    "wrong",
    ['colour = "red"', "groups = 2", 'scope = "epci"', 'measures = []', 'level = 1.0', 'simulations = 10',
     'measures = ["slope_index"]\nmodels = []\ntransforms = []', 'events = []', 'variance = "naive"'],
)  # fmt: skip
def test_what_the_section_does_not_know_is_refused(wrong):
    with pytest.raises(Exception, match="S02") as refused:
        parse_study(HEAD + wrong, "STUDY.toml")
    assert not isinstance(refused.value, ValidationError)


def rows_of(cells, **keys):
    return gradients(cells, asked(**keys)).results


def test_every_key_of_the_computation_changes_what_comes_out(cells):
    whole = rows_of(cells)
    names = set(whole["indicator"])
    for key, gone in {
        "trend": {
            "slope_index_trend",
            "relative_index_trend",
            "slope_index_trend_p",
            "relative_index_trend_p",
        },
        "gap_in_deaths": {"gap_from_incidence", "gap_from_lethality", "gap_incidence_share"},
    }.items():
        assert names - set(rows_of(cells, **{key: False})["indicator"]) == gone, key
    assert gradients(cells, asked(shrink=False)).shrunken.empty
    assert gradients(cells, asked()).shrunken["method"].eq("fay-herriot").all()
    of_sites = {key: rows_of(cells, by_site=key)["comparator"].eq("sites").any() for key in (True, False)}
    assert of_sites == {True: True, False: False}
    ages = whole["indicator"].eq("gap_contribution") & whole["comparator"].eq("Q5/Q1")
    assert ages.any()
    without = rows_of(cells, by_age=False)
    assert not (without["indicator"].eq("gap_contribution") & without["comparator"].eq("Q5/Q1")).any()
    few = rows_of(cells, measures=["theil"], models=[], transforms=[])
    assert not {"slope_index", "excess_events"} & set(few["indicator"])
    one = rows_of(cells, models=["additive"], transforms=[])
    found = set(one.loc[one["indicator"].eq("slope_index"), "method"])
    assert found == {"additive-poisson"}
    binomial = rows_of(cells, models=["multiplicative-negative-binomial"], transforms=["log"])
    found = set(binomial.loc[binomial["indicator"].eq("slope_index"), "method"])
    assert found == {"multiplicative-negative-binomial", "weighted-regression-log"}


def column(results, indicator, name, **keys):
    rows = results[results["indicator"].eq(indicator) & results["geo_code"].eq("00")]
    for key, value in keys.items():
        rows = rows[rows[key].eq(value)]
    return rows[name].to_numpy(float)


def test_standard_variance_level_and_simulation_change_the_numbers_they_name(cells):
    whole = rows_of(cells)
    other = rows_of(cells, standard="esp2013")
    assert not np.allclose(column(whole, "slope_index", "value"), column(other, "slope_index", "value"))
    keys = {"method": "multiplicative-poisson"}
    scaled = rows_of(cells, variance="scaled")
    assert not np.allclose(
        column(whole, "relative_index", "se", **keys), column(scaled, "relative_index", "se", **keys)
    )
    wide = rows_of(cells, level=0.99)
    assert (column(wide, "slope_index", "upper") > column(whole, "slope_index", "upper")).all()
    assert set(wide["level"].dropna()) == {0.99}
    for key, value in (("seed", 7), ("simulations", 4_000)):
        changed = rows_of(cells, **{key: value})
        assert column(changed, "theil", "upper") != column(whole, "theil", "upper")
        assert column(changed, "theil", "value") == column(whole, "theil", "value")


def test_the_same_section_gives_the_same_rows_whatever_the_order_of_the_strata(cells):
    order = np.random.default_rng(1).permutation(len(cells))
    a, b = rows_of(cells), rows_of(cells.take(order))
    # Sums over strata taken in another order differ in their last digits.
    np.testing.assert_allclose(
        a["value"].to_numpy(float), b["value"].to_numpy(float), rtol=1e-9, equal_nan=True
    )
    assert a["reason"].tolist() == b["reason"].tolist()
