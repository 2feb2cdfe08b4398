"""The packaged tables that the sample is drawn from; sources in the README beside them."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import numpy as np
import pandas as pd

#: First ages of the bands of the reference tables; the last is open.
AGE_STARTS = tuple(range(0, 90, 5))
#: How the sample shares out the entity that CI5 gives as one, among the leaves of the site table.
SHARED_OUT = {
    "other_and_unspecified": {
        "unknown_primary": 0.70,
        "peritoneum_retroperitoneum": 0.15,
        "digestive_other": 0.10,
        "respiratory_other": 0.05,
    }
}
_AGE_COLUMNS = [f"age_{age}" for age in AGE_STARTS]
REFERENCE_YEAR = 2015


def _read(name: str) -> pd.DataFrame:
    text = files("rnc_epi.extracts.sample") / name
    with text.open(encoding="utf-8") as stream:
        return pd.read_csv(stream, dtype={"departement": "str"})


@cache
def rates() -> dict[tuple[str, int], np.ndarray]:
    """Return rates per person-year by leaf and sex, one value a band, in the reference year."""
    table = _read("reference_rates.csv")
    values = table[_AGE_COLUMNS].to_numpy(dtype=np.float64) / 1e5
    return {
        (leaf, int(sex)): values[i] * share
        for i, (site, sex) in enumerate(zip(table["site"], table["sex"], strict=True))
        for leaf, share in SHARED_OUT.get(site, {site: 1.0}).items()
    }


@cache
def spread() -> dict[tuple[str, int], float]:
    """Return the standard deviation of the log rate between registries, by leaf and sex."""
    table = _read("reference_rates.csv")
    return {
        (leaf, int(sex)): float(value)
        for site, sex, value in zip(table["site"], table["sex"], table["sd_log"], strict=True)
        for leaf in SHARED_OUT.get(site, {site: 1.0})
    }


@cache
def _by_site(name: str, prefix: str) -> dict[tuple[str, int], float]:
    table = _read(name)
    men = {(site, 1): float(value) for site, value in zip(table["site"], table[f"{prefix}_men"], strict=True)}
    return men | {
        (site, 2): float(value) for site, value in zip(table["site"], table[f"{prefix}_women"], strict=True)
    }


def annual_change(site: str, sex: int) -> float:
    """Return the annual change of a site's rates, per cent; 0 where none is published."""
    return _by_site("trends.csv", "annual_change").get((site, sex), 0.0)


def deaths_per_case() -> dict[tuple[str, int], float]:
    """Return deaths per incident case by site and sex, of the sites whose deaths the sample holds."""
    return {key: value for key, value in _by_site("mortality.csv", "ratio").items() if value > 0}


@cache
def age_shape() -> dict[int, np.ndarray]:
    """Return the share of each sex and band in the national population; both sexes sum to 1."""
    table = _read("population_2022.csv")
    values = table[_AGE_COLUMNS].to_numpy(dtype=np.float64)
    shares = values / values.sum()
    return {int(sex): shares[i] for i, sex in enumerate(table["sex"])}


def registries() -> pd.DataFrame:
    """Return ``registry, name_fr, name_en, departement, form``: who covers what, in rows or in cells."""
    return _read("registries.csv")


@cache
def published_figures() -> pd.DataFrame:
    """Return the national figures that the large samples follow, and those that they could not."""
    return _read("national_figures.csv").fillna({"why_not": ""})


@cache
def gradients() -> dict[tuple[str, int], float]:
    """Return the rate ratio of the most to the least deprived fifth, by site and sex; 1: none is known."""
    return _by_site("gradients.csv", "rate_ratio")


@cache
def lethality_gradients() -> dict[tuple[str, int], float]:
    """Return the ratio of deaths per case of the most to the least deprived fifth, by site and sex."""
    return _by_site("gradients.csv", "lethality")


@cache
def population_totals() -> dict[int, float]:
    """Return the inhabitants of France hexagonale on 1 January of each year."""
    table = _read("population_totals.csv")
    return dict(zip(table["year"].tolist(), table["inhabitants"].astype(float).tolist(), strict=True))


@cache
def group_spread() -> dict[tuple[str, int], float]:
    """Return the spread of the log rate between registries of the sites that have several leaves."""
    return {key: value for key, value in _by_site("gradients.csv", "sd_log").items() if value > 0}


@cache
def levels_of_places() -> pd.DataFrame:
    """Return how levels of a site and sex (index) vary: ``sd_log, north, east`` and overseas ratios.

    Slopes are of the log ratio by 100 km; the spread is empty where too few cases were counted to know it.
    """
    return _read("levels.csv").set_index(["site", "sex"])


@cache
def overseas_ratios() -> dict[tuple[str, str, int], float]:
    """Return the incidence of an overseas département relative to the mainland, by code, site and sex.

    French Guiana and Mayotte have no such registry: the one is taken to be as Guadeloupe and Martinique
    (geometric mean), the other as La Réunion.
    """
    found = {}
    for (site, sex), row in levels_of_places().iterrows():
        antilles = float(np.sqrt(row["guadeloupe"] * row["martinique"]))
        for code, ratio in (
            ("971", row["guadeloupe"]),
            ("972", row["martinique"]),
            ("973", antilles),
            ("974", row["reunion"]),
            ("976", row["reunion"]),
        ):
            found[(code, site, int(sex))] = float(ratio)
    return found


@cache
def stages() -> dict[str, tuple[float, ...]]:
    """Return the shares of stages 1 to 4 among staged invasive tumours, by site; ``other`` for the rest."""
    table = _read("stages.csv")
    columns = ["stage_1", "stage_2", "stage_3", "stage_4"]
    return dict(zip(table["site"], table[columns].itertuples(index=False, name=None), strict=True))


@cache
def proxies() -> pd.DataFrame:
    """Return what SNDS sees of each site (index): ratios, spreads of districts, effect of deprivation."""
    return _read("proxies.csv").set_index("site")
