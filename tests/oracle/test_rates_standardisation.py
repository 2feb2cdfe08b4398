"""Rates, ratios and intervals against R packages and published tables, as given and disturbed.

Each comparison is made on the tables as they are and on tables that must give the same answer: bands in
another order, groups in another order, other scales, further bands that the standard ignores.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from rnc_epi.maths.compare import rate_difference, rate_ratio
from rnc_epi.maths.intervals import normal_quantile, poisson_interval
from rnc_epi.maths.lifetime import cumulative_rate
from rnc_epi.maths.reference import expected_events
from rnc_epi.maths.requirements import require_level
from rnc_epi.maths.standardise import (
    RateEstimate,
    crude_rate,
    directly_standardised_rate,
    indirectly_standardised_ratio,
)
from rnc_epi.maths.weighted_sums import gamma_limits
from rnc_epi.vocabulary.errors import InputError

pytestmark = pytest.mark.oracle

LEVELS = [0.9, 0.95, 0.998]
# Closed forms in double precision, printed with 15 digits.
EXACT = 1e-8
# The peer stops its root finder at about five digits.
ROOT = 1e-5
# The peer rounds to 15 decimals.
ROUNDED = 2e-15
DISTURBANCES = ("as given", "bands permuted", "groups permuted", "rescaled", "empty bands injected")


@dataclass
class Table:
    """Groups padded to the same number of bands by bands without weight, people or events."""

    groups: list[str]
    events: np.ndarray
    person_years: np.ndarray
    weights: np.ndarray
    per: float = 1.0


def disturbed(table: Table, how: str) -> Table:
    rng = np.random.default_rng(7)
    groups, d, n, w, per = table.groups, table.events, table.person_years, table.weights, table.per
    if how == "bands permuted":
        order = rng.permutation(d.shape[1])
        d, n, w = d[:, order], n[:, order], w[:, order]
    elif how == "groups permuted":
        order = rng.permutation(len(groups))
        groups = [groups[i] for i in order]
        d, n, w = d[order], n[order], w[order]
    elif how == "rescaled":
        # Ten times the person-years and rates per ten: the same numbers.
        n, w, per = n * 10, w * rng.lognormal(0, 5, (len(groups), 1)), per * 10
    elif how == "empty bands injected":
        zero = np.zeros((len(groups), 2))
        d, w = np.hstack([zero, d]), np.hstack([zero, w])
        n = np.hstack([np.add(zero, [0.0, 123.0]), n])
    return Table(groups, d, n, w, per)


@pytest.fixture(params=DISTURBANCES)
def direct(request, shared) -> Table:
    frame = pd.read_csv(shared("oracles/standardisation/direct_input.csv"))
    frame["band"] = frame.groupby("group").cumcount()
    wide = frame.pivot_table(["count", "pop", "stdpop"], "group", "band").fillna(0.0)
    columns = (wide[name].to_numpy() for name in ("count", "pop", "stdpop"))
    return disturbed(Table(list(wide.index), *columns), request.param)


@pytest.fixture
def expected_direct(shared) -> pd.DataFrame:
    return pd.read_csv(shared("oracles/standardisation/expected_direct.csv"))


def long_form(groups: list[str], estimate: RateEstimate) -> pd.DataFrame:
    """One row per group and level."""
    frames = [
        pd.DataFrame(
            {
                "group": groups,
                "conf": level,
                "found_rate": estimate.rate,
                "found_lower": estimate.lower[i],
                "found_upper": estimate.upper[i],
                "events": estimate.events,
            }
        )
        for i, level in enumerate(LEVELS)
    ]
    return pd.concat(frames)


def agree(found: pd.DataFrame, oracle: pd.DataFrame, *, rtol: float, atol: float = 0.0) -> int:
    both = oracle.merge(found, on=["group", "conf"], validate="one_to_one")
    assert len(both) == len(oracle)
    for name in ("rate", "lower", "upper"):
        given = both[name].notna().to_numpy()
        np.testing.assert_allclose(
            both[f"found_{name}"].to_numpy()[given], both[name].to_numpy()[given], rtol=rtol, atol=atol
        )
    return len(both)


METHODS = {
    "fay_feuer_gamma": ("fay-feuer", EXACT, 0.0),
    "gamma_wm_max": ("fay-feuer", EXACT, 0.0),
    "gamma_wm_tcz": ("tiwari", EXACT, 0.0),
    "gamma_midp": ("mid-p", ROOT, 0.0),
    "dobson_byar": ("dobson-byar", EXACT, 0.0),
    "dsr_normal": ("normal", EXACT, ROUNDED),
    "dsr_lognormal": ("log-normal", EXACT, ROUNDED),
}


@pytest.mark.parametrize("name", METHODS)
def test_direct_rates_agree_with_five_r_functions(direct, expected_direct, name):
    method, rtol, atol = METHODS[name]
    estimate = directly_standardised_rate(
        direct.events, direct.person_years, direct.weights, method=method, level=LEVELS, per=direct.per
    )
    oracle = expected_direct[expected_direct["method"] == name].copy()
    if name == "dsr_normal":
        # Without events the peer prints the interval from 0 to 0; this package prints none.
        empty = oracle["rate"] == 0
        assert (oracle.loc[empty, ["lower", "upper"]] == 0).all(axis=None)
        oracle.loc[empty, ["lower", "upper"]] = np.nan
    found = long_form(direct.groups, estimate)
    assert agree(found, oracle, rtol=rtol, atol=atol) >= 82
    if name in ("fay_feuer_gamma", "gamma_midp"):
        # The peer leaves the lower limit of no event undefined; it is 0.
        assert (found.loc[found["events"] == 0, "found_lower"] == 0).all()


def test_crude_rates_of_the_same_groups_agree(direct, expected_direct):
    crude = crude_rate(direct.events.sum(1), direct.person_years.sum(1), per=direct.per)
    oracle = expected_direct[expected_direct["method"] == "fay_feuer_gamma"].drop_duplicates("group")
    counted = pd.DataFrame({"group": direct.groups, "found": crude.rate}).merge(oracle, on="group")
    if direct.person_years.shape[1] > 19:
        # The injected bands hold people without events, which a crude rate must count.
        counted = counted[counted["found"] >= counted["crude"]]
        assert counted.empty or (counted["crude"] == 0).all()
        return
    assert len(counted) == 86
    np.testing.assert_allclose(counted["found"], counted["crude"], rtol=EXACT)


@pytest.mark.parametrize("name", ["gamma_wm_mean", "gamma_wm_minmaxavg", "dsr_gamma"])
def test_other_gamma_limits_of_the_peers_are_the_same_kernel_with_another_step(direct, expected_direct, name):
    # Not offered as methods, but they show that the kernel is theirs: only the added event differs.
    shares = direct.weights / direct.weights.sum(1, keepdims=True)
    counted = direct.weights > 0
    w = np.divide(shares, direct.person_years, out=np.zeros(shares.shape), where=counted)
    y, v = (w * direct.events).sum(1), (w**2 * direct.events).sum(1)
    mean = w.sum(1) / counted.sum(1)
    smallest = np.where(counted, w, np.inf).min(1)
    step = mean if name == "gamma_wm_mean" else (smallest + w.max(1)) / 2
    square = step**2
    if name == "dsr_gamma":
        # The package adds one to the shape and keeps the scale v/y: a step of v/y, its square times one.
        step = np.divide(v, y, out=np.ones(y.shape), where=y > 0)
        square = step**2
    lower, upper = gamma_limits(y, v, step, square, require_level(LEVELS))
    found = pd.concat(
        pd.DataFrame(
            {
                "group": direct.groups,
                "conf": level,
                "found_rate": y * direct.per,
                "found_lower": lower[i] * direct.per,
                "found_upper": upper[i] * direct.per,
            }
        )
        for i, level in enumerate(LEVELS)
    )
    oracle = expected_direct[expected_direct["method"] == name].copy()
    if name == "dsr_gamma":
        oracle = oracle[oracle["rate"] > 0]
    assert agree(found, oracle, rtol=EXACT, atol=ROUNDED) >= 80


def test_every_row_of_the_direct_oracle_is_compared(expected_direct):
    compared = {*METHODS, "gamma_wm_mean", "gamma_wm_minmaxavg", "dsr_gamma"}
    assert set(expected_direct["method"]) == compared


@pytest.fixture
def pennsylvania(shared) -> tuple[list[str], RateEstimate, RateEstimate]:
    frame = pd.read_csv(shared("oracles/standardisation/direct_input.csv"))
    frame = frame[frame["group"].str.startswith("penn_")]
    groups = list(dict.fromkeys(frame["group"]))
    d, n, w = (frame[c].to_numpy(float).reshape(-1, 4) for c in ("count", "pop", "stdpop"))
    rates = directly_standardised_rate(d, n, w, per=1)
    i = groups.index("penn_philadelphia")
    return groups, rates, directly_standardised_rate(d[i], n[i], w[i], per=1)


def test_differences_from_philadelphia_agree(shared, pennsylvania):
    groups, rates, city = pennsylvania
    oracle = pd.read_csv(shared("oracles/standardisation/expected_dsr_difference.csv"))
    oracle = oracle.set_index("group").loc[groups]
    found = rate_difference(rates, city)
    # The peer rounds to 15 decimals and prints differences of about 1e-4.
    np.testing.assert_allclose(found.difference, oracle["difference"], rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.lower, oracle["lower"], rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.upper, oracle["upper"], rtol=0, atol=1e-12)


def test_ratios_to_philadelphia_agree_and_the_faulty_peer_columns_do_not(shared, pennsylvania):
    groups, rates, city = pennsylvania
    oracle = (
        pd.read_csv(shared("oracles/standardisation/expected_dsr_ratio.csv")).set_index("group").loc[groups]
    )
    delta, test_based = rate_ratio(rates, city), rate_ratio(rates, city, method="test-based")
    np.testing.assert_allclose(delta.ratio, oracle["ratio"], rtol=EXACT)
    np.testing.assert_allclose(delta.log_se, oracle["se_log"], rtol=EXACT)
    np.testing.assert_allclose(delta.lower, oracle["lower_delta"], rtol=EXACT)
    np.testing.assert_allclose(delta.upper, oracle["upper_delta"], rtol=EXACT)
    other = oracle["x"].notna().to_numpy()
    assert other.sum() == 66
    np.testing.assert_allclose(test_based.lower[other], oracle["lower_testbased"][other], rtol=EXACT)
    np.testing.assert_allclose(test_based.upper[other], oracle["upper_testbased"][other], rtol=EXACT)
    assert np.nanmax(np.abs(delta.upper[other] / oracle["peer_upper_WRONG"][other] - 1)) > 0.01


@pytest.fixture(params=["as given", "bands permuted", "rescaled", "empty bands injected"])
def indirect(request, shared) -> tuple[list[str], np.ndarray, np.ndarray, float]:
    frame = pd.read_csv(shared("oracles/standardisation/indirect_input.csv"))
    groups, observed, expected, crude = [], [], [], []
    rng = np.random.default_rng(3)
    for group, rows in frame.groupby("group", sort=False):
        table = rows[["count", "pop", "refcount", "refpop"]].to_numpy(float)
        if request.param == "bands permuted":
            table = table[rng.permutation(len(table))]
        elif request.param == "rescaled":
            table = table * [1, 1, 17, 17]
        elif request.param == "empty bands injected":
            table = np.vstack([table, np.zeros((3, 4))])
        found = expected_events(table[:, 1], table[:, 2], table[:, 3])
        groups.append(group)
        observed.append(table[:, 0].sum())
        expected.append(float(found.expected))
        crude.append(float(found.reference_rate))
    return groups, np.array(observed), np.array(expected), np.array(crude)


def test_indirect_ratios_and_rates_agree_with_five_r_functions(shared, indirect):
    groups, observed, expected, crude = indirect
    oracle = pd.read_csv(shared("oracles/standardisation/expected_indirect.csv"))
    place = pd.Series(range(len(groups)), index=groups).loc[oracle["group"]].to_numpy()
    o, e, c = observed[place], expected[place], crude[place]
    np.testing.assert_allclose(o, oracle["observed"], rtol=0)
    np.testing.assert_allclose(e, oracle["expected"], rtol=EXACT)
    compared = 0
    for conf, method in {(k, m) for k, m in zip(oracle["conf"], oracle["method"], strict=True)}:
        rows = ((oracle["conf"] == conf) & (oracle["method"] == method)).to_numpy()
        ratio_rows = rows & (oracle["quantity"] == "SIR").to_numpy()
        rate_rows = rows & (oracle["quantity"] == "ISR").to_numpy()
        slug = {"Byars": "byar", "Exact": "garwood", "exact_poisson": "garwood"}.get(method, "garwood")
        found = indirectly_standardised_ratio(o[rows], e[rows], method=slug, level=conf)
        lower, upper = np.array(found.lower), np.array(found.upper)
        if method == "lognormal_SIR":
            # The peer's log-normal limits, made of our ratio and its standard error.
            z = normal_quantile(require_level(conf))
            seen = o[rows] > 0
            factor = np.exp(z * np.where(seen, found.se, np.nan) / np.where(seen, found.ratio, 1.0))
            lower, upper = found.ratio / factor, found.ratio * factor
        elif method == "byar_epitools":
            # Rothman and Boice put half an event on both sides: our formula at counts half an event away.
            lower = poisson_interval(o[rows] + 0.5, method="byar", level=conf).lower / e[rows]
            half = np.maximum(o[rows] - 0.5, 0)
            upper = poisson_interval(half, method="byar", level=conf).upper / e[rows]
            upper = np.where(o[rows] >= 0.5, upper, np.nan)
        unit = np.where(rate_rows[rows], c[rows], 1.0)
        np.testing.assert_allclose(found.ratio * unit, oracle["value"][rows], rtol=EXACT)
        for ours, column in ((lower, "lower"), (upper, "upper")):
            theirs = oracle[column].to_numpy()[rows]
            if method == "byar_epitools":
                # The peer lets the cube root turn negative; here the limit stops at 0.
                theirs = np.maximum(theirs, 0)
            known = ~np.isnan(theirs) & ~np.isnan(ours) & np.isfinite(theirs)
            if method == "exact_poisson":
                # R's uniroot stops within 2^-13 = 1.2e-4 of the limit of the count.
                assert (np.abs(ours - theirs) * e[rows])[known].max() < 2.0**-13
            else:
                np.testing.assert_allclose((ours * unit)[known], theirs[known], rtol=EXACT, atol=1e-15)
            compared += int(known.sum())
        assert ratio_rows.any() or rate_rows.any()
    assert compared > 2 * len(oracle) - 60


def test_poisson_limits_agree_with_the_chi_square_closed_form_and_with_english_indicators(shared):
    oracle = pd.read_csv(shared("oracles/standardisation/expected_poisson_ci.csv"))
    for conf, rows in oracle.groupby("conf"):
        count = rows["count"].to_numpy(float)
        exact = poisson_interval(count, level=conf)
        np.testing.assert_allclose(exact.lower, rows["exact_chisq_lower"], rtol=EXACT, atol=1e-12)
        np.testing.assert_allclose(exact.upper, rows["exact_chisq_upper"], rtol=EXACT)
        for limit, column in ((exact.lower, "exact_lower"), (exact.upper, "exact_upper")):
            found = rows[column].notna().to_numpy()
            # uniroot stops within about 1e-4 of the count.
            np.testing.assert_allclose(limit[found], rows[column][found], rtol=1e-4, atol=1e-4)
        half_above = poisson_interval(count + 0.5, method="byar", level=conf)
        # The peer lets the cube root turn negative; here the limit stops at 0.
        np.testing.assert_allclose(half_above.lower, np.maximum(rows["byar_epitools_lower"], 0), rtol=EXACT)
        seen = count > 0
        half_below = poisson_interval(count[seen] - 0.5, method="byar", level=conf)
        np.testing.assert_allclose(half_below.upper, rows["byar_epitools_upper"][seen], rtol=EXACT)
        spread = normal_quantile(require_level(conf)) * crude_rate(count, np.ones(count.shape), per=1).se
        np.testing.assert_allclose(count - spread, rows["normal_lower"], rtol=EXACT, atol=1e-12)
        np.testing.assert_allclose(count + spread, rows["normal_upper"], rtol=EXACT)
        for method, slug in (("Exact", "garwood"), ("Byars", "byar")):
            used = (rows["phe_method"] == method).to_numpy()
            phe = poisson_interval(count[used], method=slug, level=conf)
            np.testing.assert_allclose(phe.lower, rows["phe_rate_lower"][used], rtol=EXACT, atol=1e-12)
            np.testing.assert_allclose(phe.upper, rows["phe_rate_upper"][used], rtol=EXACT)


@pytest.mark.parametrize("disturbance", ["as given", "bands permuted", "rescaled"])
def test_cancer_registries_of_the_world_have_the_same_rates_and_cumulative_risks(shared, disturbance):
    frame = pd.read_csv(shared("oracles/standardisation/ci5_input.csv"))
    oracle = pd.read_csv(shared("oracles/standardisation/expected_ci5_asr_cumrisk.csv")).set_index("g")
    segi = pd.read_csv(shared("oracles/standardisation/segi.csv"))["segi"].to_numpy(float)
    wide = frame.pivot_table(["cases", "py"], "g", "age").loc[oracle.index]
    d, n = wide["cases"].to_numpy(float), wide["py"].to_numpy(float)
    width, order, per = np.full(18, 5.0), np.arange(18), 1e5
    if disturbance == "bands permuted":
        order = np.random.default_rng(5).permutation(18)
    if disturbance == "rescaled":
        d, n, segi = d, n * 7, segi / 3
        width, per = width * 7, per * 7
    # The peer counts a band without people as a rate of 0, even where it holds cases (an open band whose
    # people are counted below); here the first is not estimable and the second refused.
    empty = n == 0
    orphans = (empty & (d > 0)).any(axis=1)
    with pytest.raises(InputError, match="M003"):
        directly_standardised_rate(d, n, segi)
    assert orphans.sum() == 7
    honest = directly_standardised_rate(d[~orphans], n[~orphans], segi)
    assert (honest.estimable == ~empty[~orphans].any(axis=1)).all()
    d, n = np.where(empty, 0.0, d), np.where(empty, 1.0, n)
    rate = directly_standardised_rate(d[:, order], n[:, order], segi[order], per=per)
    share = (d / n * (7 if disturbance == "rescaled" else 1))[:, order]
    young = order[order < 15]
    cumulative = cumulative_rate(d[:, young], n[:, young], width[young])
    np.testing.assert_allclose(rate.rate, oracle["asr_exact"], rtol=EXACT, atol=1e-12)
    np.testing.assert_allclose(rate.se, oracle["asr_se_poisson"], rtol=EXACT, atol=1e-12)
    np.testing.assert_allclose(cumulative.rate, oracle["cumrate_0_74"], rtol=EXACT, atol=1e-12)
    np.testing.assert_allclose(cumulative.rate_se, oracle["cumrate_se"], rtol=EXACT, atol=1e-12)
    np.testing.assert_allclose(cumulative.risk, oracle["cumrisk_0_74"], rtol=EXACT, atol=1e-12)
    # Rcan prints two decimals, the risk in per cent.
    np.testing.assert_allclose(rate.rate, oracle["asr"], rtol=0, atol=0.005001)
    np.testing.assert_allclose(100 * cumulative.risk, oracle["cumrisk"], rtol=0, atol=0.005001)
    # Rcan's standard error is binomial, d (n - d) / n for d: a little below that of counts.
    within = directly_standardised_rate(
        d[:, order],
        n[:, order],
        segi[order],
        per=per,
        method="normal",
        event_variance=d[:, order] * (1 - share),
    )
    np.testing.assert_allclose(within.se, oracle["se"], rtol=0, atol=0.005001)
