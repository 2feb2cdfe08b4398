"""Time of leave-one-out over every site, sex and proxy of the country: 46 pairs x 4 proxies x 20 districts.

Run: ``python benchmarks/bench_calibration.py`` with one BLAS thread; the aim is 20 seconds on one core.
"""

from __future__ import annotations

import time

import numpy as np

from rnc_epi.maths.calibration import fit_calibration, grade, leave_one_out

PAIRS, PROXIES, DISTRICTS = 46, 4, 20


def pair(generator: np.random.Generator) -> tuple[np.ndarray, list[np.ndarray], np.ndarray, np.ndarray]:
    """Cells of one site and sex: incident cases, four proxies, ages, districts."""
    ages = np.concatenate([np.arange(2.5, 85, 5), [88.5]])
    age, district = np.tile(ages, DISTRICTS), np.repeat(np.arange(DISTRICTS), ages.size)
    cases = np.exp(generator.uniform(np.log(60), np.log(6000)))
    shape = np.exp(-(((age - generator.uniform(55, 80)) / 16) ** 2))
    size = np.exp(generator.normal(0, 0.4, DISTRICTS))[district]
    incident = generator.poisson(cases * size * shape / shape[:18].sum()).astype(float)
    proxies = []
    for middle in (0.8, 1.0, 1.15, 0.6):
        sigma = np.exp(generator.uniform(np.log(0.02), np.log(0.2)))
        effect = generator.normal(0, sigma, DISTRICTS)[district]
        ratio = middle * np.exp(effect + 0.004 * (age - 60))
        proxies.append(generator.poisson(incident * ratio).astype(float))
    return incident, proxies, age, district


def main() -> None:
    """Print the seconds of the whole country."""
    generator = np.random.default_rng(20)
    country = [pair(generator) for _ in range(PAIRS)]
    start, processor = time.perf_counter(), time.process_time()
    grades: dict[str, int] = {}
    for incident, proxies, age, district in country:
        for proxy in proxies:
            fit = fit_calibration(incident, proxy, age, district)
            found = leave_one_out(incident, proxy, age, district)
            mark = grade(found.error, fit.sigma_district, 0.1)
            grades[mark] = grades.get(mark, 0) + 1
    seconds = time.perf_counter() - start
    processor = time.process_time() - processor
    print(f"{PAIRS * PROXIES} calibrations, each with leave-one-out over {DISTRICTS} districts")
    print(f"{seconds:.1f} s elapsed, {processor:.1f} s of processor; grades {grades}")


if __name__ == "__main__":
    main()
