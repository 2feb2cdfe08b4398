"""What the rules on quality say of figures that are shown all the same: areas, years and sites by notice.

Only published rows are read: what a release hides carries no code, and has no notice here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pandas as pd

from rnc_epi.report.blocks import Section
from rnc_epi.report.formats import Format
from rnc_epi.report.texts import text, typeset
from rnc_epi.report.wording import area_title, short_area_name
from rnc_epi.vocabulary.areas import GEO_LEVELS, level_title
from rnc_epi.vocabulary.errors import catalogue
from rnc_epi.vocabulary.estimators import MODELS
from rnc_epi.vocabulary.schemas import PUBLISHED
from rnc_epi.vocabulary.sites import SITES

if TYPE_CHECKING:
    from rnc_epi.report.content import Content

_CODE: Final = re.compile(r"Q\d{3}")
#: Numbers of a rule stand in parentheses; they are those of the registry, and no release holds them.
_NUMBERS: Final = re.compile(r" \([^()]*\{(?:found|limit)\}[^()]*\)")
_AREA: Final = ["geo_level", "geo_code", "geo_vintage"]
#: Sites named in a notice; of more, their number.
NAMED_SITES: Final = 6


def quality_notices(content: Content, language: str) -> Section | None:
    """Return the notices on the data behind published figures of incidence; None where no row has one.

    Parameters
    ----------
    content : Content
        A release, from :func:`rnc_epi.report.open_content`.
    language : {"fr", "en"}

    Returns
    -------
    Section or None
        None where no rule is broken.
    """
    rows = content.results
    shown = rows["event_type"].eq("incidence") & rows["status"].eq(PUBLISHED)
    shown &= ~rows["estimator"].isin(MODELS) & rows["data_grade"].astype("str").str.contains(_CODE)
    if not shown.any():
        return None
    marked = rows[shown].assign(code=rows.loc[shown, "data_grade"].astype("str").str.split("+"))
    marked = marked.explode("code")
    marked = marked[marked["code"].astype("str").str.fullmatch(_CODE)]
    order = {level: place for place, level in enumerate(("registry_zone", *GEO_LEVELS))}
    said: dict[tuple[str, str, str, str], list[str]] = {}
    for (code, *area), part in marked.groupby(["code", *_AREA], sort=True, observed=True):
        if code not in catalogue():
            continue
        name = short_area_name(area_title(content, dict(zip(_AREA, area, strict=True)), language))
        # A rule about a registry as a whole names no site.
        sites = _sites(part, language) if "{site}" in catalogue()[code][language] else ""
        key = (code, area[0], _years(part, language), sites)
        said.setdefault(key, []).append(name)
    keys = sorted(said, key=lambda key: (order.get(key[1], len(order)), key))
    items = tuple(notice(key[0], sorted(said[key]), *key[1:], language) for key in keys)
    return Section(
        "quality-notices",
        text("quality_notices", language),
        (text("quality_notices_lead", language),),
        items=items,
        language=language,
    )


def notice(code: str, names: list[str], geo_level: str, years: str, sites: str, language: str) -> str:
    """Return the text of a rule about some areas, without the numbers that broke it nor what it would block.

    Examples
    --------
    >>> notice("Q021", ["Isère"], "registry_zone", "2016-2018", "", "en")
    'Registry zone — Isère, 2016-2018: too many cases are known from the death certificate alone (Q021).'
    """
    words = _NUMBERS.sub("", catalogue()[code][language])
    # After a semicolon a rule says what it blocks: these figures are shown.
    words = re.split(r" ?;", words)[0].rstrip(".")
    facts = {
        "registry": Format(language).sentence_list(names),
        "years": years,
        "site": sites,
        "indicator": text("quality_notices_indicator", language),
        "found": text("quality_notices_found", language),
        "limit": text("quality_notices_found", language),
    }
    return typeset(f"{level_title(geo_level, language)} — {words.format(**facts)} ({code}).", language)


def _years(rows: pd.DataFrame, language: str) -> str:
    """Return the years of some rows: of the shortest periods, those that follow one another joined."""
    pairs = rows[["period_from", "period_until"]].drop_duplicates().itertuples(index=False, name=None)
    periods = sorted({(int(start), int(stop)) for start, stop in pairs})
    held = [
        one
        for one in periods
        if not any(other != one and one[0] <= other[0] and other[1] <= one[1] for other in periods)
    ]
    joined: list[tuple[int, int]] = []
    for start, stop in held:
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(stop, joined[-1][1]))
        else:
            joined.append((start, stop))
    return ", ".join(Format(language).period(*pair) for pair in joined)


def _sites(rows: pd.DataFrame, language: str) -> str:
    """Return the sites of some rows by name, or their number where they are many."""
    held = set(rows["site"])
    names = [SITES[slug].name(language) if slug in SITES else slug for slug in [*SITES] if slug in held]
    names += sorted(held - set(SITES))
    if len(names) > NAMED_SITES:
        return text("quality_notices_sites", language, number=len(names))
    return Format(language).sentence_list(names)
