"""A17: an estimate that speaks of persons whose count is hidden, or stands beside their number.

A smoothed risk follows from the count of its area and a little from those around it; it may say a class where
the count is hidden, and no number.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from rnc_epi.attack.report import Finding
from rnc_epi.vocabulary.estimators import MODELS, OF_A_SMOOTHED_MAP, OF_ONE_STRATUM, RISK_CLASS
from rnc_epi.vocabulary.schemas import DERIVED_FROM_COUNT, NOT_APPLICABLE, NOT_PUBLISHED, PUBLISHED

if TYPE_CHECKING:
    import pandas as pd

_CELL: Final = (
    *("event_type", "site", "sex", "geo_level", "geo_code", "geo_vintage", "period_from", "period_until"),
    *("age_from", "age_until", "stratum_type"),
)


def by_estimates(table: pd.DataFrame) -> Iterator[Finding]:
    """Yield the estimates of a public table that say more than the counts beside them."""
    modelled = table["estimator"].isin(MODELS)
    estimates = table[modelled]
    for row in estimates[estimates["events"].notna()].to_dict("records"):
        yield Finding("A17", f"{_words(row)}: persons beside an estimate", 0.0, float("inf"))
    classes = estimates[estimates["indicator"] == RISK_CLASS]
    for row in classes[classes[[*DERIVED_FROM_COUNT[1:]]].notna().any(axis=1)].to_dict("records"):
        yield Finding("A17", f"{_words(row)}: a number beside a class", 0.0, float("inf"))
    hidden = set(_keys(table[~modelled & (table["status"] == NOT_PUBLISHED)]))
    numbers = estimates[estimates["indicator"].isin(OF_A_SMOOTHED_MAP) & (estimates["status"] == PUBLISHED)]
    compared = table[
        (table["stratum_type"] != NOT_APPLICABLE)
        & (table["status"] == PUBLISHED)
        & ~table["indicator"].isin(OF_ONE_STRATUM)
    ]
    for rows, stratified in ((numbers, False), (compared, True)):
        among = {key[:-1] for key in hidden} if stratified else hidden
        for row, key in zip(rows.to_dict("records"), _keys(rows), strict=True):
            if (key[:-1] if stratified else key) in among:
                yield Finding("A17", f"{_words(row)}: rests on a hidden count", 0.0, float("inf"))


def _keys(rows: pd.DataFrame) -> list[tuple[object, ...]]:
    table = rows[[*_CELL, "stratum"]].astype(object)
    return list(table.where(table.notna(), None).itertuples(index=False, name=None))


def _words(row: dict) -> str:
    return (
        f"{row['indicator']} {row['event_type']} {row['site']}, sex {row['sex']}, {row['geo_level']} "
        f"{row['geo_code']}, {row['period_from']}-{row['period_until'] - 1}"
    )
