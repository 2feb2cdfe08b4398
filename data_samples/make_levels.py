"""Derive how the level of each site varies in France: between registries, with place, and overseas.

Run once: ``python data_samples/make_levels.py SHARED``, with the folder that holds
``data/registries/ci5_xii_france.csv.gz`` (Cancer Incidence in Five Continents, volume XII, IARC). Kept are,
by site and sex, the spread of the log ratio between the 16 metropolitan registries, its slope northwards and
eastwards, and the ratio of the overseas registries to them; no count of a registry is.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from rnc_epi.extracts.sample.places import site_handed_over
from rnc_epi.vocabulary.sites import by_ci5_code, ci5_control_totals, leaves

OUT = Path(__file__).resolve().parents[1] / "rnc_epi" / "extracts" / "sample" / "levels.csv"
OVERSEAS = {"Guadeloupe": "guadeloupe", "Martinique": "martinique", "La Réunion": "reunion"}
#: Latitude and longitude, degrees, of the middle of what each registry covers.
MIDDLES = {
    "Bas-Rhin": (48.6, 7.6), "Calvados": (49.1, -0.4), "Doubs": (47.2, 6.4), "Gironde": (44.8, -0.6),
    "Haut-Rhin": (47.9, 7.3), "Hérault": (43.6, 3.4), "Isère": (45.2, 5.6), "Lille-Métropole": (50.6, 3.1),
    "Limousin": (45.9, 1.3), "Loire-Atlantique": (47.3, -1.7), "Manche": (49.1, -1.3),
    "Poitou-Charentes": (46.1, -0.1), "Somme": (49.9, 2.3), "Tarn": (43.8, 2.2),
    "Territoire de Belfort": (47.6, 6.9), "Vendée": (46.7, -1.3),
}  # fmt: skip
#: A degree of latitude, and one of longitude at 46.5° north, in hundreds of km.
DEGREES = np.array([1.112, 0.766])
#: Cases expected overseas that are added to both sides of a ratio: one of few cases moves towards 1.
PRIOR_CASES = 4.0
#: Cases under which spread and slopes are noise.
FEWEST = 300
#: Spread of a registry's log ratio beyond Poisson noise, in the weights of the slopes.
BEYOND = 0.05


def main(shared: Path) -> None:
    """Write the packaged table."""
    cells = pd.read_csv(shared / "data/registries/ci5_xii_france.csv.gz")
    cells = cells[(cells["age_band"] != "unknown") & ~cells["site_code"].isin(list(ci5_control_totals()))]
    slugs = {code: by_ci5_code(int(code)).slug for code in cells["site_code"].unique()}
    cells = cells.assign(site=cells["site_code"].map(slugs).map(site_handed_over))
    cells = cells[cells["site"].isin({site_handed_over(leaf) for leaf in leaves("all_cancers")})]
    keys = ["site", "sex", "registry", "age_band"]
    cells = cells.groupby(keys, as_index=False).agg(
        cases=("cases", "sum"), person_years=("person_years", "first")
    )
    mainland = cells[cells["registry"].isin(MIDDLES)]
    pooled = mainland.groupby(["site", "sex", "age_band"])[["cases", "person_years"]].sum()
    rate = (pooled["cases"] / pooled["person_years"]).rename("rate")
    cells = cells.join(rate, on=["site", "sex", "age_band"])
    cells = cells.assign(expected=cells["rate"] * cells["person_years"])
    sums = cells.groupby(["site", "sex", "registry"])[["cases", "expected"]].sum()
    rows = []
    for (site, sex), group in sums.groupby(level=[0, 1]):
        of_registry = group.droplevel([0, 1])
        row: dict[str, object] = {"site": site, "sex": sex}
        row |= variation(of_registry.loc[list(MIDDLES)])
        for name, column in OVERSEAS.items():
            cases, expected = of_registry.loc[name, ["cases", "expected"]]
            row[column] = round((cases + PRIOR_CASES) / (expected + PRIOR_CASES), 2)
        if group["expected"].sum() > 0:
            rows.append(row)
    pd.DataFrame(rows).to_csv(OUT, index=False, lineterminator="\n")


def variation(registries: pd.DataFrame) -> dict[str, float | None]:
    """Return the spread of the log ratio, Poisson noise removed, and its slopes by 100 km.

    Slopes are shrunk by the adjusted share of the variance that they explain: chance alone gives two slopes
    of 16 registries an eighth of it.
    """
    if registries["expected"].sum() < FEWEST:
        return {"sd_log": None, "north": 0.0, "east": 0.0}
    cases, expected = registries["cases"].to_numpy(float), registries["expected"].to_numpy()
    logs = np.log(np.maximum(cases, 0.5) / expected)
    spread = np.sqrt(max(logs.var(ddof=1) - (1 / expected).mean(), 0.0))
    weight = 1 / (1 / expected + BEYOND**2)
    place = (np.array([MIDDLES[name] for name in registries.index]) - [46.5, 2.5]) * DEGREES
    design = np.column_stack([np.ones(len(logs)), place])
    root = np.sqrt(weight)
    fitted = np.linalg.lstsq(design * root[:, None], logs * root, rcond=None)[0]
    about = (weight * (logs - np.average(logs, weights=weight)) ** 2).sum()
    explained = 1 - (weight * (logs - design @ fitted) ** 2).sum() / about
    freedom = (len(logs) - 1) / (len(logs) - 3)
    shrink = max(1 - (1 - explained) * freedom, 0.0) / explained
    return {
        "sd_log": round(float(spread), 3),
        "north": round(float(fitted[1] * shrink), 4) + 0.0,
        "east": round(float(fitted[2] * shrink), 4) + 0.0,
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
