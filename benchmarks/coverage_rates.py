"""Coverage of the limits of rates, by expected events and by how unequal the weights are.

    python benchmarks/coverage_rates.py [--replicates 20000] [--out docs/figures]

Writes ``coverage_rates.csv`` and ``coverage_rates.svg`` and prints the tables of docs/assurance.md. Rates are
simulated; single counts need no simulation, since their coverage is a finite sum of Poisson probabilities.
"""

from __future__ import annotations

import argparse
import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import optimize, stats

from rnc_epi.maths.compare import RATIO_METHODS, rate_ratio
from rnc_epi.maths.intervals import COUNT_METHODS, poisson_interval
from rnc_epi.maths.standardise import directly_standardised_rate
from rnc_epi.maths.weighted_sums import RATE_METHODS

EXPECTED = (0.5, 1, 2, 5, 10, 20, 50, 100, 500)
VARIATION = (0, 0.5, 1, 2, 3)
# Where the expected events lie: spread evenly, in the heavy bands, in the light ones.
ALLOCATIONS = ("even", "heavy", "light")
BANDS = 19
# Equal rates, and one three times the other: only at equality are test-based limits exact in principle.
RATIOS = (1.0, 3.0)
NOMINAL = 0.95


@dataclass(frozen=True)
class Covered:
    """Share of replicates whose limits hold the truth, miss it on either side, or do not exist."""

    quantity: str
    method: str
    expected: float
    variation: float
    allocation: str
    coverage: float
    truth_below: float
    truth_above: float
    without_limits: float


def band_weights(variation: float) -> np.ndarray:
    """Weights of one event with mean 1 and the given coefficient of variation, shuffled once for all."""
    z = stats.norm.ppf((np.arange(BANDS) + 0.5) / BANDS)

    def spread(sigma: float) -> float:
        w = np.exp(sigma * z)
        return float(w.std() / w.mean()) - variation

    sigma = optimize.brentq(spread, 0.0, 20.0) if variation else 0.0
    w = np.exp(sigma * z)
    return np.random.default_rng(11).permutation(w / w.mean())


def band_means(weights: np.ndarray, expected: float, allocation: str) -> np.ndarray:
    shares = {"even": np.ones(BANDS), "heavy": weights, "light": 1 / weights}[allocation]
    return expected * shares / shares.sum()


def rate_coverage(
    expected: float, variation: float, allocation: str, replicates: int, seed: int, methods=RATE_METHODS
) -> list[Covered]:
    weights = band_weights(variation)
    means = band_means(weights, expected, allocation)
    events = np.random.default_rng(seed).poisson(means, (replicates, BANDS))
    # Equal standard weights: the weight of one event is then set by the person-years alone.
    person_years = np.broadcast_to(1 / (BANDS * weights), events.shape)
    truth = float(weights @ means)
    found = []
    for method in methods:
        rate = directly_standardised_rate(events, person_years, np.ones(BANDS), method=method, per=1)
        found.append(_count("rate", method, expected, variation, allocation, rate.lower, rate.upper, truth))
    return found


def ratio_coverage(
    expected: float, variation: float, replicates: int, seed: int, ratio_true: float = 1.0
) -> list[Covered]:
    """Two areas with the same expected events and different age structures, their rates in a known ratio."""
    rng = np.random.default_rng(seed)
    pair = []
    for weights, height in ((band_weights(variation), ratio_true), (band_weights(variation)[::-1], 1.0)):
        means = band_means(weights, expected, "even")
        truth = float(weights @ means)
        events = rng.poisson(means, (replicates, BANDS))
        person_years = np.broadcast_to(truth / (BANDS * weights * height), events.shape)
        pair.append(directly_standardised_rate(events, person_years, np.ones(BANDS), per=1))
    found = []
    for method in RATIO_METHODS:
        ratio = rate_ratio(*pair, method=method)
        limits = (ratio.lower, ratio.upper, ratio_true)
        found.append(_count(f"ratio {ratio_true:g}", method, expected, variation, "even", *limits))
    return found


def _count(quantity, method, expected, variation, allocation, lower, upper, truth) -> Covered:
    undefined = np.isnan(lower) | np.isnan(upper)
    # A hair of tolerance: with equal weights a limit may equal the truth up to rounding.
    below = (lower > truth * (1 + 1e-12)) & ~undefined
    above = (upper < truth * (1 - 1e-12)) & ~undefined
    inside = ~(below | above | undefined)
    shares = (float(x.mean()) for x in (inside, below, above, undefined))
    return Covered(quantity, method, expected, variation, allocation, *shares)


