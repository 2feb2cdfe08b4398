"""The data dictionary: every column, and every code that occurs in it, in French or in English."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd

from rnc_epi.release.words import words
from rnc_epi.vocabulary.areas import GEO_LEVELS, level_title
from rnc_epi.vocabulary.estimators import proxy_of
from rnc_epi.vocabulary.indicators import defined_slugs, definition
from rnc_epi.vocabulary.schemas import INTEGER, NOT_APPLICABLE, RESULT_COLUMNS, TEXT
from rnc_epi.vocabulary.sites import SITES
from rnc_epi.vocabulary.standards import standard, standard_names

#: Columns whose codes are listed; areas have a file of their own, years and ages say themselves.
CODED: Final = (
    "indicator", "measure_unit", "event_type", "site", "sex", "geo_level", "stratum_type", "stratum",
    "comparator", "standard", "estimator", "method", "interval_method", "interval_kind", "data_grade",
    "status", "reason", "source",
)  # fmt: skip


def dictionary(table: pd.DataFrame, metadata: dict[str, Any], language: str) -> pd.DataFrame:
    """Return the dictionary of a result table.

    Returns
    -------
    DataFrame
        ``column, type, code, label, definition``: first each column (code empty), then its codes.
    """
    said = words()
    titles = {source["source"]: source["title"] for source in metadata.get("sources", [])}
    rows: list[tuple[str | None, ...]] = []
    for column, kind in RESULT_COLUMNS.items():
        type_word = said["type"]["text" if kind == TEXT else "integer" if kind == INTEGER else "number"][
            language
        ]
        rows.append((column, type_word, None, None, said["column"][column][language]))
        if column in CODED:
            codes = sorted(set(table[column].dropna().tolist()))
            if NOT_APPLICABLE not in codes and kind == TEXT:
                codes.append(NOT_APPLICABLE)
            for code in codes:
                rows.append((column, type_word, str(code), *_explained(column, code, language, titles)))
    return pd.DataFrame(rows, columns=["column", "type", "code", "label", "definition"], dtype="str")


def _explained(column: str, code: Any, language: str, titles: dict[str, str]) -> tuple[str, str | None]:
    said = words()
    if code == NOT_APPLICABLE:
        return said["notice"]["not_applicable"][language], None
    if column == "site" and code in SITES:
        site = SITES[code]
        return (site.name_fr if language == "fr" else site.name_en), None
    if column == "geo_level" and code in GEO_LEVELS:
        return level_title(code, language), None
    if column == "standard" and code in standard_names():
        return standard(code).title(language), standard(code).source
    if column == "source":
        return " + ".join(titles.get(part, part) for part in str(code).split("+")), None
    if column == "indicator" and code in defined_slugs():
        indicator = definition(code, language)
        return indicator.title, indicator.definition
    entry = said.get(column, {}).get(str(code))
    if entry is None and column == "method":
        return _of_a_correlate(str(code), language), None
    if entry is None:
        # A code of the user's own (a declared level, standard or stratum) is its own label.
        return str(code), None
    return entry[language], entry.get(f"definition_{language}")


def _of_a_correlate(method: str, language: str) -> str:
    """Return the words of ``calibrated+registries-HA``; a method without a correlate is its own label."""
    proxy = proxy_of(method)
    if proxy is None:
        return method
    said = words()
    way, *beside = method.partition("-")[0].split("+")
    label = str(said["method"][way][language])
    for part in beside:
        label = str(said["part"][part][language]).format(method=label)
    return str(said["part"]["correlate"][language]).format(method=label, name=proxy)
