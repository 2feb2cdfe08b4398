"""What stays in the internal zone: grades, errors by registry district, ratios by age, classical methods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rnc_epi.calibration.country import Country
from rnc_epi.calibration.learning import AREA_LEVEL, REGION_LEVEL
from rnc_epi.calibration.pooling import Panel
from rnc_epi.maths.ratio import area_ratio, national_ratio
from rnc_epi.vocabulary.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rnc_epi.vocabulary.study_calibration import Calibration

    Floats = NDArray[np.float64]


def _key(country: Country) -> dict[str, object]:
    cell = country.cell
    return {"period": cell.period.label, "site": cell.site, "sex": cell.sex}


def grade_rows(country: Country, asked: Calibration) -> pd.DataFrame:
    """Return both grades of each correlate by level, what they rest on, and what was chosen."""
    judged = country.judged
    found = judged.combination
    rows: list[dict[str, object]] = []
    for level in (AREA_LEVEL, REGION_LEVEL):
        choice = judged.choices[level]
        for name, one in judged.judgements.items():
            reference, without_noise, errors = one.grades[level]
            rows.append(
                _key(country)
                | {
                    "level": level,
                    "proxy": name,
                    "districts": one.fit.districts,
                    "registry_cases": float(one.lesson.incident.sum()),
                    "sigma_district": one.fit.sigma_district,
                    "sigma_incidence": judged.sigma_incidence,
                    "dispersion": one.fit.dispersion,
                    **_spread(errors),
                    "grade": reference,
                    "grade_without_noise": without_noise,
                    "used": choice.proxies == (name,),
                    "publishable": one.mark(level, asked.publish_on) in ("A++", "A+"),
                    "share": _share(choice.proxies, choice.shares, name),
                    "optimism": np.nan if found is None else found.optimism,
                    "refused": "_",
                }
            )
        if len(choice.proxies) > 1 and found is not None:
            rows.append(
                _key(country)
                | {
                    "level": level,
                    "proxy": choice.name,
                    "districts": int(found.district.size),
                    "sigma_incidence": judged.sigma_incidence,
                    **_spread(found.combined_errors),
                    "grade": choice.mark,
                    "used": True,
                    "publishable": choice.publishable,
                    "share": 1.0,
                    "optimism": found.optimism,
                    "refused": "_",
                }
            )
    for name, code in judged.refused.items():
        rows.append(_key(country) | {"proxy": name, "used": False, "refused": code})
    return pd.DataFrame(rows)


def _spread(errors: Floats) -> dict[str, float | int]:
    size = np.abs(errors)
    return {
        "rms_error": float(np.sqrt((errors**2).mean())),
        "median_error": float(np.median(size)),
        "largest_error": float(size.max()),
        "beyond_15": int((size > 0.15).sum()),
        "beyond_30": int((size > 0.30).sum()),
    }


def _share(names: tuple[str, ...], shares: Floats, name: str) -> float:
    return float(shares[names.index(name)]) if name in names else 0.0


def validation_rows(country: Country) -> pd.DataFrame:
    """Return observed and predicted cases of each registry district, predicted without it."""
    parts = []
    for name, one in country.judged.judgements.items():
        areas = [one.lesson.areas[int(place)] for place in one.errors.district]
        parts.append(
            pd.DataFrame(
                {
                    **_key(country),
                    "proxy": name,
                    "geo_level": [area.geo_level for area in areas],
                    "geo_code": [area.geo_code for area in areas],
                    "geo_vintage": [area.geo_vintage for area in areas],
                    "observed": one.errors.observed,
                    "predicted": one.errors.predicted,
                    "se": one.errors.se,
                    "error": one.errors.error,
                    "noise_variance": one.errors.noise_variance,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def ratio_rows(country: Country) -> pd.DataFrame:
    """Return the correlate per incident case by age, and its limits."""
    parts = []
    for name, one in country.judged.judgements.items():
        ages = np.unique(one.lesson.age)
        curve = one.fit.best
        rows = one.fit.curve_rows({"age": ages})
        error = np.sqrt(np.einsum("ap,pq,aq->a", rows, curve.covariance, rows))
        ratio = one.fit.ratio(ages)
        parts.append(
            pd.DataFrame(
                {
                    **_key(country),
                    "proxy": name,
                    "age": ages,
                    "ratio": ratio,
                    "lower": ratio * np.exp(-1.959964 * error),
                    "upper": ratio * np.exp(1.959964 * error),
                    "sigma_district": one.fit.sigma_district,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def classical_rows(country: Country, panels: Mapping[str, Panel]) -> pd.DataFrame:
    """Return the cases of the nation and of its areas by each correlate's ratio in the registry zone.

    As editions before the calibration had them; the limits hold the noise of the counts alone. Registry
    districts that are areas count where they lie in the nation; those of a level of their own, anonymous, are
    taken to lie in it. A nation is named by its own area, ``_`` where the areas make up none.

    Parameters
    ----------
    panels : dict of str to Panel
        Every correlate in every area.
    """
    parts: list[pd.DataFrame] = []
    national = set(country.national)
    for name, one in country.judged.judgements.items():
        lesson, size = one.lesson, len(one.lesson.bands)
        panel = panels[name]
        inside = panel.of([area for area in panel.areas if area in national])
        placed = lesson.areas[0].geo_level == panel.areas[0].geo_level
        zone = np.array([not placed or area in national for area in lesson.areas])
        if not zone.any() or not len(inside):
            continue
        inside = inside.merged_to(lesson.bands)
        cases, counts = (
            column.reshape(-1, size)[zone].sum(axis=0) for column in (lesson.incident, lesson.proxy)
        )
        key = _key(country) | {"proxy": name, "registry_cases": float(cases.sum())}
        # An age without any correlate in the zone is taken with the next one that has some.
        place = np.minimum(np.cumsum(counts > 0) - (counts > 0), max(int((counts > 0).sum()) - 1, 0))
        starts = np.flatnonzero(np.diff(place, prepend=-1))
        cases, counts = np.add.reduceat(cases, starts), np.add.reduceat(counts, starts)
        events = np.add.reduceat(inside.events, starts, axis=1)
        try:
            whole = national_ratio(cases, counts, events.sum(axis=0), level=country.cell.level)
            each = area_ratio(cases, counts, events, level=country.cell.level)
        except InputError as problem:
            parts.append(pd.DataFrame([key | {"refused": problem.code}]))
            continue
        nation = country.nation
        for areas, found in (((nation,), whole), (inside.areas, each)):
            parts.append(
                pd.DataFrame(
                    {
                        **key,
                        "geo_level": ["_" if area is None else area.geo_level for area in areas],
                        "geo_code": ["_" if area is None else area.geo_code for area in areas],
                        "geo_vintage": ["_" if area is None else area.geo_vintage for area in areas],
                        "cases": np.atleast_1d(found.cases),
                        "lower": np.atleast_1d(found.lower),
                        "upper": np.atleast_1d(found.upper),
                        "refused": "_",
                    }
                )
            )
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
