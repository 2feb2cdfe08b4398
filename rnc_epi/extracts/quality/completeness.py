"""Signs that cases are missed: M:I ratio, counts by year, childhood rates, the curve by age, delay."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from scipy import stats

from rnc_epi.extracts.quality.counts import ALL_CANCERS, Counts, sites_below
from rnc_epi.extracts.quality.shares import (
    BOTH,
    COLUMNS,
    NOT_APPLICABLE,
    NOT_ESTIMABLE,
    OK,
    PERIOD,
    by_sex_and_both,
    reported,
    rolled_up,
    spans,
)
from rnc_epi.maths import basics
from rnc_epi.maths.intervals import poisson_interval
from rnc_epi.vocabulary.sites import SITES

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CHILDHOOD: Final = 15
_GROWN: Final = (35, 75)
_FIVE_YEARS: Final = 60
#: Persons still followed at five years, below which one minus survival is not told.
_FOLLOWED: Final = 11
#: Sites whose deaths are incomplete while some are certified to the uterus and no more.
_UTERUS, _UNSPECIFIED_UTERUS = ("cervix_uteri", "corpus_uteri"), "uterus_unspecified"
#: Years before the last one that it is compared with.
_YEARS_BEFORE: Final = 3


def completeness(counts: Counts, *, level: float = 0.95) -> pd.DataFrame:
    """Return the indicators of completeness of each registry, in the columns of `shares.COLUMNS`.

    Internal: numerators and denominators are counts of persons. What cannot be had is ``not_estimable``, with
    the reason in the documentation of the indicator; what has no meaning is ``not_applicable``.
    """
    parts = [_mortality(counts, level), _years_behind(counts)]
    for registry, table in counts.cases.groupby("registry", sort=True):
        if registry in counts.general:
            yearly = _yearly(registry, table, counts)
            parts.append(_stability(registry, yearly))
            parts.append(_last_year(registry, yearly, level))
            parts.append(_by_age(registry, table, counts, level))
    return pd.concat([part for part in parts if len(part)], ignore_index=True)


@cache
def reference_rates() -> dict[int, np.ndarray]:
    """Return rates of all cancers per person-year by sex and five-year band: pooled French registries."""
    text = (files("rnc_epi.extracts.quality") / "reference.toml").read_text(encoding="utf-8")
    return {int(sex): np.array(rates) / 1e5 for sex, rates in tomllib.loads(text)[ALL_CANCERS].items()}


def one_minus_survival(follow_up: pd.DataFrame, months: int = _FIVE_YEARS) -> tuple[float, float]:
    """Return one minus the observed survival at some months and its standard error (Kaplan-Meier, Greenwood).

    Observed, not net: deaths from other causes are in it, so that it is above the lethality of the cancer.

    Parameters
    ----------
    follow_up : DataFrame
        ``month, deaths, censored``.

    Returns
    -------
    tuple of float
        NaN where fewer than 11 persons are followed that long.

    Examples
    --------
    Of 100 persons 20 die in the first month and 40 are lost in the second; 10 of the 40 left die in the
    third: survival is 0.8 x 0.75.

    >>> table = pd.DataFrame({"month": [0, 1, 2, 90], "deaths": [20, 0, 10, 0], "censored": [0, 40, 0, 30]})
    >>> round(one_minus_survival(table)[0], 3)
    0.4
    """
    table = follow_up.groupby("month")[["deaths", "censored"]].sum().sort_index()
    deaths = table["deaths"].to_numpy(dtype=np.float64)
    leaving = deaths + table["censored"].to_numpy(dtype=np.float64)
    at_risk = leaving[::-1].cumsum()[::-1]
    month = table.index.to_numpy(dtype=np.int64)
    if at_risk[month >= months].max(initial=0.0) < _FOLLOWED:
        return np.nan, np.nan
    used = month < months
    alive = at_risk[used] - deaths[used]
    survival = float(np.prod(alive / at_risk[used]))
    with np.errstate(divide="ignore", invalid="ignore"):
        greenwood = np.where(deaths[used] > 0, deaths[used] / (at_risk[used] * alive), 0.0).sum()
    return 1.0 - survival, survival * float(np.sqrt(greenwood))


def _row(registry: str, indicator: str, **columns: object) -> dict[str, object]:
    base: dict[str, object] = dict.fromkeys(COLUMNS, np.nan)
    base |= {"registry": registry, "indicator": indicator, "site": ALL_CANCERS, "sex": BOTH, "status": OK}
    return base | columns


def _frame(rows: list[dict[str, object]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _span(table: pd.DataFrame) -> dict[str, int]:
    return {
        "period_from": int(table["period_from"].min()),
        "period_until": int(table["period_until"].max()),
    }


def _mortality(counts: Counts, level: float) -> pd.DataFrame:
    """Deaths over cases by site and sex, and how far that is from one minus survival.

    Of the years that both have: a year of cases without its deaths would make a registry look complete. Only
    for sites whose deaths have the definition of their cases; cervix and corpus once the deaths without site
    have been shared out.
    """
    of_both = _in_common_years(counts)
    sums = rolled_up(of_both)
    found = spans(of_both.cases)
    first, last = (sums["registry"].map(found[name]) for name in PERIOD)
    cases = sums[(sums["period_from"] == first) & (sums["period_until"] == last)]
    told = cases.merge(_deaths(of_both), on=["registry", "site", "sex"], how="left")
    dead, whole = (told[name].to_numpy(dtype=np.float64) for name in ("deaths", "events"))
    known = np.nan_to_num(dead) * whole > 0
    ratio = basics.mortality_incidence_ratio(
        np.where(known, dead, 1.0), np.where(known, whole, 1.0), level=level
    )
    other = [SITES[slug].deaths_defined_differently and slug != ALL_CANCERS for slug in told["site"]]
    incomplete = set(counts.deaths.loc[counts.deaths["site"] == _UNSPECIFIED_UTERUS, "registry"])
    part = told["site"].isin(_UTERUS) & told["registry"].isin(incomplete)
    status = np.select([np.array(other) | part, known], [NOT_APPLICABLE, OK], NOT_ESTIMABLE)
    values = np.stack([dead, whole, ratio.ratio, ratio.lower, ratio.upper])
    values[:, status != OK] = np.nan
    table = told[["registry", "site", "sex", *PERIOD]].assign(
        indicator="mortality_incidence_ratio", unit="ratio", status=status.astype(object),
        **dict(zip(("part", "whole", "value", "lower", "upper"), values, strict=True)),
    )[list(COLUMNS)]  # fmt: skip
    return pd.concat([table, _less_lethality(table[table["status"] == OK], counts, level)], ignore_index=True)


def _in_common_years(counts: Counts) -> Counts:
    """Return the counts with cases and deaths of the years that a registry has both of.

    A registry without a year of both keeps its cases: its ratio is not estimable, and that is said.
    """
    cases, deaths = [], []
    for registry, mine in counts.cases.groupby("registry", sort=True):
        dead = counts.deaths[counts.deaths["registry"] == registry]
        kept, size = mine, -1
        # A period of several years is dropped whole, which may leave years of the other side alone.
        while size != len(kept) + len(dead):
            size = len(kept) + len(dead)
            both = _years(kept) & _years(dead)
            kept, dead = kept[_within(kept, both)], dead[_within(dead, both)]
        cases.append(kept if len(kept) else mine)
        deaths.append(dead)
    if not cases:
        return counts
    return replace(
        counts, cases=pd.concat(cases, ignore_index=True), deaths=pd.concat(deaths, ignore_index=True)
    )


def _years(table: pd.DataFrame) -> frozenset[int]:
    periods = table[list(PERIOD)].drop_duplicates().itertuples(index=False, name=None)
    return frozenset(year for start, stop in periods for year in range(int(start), int(stop)))


def _within(table: pd.DataFrame, years: frozenset[int]) -> NDArray[np.bool_]:
    periods = list(table[list(PERIOD)].itertuples(index=False, name=None))
    inside = {period: years.issuperset(range(int(period[0]), int(period[1]))) for period in set(periods)}
    return np.array([inside[period] for period in periods], dtype=np.bool_)


def _deaths(counts: Counts) -> pd.DataFrame:
    """Return deaths by registry, reported site and sex."""
    deaths = counts.deaths
    rows = []
    for registry, sites in deaths.groupby("registry", sort=True)["site"]:
        present = frozenset(sites.unique())
        for slug in reported(registry in counts.general):
            rows += [(registry, site, slug) for site in sorted(sites_below(slug, present))]
    places = pd.DataFrame(rows, columns=["registry", "site", "reported"], dtype="str")
    placed = deaths.merge(places, on=["registry", "site"]).drop(columns="site")
    placed = placed.rename(columns={"reported": "site", "events": "deaths"}).assign(
        period_from=0, period_until=0
    )
    return by_sex_and_both(placed, {"deaths": "sum"}).drop(columns=list(PERIOD))


def _less_lethality(table: pd.DataFrame, counts: Counts, level: float) -> pd.DataFrame:
    """Return the ratio less one minus survival, for both sexes, where enough are followed five years."""
    z = float(stats.norm.ppf((1 + level) / 2))
    rows = []
    followed = dict(list(counts.follow_up.groupby("registry", sort=True)))
    for row in table.itertuples(index=False):
        mine = followed.get(row.registry)
        if mine is None or (row.sex != BOTH and len(SITES[row.site].sexes) == 2):
            continue
        below = sites_below(row.site, frozenset(mine["site"].unique()))
        dying, error = one_minus_survival(mine[mine["site"].isin(below)])
        if np.isnan(dying):
            continue
        # The error of the ratio from its limits, which are nearly symmetric on the log scale.
        own = row.value * (np.log(row.upper) - np.log(row.lower)) / (2 * z)
        spread = z * float(np.hypot(own, error))
        difference = row.value - dying
        rows.append(
            row._asdict()
            | {"indicator": "mortality_less_lethality", "unit": "difference", "value": difference}
            | {"lower": difference - spread, "upper": difference + spread}
        )
    return _frame(rows)


def _yearly(registry: str, table: pd.DataFrame, counts: Counts) -> pd.DataFrame:
    """Return cases and person-years of all cancers by year; nothing where cells pool the years."""
    person_years = counts.person_years[counts.person_years["registry"] == registry]
    present = frozenset(table["site"].unique())
    mine = table[table["site"].isin(sites_below(ALL_CANCERS, present))]
    periods = ["period_from", "period_until"]
    cases = mine.groupby(periods, as_index=False)["events"].sum()
    people = person_years.groupby(periods, as_index=False)["person_years"].sum()
    both = cases.merge(people, on=periods).sort_values("period_from", ignore_index=True)
    return both[both["period_until"] - both["period_from"] == 1].reset_index(drop=True)


def _stability(registry: str, yearly: pd.DataFrame) -> pd.DataFrame:
    """Each year against its two nearest: the ratio of rates, and whether chance makes it so far from one.

    Given the cases of the three years together, those of one are binomial with the share of its person-years.
    """
    rows: list[dict[str, object]] = []
    events = yearly["events"].to_numpy(dtype=np.float64)
    people = yearly["person_years"].to_numpy(dtype=np.float64)
    for place in range(len(yearly)):
        keys = {
            "period_from": int(yearly["period_from"].iloc[place]),
            "period_until": int(yearly["period_until"].iloc[place]),
            "unit": "ratio",
        }
        near = np.argsort(np.abs(np.arange(len(yearly)) - place), kind="stable")[1:3]
        if len(near) < 2 or not people[near].sum() or not events[near].sum():
            rows.append(_row(registry, "yearly_count", **keys, status=NOT_ESTIMABLE))
            continue
        expected = events[near].sum() * people[place] / people[near].sum()
        rows.append(
            _row(
                registry, "yearly_count", **keys, value=events[place] / expected, part=events[place],
                whole=events[near].sum(),
            )
        )  # fmt: skip
        share = people[place] / people[[place, *near]].sum()
        total = int(events[[place, *near]].sum())
        test = stats.binomtest(int(events[place]), total, share)
        limits = test.proportion_ci(0.95, method="wilson")
        odds = np.array([limits.low, limits.high])
        ratio = odds / (1 - odds) * (1 - share) / share
        rows[-1] |= {"lower": float(ratio[0]), "upper": float(ratio[1])}
    return _frame(rows)


def _last_year(registry: str, yearly: pd.DataFrame, level: float) -> pd.DataFrame:
    """The last year against the three before it: what reporting delay leaves out."""
    if len(yearly) <= _YEARS_BEFORE:
        return _frame([])
    last, before = yearly.iloc[-1], yearly.iloc[-1 - _YEARS_BEFORE : -1]
    expected = before["events"].sum() * last["person_years"] / before["person_years"].sum()
    keys = {"period_from": int(last["period_from"]), "period_until": int(last["period_until"])}
    if not expected or not last["events"]:
        return _frame([_row(registry, "last_year_ratio", **keys, unit="ratio", status=NOT_ESTIMABLE)])
    ratio = float(last["events"]) / float(expected)
    z = float(stats.norm.ppf((1 + level) / 2))
    spread = np.exp(z * np.sqrt(1 / float(last["events"]) + 1 / float(before["events"].sum())))
    row = _row(
        registry, "last_year_ratio", **keys, unit="ratio", value=ratio, lower=ratio / spread,
        upper=ratio * spread, part=float(last["events"]), whole=float(before["events"].sum()),
    )  # fmt: skip
    return _frame([row])


def _by_age(registry: str, table: pd.DataFrame, counts: Counts, level: float) -> pd.DataFrame:
    """Rates under 15 and above 75 against the pooled French registries."""
    observed, expected = _observed_and_expected(registry, table, counts)
    span = _span(table)
    ages = 5 * np.arange(observed.shape[1])
    young, grown, old = ages < _CHILDHOOD, (ages >= _GROWN[0]) & (ages < _GROWN[1]), ages >= _GROWN[1]
    rows = []
    for sex, chosen in ((BOTH, [0, 1]), (1, [0]), (2, [1])):
        keys = {"sex": sex, **span, "unit": "ratio"}
        cases, awaited = observed[chosen].sum(axis=0), expected[chosen].sum(axis=0)
        if registry in counts.wide_ages or not awaited.sum():
            rows += [
                _row(registry, name, **keys, status=NOT_ESTIMABLE)
                for name in ("childhood_ratio", "old_age_ratio")
            ]
            continue
        few, due = float(cases[young].sum()), float(awaited[young].sum())
        limits = poisson_interval(few, level=level)
        rows.append(
            _row(
                registry, "childhood_ratio", **keys, value=few / due, lower=float(limits.lower) / due,
                upper=float(limits.upper) / due, part=few, whole=due,
            )
        )  # fmt: skip
        a, b = float(cases[old].sum()), float(cases[grown].sum())
        if not a or not b:
            rows.append(_row(registry, "old_age_ratio", **keys, status=NOT_ESTIMABLE))
            continue
        shape = (a / float(awaited[old].sum())) / (b / float(awaited[grown].sum()))
        spread = np.exp(float(stats.norm.ppf((1 + level) / 2)) * np.sqrt(1 / a + 1 / b))
        rows.append(
            _row(
                registry, "old_age_ratio", **keys, value=shape, lower=shape / spread,
                upper=shape * spread, part=a, whole=b,
            )
        )  # fmt: skip
    return _frame(rows)


def _observed_and_expected(
    registry: str, table: pd.DataFrame, counts: Counts
) -> tuple[np.ndarray, np.ndarray]:
    """Return cases of known age and those expected at the reference rates, by sex and five-year band."""
    reference = reference_rates()
    bands = len(reference[1])
    observed, people = np.zeros((2, bands)), np.zeros((2, bands))
    mine = table[table["site"].isin(sites_below(ALL_CANCERS, frozenset(table["site"].unique())))]
    person_years = counts.person_years[counts.person_years["registry"] == registry]
    for source, column, into in ((mine, "events", observed), (person_years, "person_years", people)):
        known = source[source["age_from"].notna()]
        place = known["age_from"].to_numpy(dtype=np.int64) // 5
        np.add.at(
            into,
            (known["sex"].to_numpy(dtype=np.int64) - 1, np.minimum(place, bands - 1)),
            known[column].to_numpy(dtype=np.float64),
        )
    rates = np.stack([reference[1], reference[2]])
    return observed, people * rates


def _years_behind(counts: Counts) -> pd.DataFrame:
    """Years between the last year of each registry and that of the other sources of the extract."""
    found = spans(counts.cases).reset_index()
    table = found.assign(
        indicator="years_behind", site=ALL_CANCERS, sex=BOTH, unit="years", status=OK, part=np.nan,
        whole=np.nan, lower=np.nan, upper=np.nan, value=np.nan,
    )  # fmt: skip
    if counts.latest is None:
        return table.assign(status=NOT_ESTIMABLE)[list(COLUMNS)]
    behind = (counts.latest - found["period_until"]).clip(lower=0)
    return table.assign(value=behind.astype("float64"))[list(COLUMNS)]
