"""Does an area differ from the rest of its region? Said only where the figures of the page allow it.

An area is compared with the others of its region, never with a total that holds it; the tests of one page
are one family, in which one discovery in twenty may be false (ruling 26). Everything is computed from
released figures: observed and expected events of the area and of its region.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from rnc_epi.maths.compare import rate_ratio
from rnc_epi.maths.multiple import false_discovery_rate
from rnc_epi.maths.standardise import crude_rate
from rnc_epi.report.formats import Format
from rnc_epi.report.texts import text
from rnc_epi.vocabulary.schemas import PUBLISHED

if TYPE_CHECKING:
    from rnc_epi.report.content import Content

#: Sites whose differences between areas are first of all differences of diagnostic practice.
DIAGNOSTIC_PRACTICE: Final = ("thyroid", "melanoma_skin")

#: Accepted share of false discoveries in the family of a page.
FALSE_DISCOVERIES: Final = 0.05

HIGHER, LOWER, NOT_DISTINCT, NOT_COMPARED = "higher", "lower", "not_distinct", "not_compared"

#: Columns that a comparison adds to the rows of areas.
COMPARISON_COLUMNS: Final = ("rest_name", "against_rest", "rest_lower", "rest_upper", "p_value", "verdict")


@dataclass(frozen=True)
class Parent:
    """The area that holds others: its events, observed and expected, and its name."""

    events: float
    expected: float
    name: str


#: Site, sex and code of an area: by these it finds its region.
AreaOfSite = tuple[str, int, str]


def compare_with_rest(areas: pd.DataFrame, parents: dict[AreaOfSite, Parent]) -> pd.DataFrame:
    r"""Return the rows of areas with their ratio to the rest of their region and a verdict.

    With observed and expected events :math:`O, E` of the area and :math:`O_R, E_R` of its region, the ratio
    is :math:`(O/E) / \{(O_R - O)/(E_R - E)\}`. Given the sum of events, those of the area are binomial; its
    limits and p-value are exact (F quantiles: the case of one band of Fay's limits). One family is tested
    together.

    Parameters
    ----------
    areas : DataFrame
        Released rows of ``sir`` or ``smr``: ``geo_code, site, sex, status, events, expected``.
    parents : dict
        By site, sex and code of an area, its region for the same indicator and period. An area
        that is its whole region, or whose figures are not published, is not compared.

    Returns
    -------
    DataFrame
        `areas` with the columns of ``COMPARISON_COLUMNS``; NaN and ``not_compared`` where there is no test.

    References
    ----------
    Fay MP. Commun Stat Theory Methods 1999;28:2141-2160. doi:10.1080/03610929908832411
    Benjamini Y, Hochberg Y. J R Stat Soc B 1995;57:289-300. doi:10.1111/j.2517-6161.1995.tb02031.x

    Examples
    --------
    Two areas of one region, 200 and 100 events of 100 expected in each:

    >>> areas = pd.DataFrame({"geo_code": ["01", "02"], "site": "lung", "sex": 1, "status": "published",
    ...     "events": [200.0, 100.0], "expected": [100.0, 100.0]})
    >>> region = Parent(300.0, 200.0, "the region")
    >>> found = compare_with_rest(areas, {("lung", 1, "01"): region, ("lung", 1, "02"): region})
    >>> found[["against_rest", "verdict"]].values.tolist()
    [[2.0, 'higher'], [0.5, 'lower']]
    """
    found = areas.reset_index(drop=True)
    keys = comparison_keys(found)
    held = [parents.get(key) for key in keys]
    events, expected = (found[name].to_numpy(dtype=float) for name in ("events", "expected"))
    total = np.array([np.nan if parent is None else parent.events for parent in held], dtype=float)
    total_expected = np.array([np.nan if parent is None else parent.expected for parent in held], dtype=float)
    rest, rest_expected = total - events, total_expected - expected
    with np.errstate(invalid="ignore"):
        # Expected events are published to one decimal: a rest of less than one event is rounding.
        tested = found["status"].eq(PUBLISHED).to_numpy() & (rest > 0) & (rest_expected >= 1) & (expected > 0)
    # For one band, the limits of Fay are the exact conditional ones.
    area = crude_rate(np.where(tested, events, 1.0), np.where(tested, expected, 1.0), per=1)
    others = crude_rate(np.where(tested, rest, 1.0), np.where(tested, rest_expected, 1.0), per=1)
    ratio = rate_ratio(area, others, method="fay-f")
    p_values = np.where(tested, ratio.p_value, np.nan)
    distinct = false_discovery_rate(p_values, rate=FALSE_DISCOVERIES).discovered if len(found) else tested
    verdict = np.where(
        ~tested,
        NOT_COMPARED,
        np.where(~distinct, NOT_DISTINCT, np.where(np.asarray(ratio.ratio) > 1, HIGHER, LOWER)),
    )
    return found.assign(
        rest_name=[None if parent is None else parent.name for parent in held],
        against_rest=np.where(tested, ratio.ratio, np.nan),
        rest_lower=np.where(tested, ratio.lower, np.nan),
        rest_upper=np.where(tested, ratio.upper, np.nan),
        p_value=p_values,
        verdict=verdict,
    )


def comparison_keys(rows: pd.DataFrame) -> list[AreaOfSite]:
    """Return the site, sex and code of each row."""
    return list(rows[["site", "sex", "geo_code"]].itertuples(index=False, name=None))


def regional_parents(content: Content, areas: pd.DataFrame, language: str) -> dict[AreaOfSite, Parent]:
    """Return the region of each area, for the same indicator, comparator, site, sex and period."""
    if areas.empty:
        return {}
    first = areas.iloc[0]
    region_of = content.regions_of(str(first["geo_level"]))
    regions = content.rows(
        str(first["event_type"]), str(first["indicator"]), "region", comparator=first["comparator"]
    )
    regions = regions[
        regions["status"].eq(PUBLISHED)
        & regions["site"].isin(areas["site"].unique())
        & regions["sex"].isin(areas["sex"].unique())
    ]
    held = {
        (row["site"], row["sex"], row["geo_code"], row["period_from"], row["period_until"]): row
        for row in regions.to_dict("records")
    }
    # An area alone in its region has no rest.
    alone = Counter(region_of.values())
    found = {}
    for key, row in zip(comparison_keys(areas), areas.to_dict("records"), strict=True):
        region = region_of.get(row["geo_code"])
        parent = held.get((row["site"], row["sex"], region, row["period_from"], row["period_until"]))
        if region is not None and parent is not None and alone[region] > 1:
            name = content.area_name("region", region, str(parent["geo_vintage"]), language)
            found[key] = Parent(parent["events"], parent["expected"], name)
    return found


def comparison_sentences(compared: pd.DataFrame, language: str, *, limit: int = 10) -> tuple[str, ...]:
    """Return what may be said of the areas of one site and sex; by default that they do not stand out.

    Parameters
    ----------
    compared : DataFrame
        Rows of `compare_with_rest` of one site and sex, with their ``name``.
    language : {"fr", "en"}
    limit : int
        How many areas are named at most on each side, the most distant from 1 first.

    Returns
    -------
    tuple of str
        Higher ones, lower ones, and how many do not stand out; empty where nothing is compared.

    Examples
    --------
    >>> compared = pd.DataFrame({"name": ["Ain"], "site": "lung", "verdict": "not_distinct",
    ...     "against_rest": [1.1], "rest_lower": [0.9], "rest_upper": [1.3]})
    >>> len(comparison_sentences(compared, "en"))
    1
    """
    written = Format(language)
    tested = compared[compared["verdict"].ne(NOT_COMPARED)]
    if tested.empty:
        return ()
    sentences = []
    for verdict, down in ((HIGHER, False), (LOWER, True)):
        rows = tested[tested["verdict"].eq(verdict)].sort_values(
            "against_rest", ascending=down, kind="stable"
        )
        if rows.empty:
            continue
        # The name of what all are compared with is said once, by the title.
        several = len(set(compared["rest_name"].dropna())) > 1
        named = [
            text(
                "area_against_rest" if several else "area_against_rest_alone",
                language,
                name=row["name"],
                region=row["rest_name"],
                ratio=written.number(row["against_rest"], 2),
                limits=written.limits(row["rest_lower"], row["rest_upper"], 2),
            )
            for _, row in rows.head(limit).iterrows()
        ]
        more = len(rows) - len(named)
        listed = "; ".join(named) if language == "en" else " ; ".join(named)
        key = f"areas_{verdict}" if more <= 0 else f"areas_{verdict}_more"
        sentences.append(text(key, language, areas=listed, more=written.number(more)))
    calm = int(tested["verdict"].eq(NOT_DISTINCT).sum())
    key = "areas_not_distinct_all" if calm == len(tested) else "areas_not_distinct"
    sentences.append(text(key, language, number=written.number(calm)))
    if set(compared["site"]) & set(DIAGNOSTIC_PRACTICE):
        sentences.append(text("diagnostic_practice", language))
    return tuple(sentences)
