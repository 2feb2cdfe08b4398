"""Seconds taken by rates over a nation: python benchmarks/bench_rates.py [--groups 100000]

Validation included; best of three calls on one thread. Peers' seconds for 100 000 groups of 19 bands,
measured on a like machine: data.table in R 0.46, dplyr 1.00, PHEindicatormethods 33.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

from rnc_epi.maths.annual_change import annual_change
from rnc_epi.maths.basics import median_age
from rnc_epi.maths.compare import rate_ratio
from rnc_epi.maths.lifetime import cumulative_rate, life_table, lifetime_risk
from rnc_epi.maths.multiple import false_discovery_rate, ranks_with_uncertainty
from rnc_epi.maths.standardise import crude_rate, directly_standardised_rate, indirectly_standardised_ratio
from rnc_epi.maths.weighted_sums import RATE_METHODS

BANDS = 19


def best_of_three(call: Callable[[], object]) -> str:
    """Seconds on the clock, and of processor time, which a busy machine lengthens less."""
    seconds = []
    for _ in range(3):
        start, busy = time.perf_counter(), time.process_time()
        call()
        seconds.append((time.perf_counter() - start, time.process_time() - busy))
    clock, processor = (min(column) for column in zip(*seconds, strict=True))
    return f"{clock:.3f} | {processor:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--groups", type=int, default=100_000)
    n = parser.parse_args().groups
    rng = np.random.default_rng(1)
    person_years = rng.lognormal(8, 0.6, (n, BANDS))
    events = rng.poisson(person_years * np.geomspace(1e-5, 6e-3, BANDS))
    deaths = rng.poisson(person_years * np.geomspace(1e-4, 2e-1, BANDS)) + events
    weights = np.linspace(12, 1, BANDS)
    ages, width = np.arange(BANDS) * 5, np.append(np.full(BANDS - 1, 5.0), np.inf)
    observed = events.sum(1)
    expected = person_years @ np.geomspace(1e-5, 6e-3, BANDS)
    rates = directly_standardised_rate(events, person_years, weights)
    some = min(n, 2000)
    print(f"{n} groups x {BANDS} bands, mean {observed.mean():.0f} events a group\n")
    print("| what | seconds | of processor |\n|---|---|---|")
    for method in RATE_METHODS:
        seconds = best_of_three(
            lambda m=method: directly_standardised_rate(events, person_years, weights, method=m)
        )
        print(f"| standardised rate, {method} | {seconds} |")
    calls = {
        "standardised rate, fay-feuer, two levels": lambda: directly_standardised_rate(
            events, person_years, weights, level=[0.95, 0.998]
        ),
        "age-specific rates with exact limits": lambda: crude_rate(events, person_years),
        "indirect ratio with exact limits": lambda: indirectly_standardised_ratio(observed, expected),
        "rate ratio, log-normal": lambda: rate_ratio(rates, rates),
        "rate ratio, fay-f": lambda: rate_ratio(rates, rates, method="fay-f"),
        "cumulative rate 0-74": lambda: cumulative_rate(events[:, :15], person_years[:, :15], np.full(15, 5)),
        "lifetime risk, delta": lambda: lifetime_risk(events, deaths, events // 2, person_years, width),
        "life table": lambda: life_table(deaths, person_years, ages),
        "median age": lambda: median_age(events, ages),
        "false discovery rate": lambda: false_discovery_rate(rng.uniform(size=n)),
        f"ranks of {some} areas, 4000 draws": lambda: ranks_with_uncertainty(
            crude_rate(observed[:some], expected[:some]), seed=1
        ),
        f"annual change, {some} groups x 19 years, Poisson": lambda: annual_change(
            events[:some], person_years[:some], np.arange(BANDS)
        ),
        f"annual change, {some} groups x 19 years, negative binomial": lambda: annual_change(
            events[:some], person_years[:some], np.arange(BANDS), family="negative-binomial"
        ),
    }
    for name, call in calls.items():
        print(f"| {name} | {best_of_three(call)} |")


if __name__ == "__main__":
    main()
