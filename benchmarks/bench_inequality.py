"""Time the measures of social inequality: ``python benchmarks/bench_inequality.py [--national EXTRACT]``.

Targets: slope and relative index of 100 areas x 10 groups x 100 000 simulations in 0.5 s (R's phe_sii: 24 s);
all the measures of every site x sex pair x 4 periods over 1 000 draws of counts by age in 20 s of two cores.
With ``--national`` and the path of a national sample (``rnc-epi sample --size national``) the room is run on
it, from the extract to the draws, and its gradients are set against the truth beside the sample.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd

from rnc_epi.cells.build import CellBuilder, Selection
from rnc_epi.extracts.opening import open_extract
from rnc_epi.inequality import deprivation_groups, gradients, gradients_on_draws
from rnc_epi.inequality.gradients import rows_of_strata
from rnc_epi.inequality.strata import GroupedStrata
from rnc_epi.maths import inequality as iq
from rnc_epi.vocabulary.ages import BandSet
from rnc_epi.vocabulary.deprivation import EstimateOrigin, group_labels
from rnc_epi.vocabulary.draws import Draws
from rnc_epi.vocabulary.periods import Period
from rnc_epi.vocabulary.sites import SITES
from rnc_epi.vocabulary.study_inequality import Inequality


def timed(label: str, call, target: float) -> None:
    best = np.inf
    for _ in range(3 if target < 10 else 1):
        start = time.process_time()
        call()
        best = min(best, time.process_time() - start)
    print(f"{label:<72} {best:8.3f} s of one core   target {target:.2f} s")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--national", type=Path, help="extract of a national sample")
    path = asked.parse_args().national
    if path is not None:
        on_the_national_sample(path)
        return
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


#: Four periods of the registries of the national sample, and draws of each count.
PERIODS, DRAWS = (Period(2004, 2009), Period(2009, 2014), Period(2014, 2019), Period(2004, 2019)), 1000


def on_the_national_sample(path: Path) -> None:
    """Run the room on a national sample, a line a stage, then set gradients against the truth."""
    started = [time.process_time(), time.perf_counter()]

    def stage(label: str) -> None:
        now = [time.process_time(), time.perf_counter()]
        own, wall = (now[0] - started[0], now[1] - started[1])
        print(f"{label:<84} {own:7.2f} s of process, {wall:7.2f} s by the clock")
        started[:] = [time.process_time(), time.perf_counter()]

    extract = open_extract(path)
    stage("open and check the extract")
    builder = CellBuilder(extract)
    stage("count its events")
    sites = tuple(
        slug
        for slug in builder.available_sites("incidence")
        if SITES[slug].french_report or slug == "all_cancers"
    )
    found = {}
    for level in ("commune", "zone"):
        cut = deprivation_groups(
            extract.areas_table("deprivation"),
            builder.areas(),
            index="synthetic_edi",
            vintage="synthetic_2021",
            geo_level=level,
            membership=extract.areas_table("membership"),
        )
        selection = Selection(sites, (1, 2), ("incidence",), ("registry_zone",), pooled=PERIODS)
        cells = builder.grouped(selection, cut.table)
        found[level] = [part.take(part.strata["geo_code"].eq("ALL").to_numpy()) for part in cells]
        stage(f"{level}: groups, and cases of {len(sites)} sites by group, age and sex")
    asked = Inequality(index="synthetic_edi", vintage="synthetic_2021", gap_in_deaths=False)
    rows = {level: gradients(cells, asked).results for level, cells in found.items()}
    stage(f"every measure of both groupings, {sum(map(len, rows.values()))} rows with analytic limits")
    drawn, years, events = draws_of(found["commune"])
    stage(f"{DRAWS} draws of {len(drawn.index)} counts")
    origin = EstimateOrigin("calibrated", "HA", deprivation_in_model=True, tested_in_registry_zone=True)
    measured = gradients_on_draws(drawn, years, events, origin, asked)
    pairs = len(measured[["site", "sex"]].drop_duplicates())
    stage(f"{pairs} pairs x {len(PERIODS)} periods x every measure x {DRAWS} draws (target 40 s of process)")
    print(against_truth(rows, pd.read_parquet(path.with_name(f"{path.stem}_truth.parquet"))))
    extract.close()


def draws_of(parts) -> tuple[Draws, np.ndarray, np.ndarray]:
    """Return draws of the counts by group, each from the gamma law that a Poisson count leaves."""
    rng = np.random.default_rng(3)
    tables, values, years, events = [], [], [], []
    for cells in parts:
        kept = cells.take(cells.strata["stratum"].astype(str).str.startswith("Q").to_numpy())
        bands = list(kept.bands)
        index = kept.strata.loc[kept.strata.index.repeat(len(bands))].reset_index(drop=True)
        index["age_from"] = [band.age_from for band in bands] * len(kept)
        index["age_until"] = pd.array([band.age_until for band in bands] * len(kept), dtype="Int64")
        seen = kept.events.ravel().astype(float)
        tables.append(index)
        values.append(rng.gamma(np.maximum(seen, 1e-3)[:, None], 1.0, (seen.size, DRAWS)))
        years.append(kept.person_years.ravel())
        events.append(seen)
    stacked = Draws(
        pd.concat(tables, ignore_index=True), np.concatenate(values), "events", "prediction", 3, "b"
    )
    return stacked, np.concatenate(years), np.concatenate(events)


def against_truth(rows: dict[str, pd.DataFrame], truth: pd.DataFrame) -> str:
    """Return the rate ratio of the extreme fifths of each pair beside the truth of communes and of zones."""
    period = max(PERIODS, key=lambda one: one.length)
    of_truth = truth[truth["quantity"].eq("rate_ratio_extreme_fifths")].astype({"site": str, "sex": int})
    columns = {}
    for level, table in rows.items():
        own = (
            table[
                table["indicator"].eq("rate_ratio")
                & table["comparator"].eq("Q5/Q1")
                & table["period_from"].eq(period.period_from)
                & table["period_until"].eq(period.period_until)
            ]
            .astype({"site": str, "sex": int})
            .set_index(["site", "sex"])
        )
        for name in ("value", "lower", "upper"):
            columns[f"{level} {name}"] = own[name]
        # Of the metropolitan fifths, as published ratios are.
        mine = of_truth[of_truth["geo_level"].eq(level) & of_truth["geo_code"].eq("FRH")]
        columns[f"{level} truth"] = mine.set_index(["site", "sex"])["value"]
    declared = of_truth[of_truth["geo_level"].eq("france_entiere")].set_index(["site", "sex"])["value"]
    table = pd.DataFrame({"declared": declared} | columns).dropna()
    lines = [table.round(2).to_string()]
    logs = np.log(table)
    some = logs["declared"].abs() > 0.05
    for level in rows:
        found, true = logs[f"{level} value"], logs["declared"]
        slope = float((found[some] * true[some]).sum() / (true[some] ** 2).sum())
        signs = int((np.sign(found[some]) == np.sign(true[some])).sum())
        spread = float((found - true)[~some].std())
        lines.append(
            f"{level}: {signs} of {int(some.sum())} gradients have their sign; log ratio {slope:.2f} of the "
            f"declared; where there is none, log ratios spread by {spread:.3f} ({int((~some).sum())} pairs)"
        )
    # Limits are those of the counts; the registries' own levels (spread declared for each site) come on top.
    held = table["commune lower"].le(table["declared"]) & table["declared"].le(table["commune upper"])
    lines.append(f"declared ratio within the Poisson limits of communes: {held.mean():.0%}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
