"""The gradient inside the small-area model: deprivation as a covariate of a map, three times.

The coefficient moves when a spatial effect enters, because deprivation and risk share their geography. No
single analysis settles it, so the three stand side by side: independent areas with overdispersion, BYM2, and
BYM2 with the part of deprivation that neighbours do not share (Spatial+). Regression restricted to what the
covariate leaves is not offered: its intervals are too narrow (ruling 24).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import pandas as pd

from rnc_epi.inequality.frame_cells import require_columns
from rnc_epi.inequality.indices import require_one_row_an_area
from rnc_epi.maths.inequality.spatial_plus import short_range_part
from rnc_epi.maths.smallarea import fit
from rnc_epi.vocabulary.deprivation import group_number
from rnc_epi.vocabulary.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: Areas below which a spatial effect and a slope are not told apart.
FEWEST_AREAS: Final = 10

#: Analyses, and the model of the map that each fits.
ANALYSES: Final = {"independent": "independent", "bym2": "bym2", "spatial-plus": "bym2"}


def area_gradient(
    areas: pd.DataFrame,
    adjacency: pd.DataFrame,
    *,
    form: Literal["smooth", "classes"] = "smooth",
    deprivation: str = "rank",
    events: str = "events",
    expected: str = "expected",
    level: float = 0.95,
    patterns: int | None = None,
) -> pd.DataFrame:
    """Return the ratio of risks along deprivation by three models of the same map.

    Parameters
    ----------
    areas : DataFrame
        One row an area: ``geo_level, geo_code, geo_vintage``, events, expected events, and its deprivation.
    adjacency : DataFrame
        The contract's table: ``geo_code, neighbour_code``, in one direction or both.
    form : {"smooth", "classes"}
        One slope per unit of `deprivation` (a rank between 0 and 1: the ratio of its two ends), or a ratio
        of each group (``Q1``…) to the first.
    deprivation, events, expected : str
        Columns.
    level : float
        Probability held by the limits.
    patterns : int, optional
        Smooth patterns taken out for Spatial+ (:func:`short_range_part`).

    Returns
    -------
    DataFrame
        ``analysis, term, value, lower, upper, interval_kind, areas, events``: risk ratios with credible
        limits. Areas without deprivation or nothing expected are left out of all three.

    Raises
    ------
    InputError
        ``I001`` fewer than three groups, ``I017`` classes that are no groups, ``M005`` no such `form`,
        ``I019`` an area twice, ``I031``, ``N002`` tables or columns missing, ``I036`` fewer than ten areas
        with a deprivation and expected events, and those of the small-area formulas.
    EstimateRefused
        Those of the small-area formulas.

    References
    ----------
    Besag, York and Mollié (1991), doi:10.1007/BF00116466; Riebler et al. (2016),
    doi:10.1177/0962280216660421, for the map; for Spatial+, as
    :func:`rnc_epi.maths.inequality.short_range_part`.
    """
    require_columns(areas, ["geo_level", "geo_code", "geo_vintage", deprivation, events, expected], "areas")
    require_columns(adjacency, ["geo_code", "neighbour_code"], "adjacency")
    require_one_row_an_area(areas)
    known = areas[deprivation].notna() & areas[expected].gt(0)
    kept = areas[known].reset_index(drop=True)
    if len(kept) < FEWEST_AREAS:
        raise InputError("I036", found=len(kept), expected=FEWEST_AREAS)
    columns, terms = _columns(kept[deprivation], form)
    edges = edges_of(kept["geo_code"], adjacency)
    rows = []
    for analysis, model in ANALYSES.items():
        covariates = (
            short_range_part(columns, edges, patterns=patterns) if analysis == "spatial-plus" else columns
        )
        found = fit(
            kept[events].to_numpy(dtype=np.float64),
            kept[expected].to_numpy(dtype=np.float64),
            edges,
            model=model,
            covariates=covariates,
            level=level,
        )
        for number, term in enumerate(terms, start=1):
            beta = found.coefficients[f"beta_{number}"]
            rows.append((analysis, term, *np.exp([beta.median, beta.lower, beta.upper]).tolist()))
    table = pd.DataFrame(rows, columns=["analysis", "term", "value", "lower", "upper"])
    return table.assign(interval_kind="credible", areas=len(kept), events=float(kept[events].sum()))


def edges_of(codes: pd.Series, adjacency: pd.DataFrame) -> NDArray[np.int64]:
    """Return neighbouring pairs among some areas, by position, each once."""
    place = pd.Series(np.arange(len(codes)), index=codes.astype(str))
    first = adjacency["geo_code"].astype(str).map(place)
    second = adjacency["neighbour_code"].astype(str).map(place)
    both = pd.DataFrame({"a": first, "b": second}).dropna().astype(np.int64)
    pairs = np.sort(both[both["a"] != both["b"]].to_numpy(), axis=1)
    return np.unique(pairs, axis=0) if len(pairs) else np.empty((0, 2), dtype=np.int64)


def _columns(deprivation: pd.Series, form: str) -> tuple[Floats, list[str]]:
    if form == "smooth":
        return deprivation.to_numpy(dtype=np.float64)[:, None], ["slope"]
    if form != "classes":
        raise InputError("M005", what="form", found=form, expected="smooth, classes")
    numbers = deprivation.astype(str).map(group_number)
    if numbers.isna().any():
        raise InputError("I017", found=", ".join(sorted(set(deprivation.astype(str)))[:5]))
    groups = sorted({int(number) for number in numbers})
    if len(groups) < 3:
        raise InputError("I001", what="deprivation", found=len(groups))
    columns = (numbers.to_numpy(dtype=np.int64)[:, None] == np.array(groups[1:])).astype(np.float64)
    return columns, [f"Q{number}" for number in groups[1:]]
