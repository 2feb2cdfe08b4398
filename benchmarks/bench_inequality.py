"""Time the measures of social inequality: ``python benchmarks/bench_inequality.py``.

Targets: slope and relative index of 100 areas x 10 groups x 100 000 simulations in 0.5 s (R's phe_sii: 24 s);
all the measures of 46 site x sex pairs x 4 periods over 1 000 draws of counts by age in 20 s of two cores.
"""

from __future__ import annotations

import time

import numpy as np
import pandas as pd

from rnc_epi.inequality import gradients_on_draws
from rnc_epi.inequality.gradients import rows_of_strata
from rnc_epi.inequality.strata import GroupedStrata
from rnc_epi.maths import inequality as iq
from rnc_epi.vocabulary.ages import BandSet
from rnc_epi.vocabulary.deprivation import EstimateOrigin, group_labels
from rnc_epi.vocabulary.draws import Draws
from rnc_epi.vocabulary.study_inequality import Inequality


def timed(label: str, call, target: float) -> None:
    best = np.inf
    for _ in range(3 if target < 10 else 1):
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

    whole_room()


def whole_room() -> None:
    """Time the tables: all the measures of a nation from counts, and on a thousand draws of them."""
    rng = np.random.default_rng(2)
    bands, groups, pairs, periods, draws = BandSet.five_year(), 5, 46, 4, 1000
    n, ages = pairs * periods, len(bands)
    years = rng.uniform(0.8, 1.2, (n, ages, groups)) * 1e6
    mean = years * np.exp(np.linspace(-11, -5.5, ages))[:, None] * np.exp(0.4 * iq.ridit(np.ones(groups)))
    keys = pd.DataFrame(
        {
            "event_type": "incidence", "site": [f"site{i // periods}" for i in range(n)], "sex": 1,
            "geo_level": "france_hexagonale", "geo_code": "FRH", "geo_vintage": "cog",
            "period_from": [2000 + 5 * (i % periods) for i in range(n)],
            "period_until": [2005 + 5 * (i % periods) for i in range(n)],
            "stratum_type": "deprivation", "source": "s",
        }
    )  # fmt: skip
    none = np.zeros((n, ages))
    strata = GroupedStrata(
        keys, group_labels(groups), bands, rng.poisson(mean) * 1.0, years, np.zeros((n, groups)), none, none,
        np.zeros(n), np.zeros(n, dtype=bool), np.ones(n, dtype=bool),
    )  # fmt: skip
    asked = Inequality(index="fdep", vintage="2015", by_site=False)
    timed(f"rows of {n} national strata, every measure", lambda: list(rows_of_strata(strata, asked)), 5)

    index = keys.loc[keys.index.repeat(ages * groups)].reset_index(drop=True)
    index["stratum"] = list(group_labels(groups)) * (n * ages)
    index["age_from"] = np.tile(np.repeat([band.age_from for band in bands], groups), n)
    until = [band.age_until for band in bands for _ in range(groups)] * n
    index["age_until"] = pd.array(until, dtype="Int64")
    values = rng.poisson(mean.ravel()[:, None], (mean.size, draws)).astype(np.float64)
    drawn = Draws(index, values, "events", "prediction", 0, "bench")
    origin = EstimateOrigin("calibrated", "HA", deprivation_in_model=True, tested_in_registry_zone=True)
    timed(
        f"{pairs} pairs x {periods} periods x every measure x {draws} draws of counts by age",
        lambda: gradients_on_draws(drawn, years.ravel(), mean.ravel().round(), origin, asked),
        20 * 2,
    )


if __name__ == "__main__":
    main()