def count_coverage(mean: np.ndarray, method: str, level: float = NOMINAL) -> np.ndarray:
    """Exact coverage of the limits of a single count, for each mean."""
    mean = np.asarray(mean, dtype=float)
    most = int(mean.max() + 12 * np.sqrt(mean.max()) + 40)
    counts = np.arange(most)
    limits = poisson_interval(counts, method=method, level=level)
    probability = stats.poisson.pmf(counts[:, None], mean)
    inside = (limits.lower[:, None] <= mean) & (mean <= limits.upper[:, None])
    return (probability * inside).sum(axis=0)


def all_results(replicates: int) -> list[Covered]:
    found: list[Covered] = []
    seed = 0
    for variation in VARIATION:
        for expected in EXPECTED:
            for allocation in ALLOCATIONS if variation else ALLOCATIONS[:1]:
                seed += 1
                found += rate_coverage(expected, variation, allocation, replicates, seed)
            for ratio_true in RATIOS:
                found += ratio_coverage(expected, variation, replicates, 10_000 + seed, ratio_true)
    return found


def print_tables(found: list[Covered]) -> None:
    for quantity, methods in (("rate", RATE_METHODS), *((f"ratio {r:g}", RATIO_METHODS) for r in RATIOS)):
        for method in methods:
            print(f"\n{quantity} {method}: least coverage over the places of the events, in per cent\n")
            print("| expected | " + " | ".join(f"CV {v:g}" for v in VARIATION) + " |")
            print("|---|" + "---|" * len(VARIATION))
            for expected in EXPECTED:
                cells = []
                for variation in VARIATION:
                    rows = [
                        r.coverage
                        for r in found
                        if (r.quantity, r.method, r.expected, r.variation)
                        == (quantity, method, expected, variation)
                    ]
                    cells.append(f"{100 * min(rows):.1f}")
                print(f"| {expected:g} | " + " | ".join(cells) + " |")
    grid = np.exp(np.linspace(np.log(0.5), np.log(500), 4001))
    print("\nsingle counts, exact coverage over means 0.5 to 500, in per cent\n")
    print("| method | least | mean | most | least above 5 |\n|---|---|---|---|---|")
    for method in COUNT_METHODS:
        c = 100 * count_coverage(grid, method)
        print(f"| {method} | {c.min():.2f} | {c.mean():.2f} | {c.max():.2f} | {c[grid > 5].min():.2f} |")


def draw(found: list[Covered], path: Path, replicates: int) -> None:
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "coverage"
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(2, 4, figsize=(12, 5.6), sharex=True, sharey=True, layout="constrained")
    colours = plt.colormaps["viridis"](np.linspace(0, 0.85, len(VARIATION)))
    for ax, method in zip(axes.flat, RATE_METHODS, strict=False):
        for colour, variation in zip(colours, VARIATION, strict=True):
            rows = [r for r in found if (r.quantity, r.method, r.variation) == ("rate", method, variation)]
            least = [min(r.coverage for r in rows if r.expected == e) for e in EXPECTED]
            ax.plot(EXPECTED, np.multiply(100, least), marker="o", ms=3, color=colour, label=f"{variation:g}")
        ax.axhline(100 * NOMINAL, color="black", lw=0.8)
        ax.set(title=method, xscale="log", ylim=(70, 101))
        ax.grid(alpha=0.3)
    axes.flat[-1].axis("off")
    handles, labels = axes.flat[0].get_legend_handles_labels()
    axes.flat[-1].legend(
        handles, labels, title="Variation of weights\n(coefficient of variation)", loc="center"
    )
    figure.supxlabel("Expected events (values below 70 % are cut off)")
    figure.supylabel("Coverage of 95 % limits (%)")
    figure.suptitle(f"Least coverage over three places of the events, {replicates} replicates", fontsize=11)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=20_000)
    parser.add_argument("--out", type=Path, default=Path("docs/figures"))
    options = parser.parse_args()
    found = all_results(options.replicates)
    options.out.mkdir(parents=True, exist_ok=True)
    with (options.out / "coverage_rates.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Covered.__dataclass_fields__)
        writer.writerows([list(vars(r).values()) for r in found])
    draw(found, options.out / "coverage_rates.svg", options.replicates)
    print_tables(found)


if __name__ == "__main__":
    main()
