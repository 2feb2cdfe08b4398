"""Time the measures of social inequality: ``python benchmarks/bench_inequality.py``.

Targets: slope and relative index of 100 areas x 10 groups x 100 000 simulations in 0.5 s (R's phe_sii: 24 s);
all the measures of 46 site x sex pairs x 4 periods over 1 000 draws in 20 s.
"""

from __future__ import annotations

import time

import numpy as np

from rnc_epi.maths import inequality as iq


def timed(label: str, call, target: float) -> None:
    best = np.inf
    for _ in range(3):
        start = time.process_time()
        call()
        best = min(best, time.process_time() - start)
    print(f"{label:<72} {best:8.3f} s of one core   target {target:.2f} s")


def main() -> None:
    rng = np.random.default_rng(1)
    people = rng.uniform(1e4, 2e4, (100, 10))
    rate = 50 + 20 * rng.uniform(size=(100, 10)) + 30 * np.linspace(0, 1, 10)
    for transform in ("identity", "log"):

        def phe(transform=transform):
            iq.slope_index(rate, people, se=rate / 30, transform=transform)
            iq.relative_index(rate, people, se=rate / 30, transform=transform)

        timed(f"slope and relative index, {transform}, 100 areas x 10 x 100 000", phe, 0.5)

    shape = (1000, 46, 4, 5)
    draws = 100 * rng.gamma(100, 0.01, shape) * np.linspace(0.8, 1.2, 5)
    people = rng.uniform(1e5, 2e5, shape[1:])
    measures = {
        "slope": lambda v, p: iq.slope_index(v, p).value,
        "relative": lambda v, p: iq.relative_index(v, p).value,
        "relative, log": lambda v, p: iq.relative_index(v, p, transform="log").value,
        "concentration": iq.concentration_index,
        "absolute concentration": iq.absolute_concentration_index,
        "Theil": iq.theil,
        "mean log deviation": iq.mean_log_deviation,
        "variance": iq.between_group_variance,
        "disparity": iq.index_of_disparity,
    }

    def over_draws():
        for measure in measures.values():
            iq.over_draws(measure, draws, people)

    timed("nine measures of rates, 46 pairs x 4 periods x 1 000 draws", over_draws, 20)

    rank, age = np.tile(iq.ridit(np.ones(5)), 18), np.repeat(np.arange(18), 5)
    years = np.full(90, 1e5)
    mean = years * np.exp(-9 + 0.2 * age + 0.4 * rank)
    one = rng.poisson(mean, (46 * 4, 90))
    many = rng.poisson(mean, (1000, 4, 90))
    for model in ("multiplicative", "additive-by-age"):
        timed(
            f"{model}, 184 sets of 90 cells",
            lambda model=model: iq.slope_and_relative_index(one, years, rank, age, model=model),
            0.5,
        )
        timed(
            f"{model}, one pair x 4 periods x 1 000 draws of 90 cells",
            lambda model=model: iq.slope_and_relative_index(many, years, rank, age, model=model),
            20 / 46,
        )


if __name__ == "__main__":
    main()
