"""Derive the rates that the sample is drawn from: pooled French registries, by site, sex and age.

Run once: ``python data_samples/make_reference_rates.py SHARED``, with the folder that holds
``data/registries/ci5_xii_france.csv.gz`` (Cancer Incidence in Five Continents, volume XII, IARC). Only pooled
rates and the spread between registries are kept; the counts of a registry are not.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from rnc_epi.vocabulary.sites import by_ci5_code, ci5_control_totals

OUT = Path(__file__).resolve().parents[1] / "rnc_epi" / "extracts" / "sample" / "reference_rates.csv"
OVERSEAS = ("125009099", "225009199", "225009299")


def main(shared: Path) -> None:
    """Write the packaged table."""
    cells = pd.read_csv(shared / "data/registries/ci5_xii_france.csv.gz", dtype={"registry_code": str})
    cells = cells[~cells["registry_code"].isin(OVERSEAS) & (cells["age_band"] != "unknown")]
    cells = cells[~cells["site_code"].isin(list(ci5_control_totals()))]
    cells["age_from"] = cells["age_band"].str.extract(r"^(\d+)")[0].astype(int)
    rows = []
    for (code, sex), group in cells.groupby(["site_code", "sex"]):
        site = by_ci5_code(int(code))
        if sex not in site.sexes:
            continue
        by_age = group.groupby("age_from")[["cases", "person_years"]].sum()
        rate = by_age["cases"] / by_age["person_years"]
        spread = between_registries(group, rate)
        row = {"site": site.slug, "sex": sex, "sd_log": round(spread, 3)}
        # Four significant digits: the pooled rate, no count.
        row |= {f"age_{age}": float(f"{1e5 * value:.4g}") for age, value in rate.items()}
        rows.append(row)
    pd.DataFrame(rows).to_csv(OUT, index=False, lineterminator="\n")


def between_registries(group: pd.DataFrame, rate: pd.Series) -> float:
    """Return the standard deviation of the log ratio between registries, Poisson noise removed (moments)."""
    expected = group["age_from"].map(rate) * group["person_years"]
    by_registry = pd.DataFrame({"registry": group["registry_code"], "o": group["cases"], "e": expected})
    sums = by_registry.groupby("registry")[["o", "e"]].sum()
    if sums["o"].sum() < 50:
        return 0.1
    ratio = sums["o"] / sums["e"]
    excess = ((ratio - 1) ** 2 * sums["e"] ** 2 - sums["e"]).sum() / (sums["e"] ** 2).sum()
    return float(np.sqrt(max(excess, 0.0)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
