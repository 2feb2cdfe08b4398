"""The last look: the policy is checked again on the very bytes that are about to be written."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any, Final

from rnc_epi.vocabulary.errors import DisclosureRefused
from rnc_epi.vocabulary.estimators import MODELS, RISK_CLASS
from rnc_epi.vocabulary.policy import Policy
from rnc_epi.vocabulary.schemas import (
    DERIVED_FROM_COUNT,
    NOT_APPLICABLE,
    PUBLIC_STATUSES,
    PUBLISHED,
    RESULT_COLUMNS,
)

_NO_NUMBER: Final = (*DERIVED_FROM_COUNT, "person_years")


def check_csv(data: bytes, policy: Policy) -> int:
    """Check the bytes of a CSV result table; return its rows. See `check_rows`."""
    reader = csv.DictReader(io.StringIO(data.decode("utf-8"), newline=""))
    if reader.fieldnames != list(RESULT_COLUMNS):
        raise DisclosureRefused("R004", found=", ".join(reader.fieldnames or ()))
    return check_rows(reader, policy)


def check_parquet(data: bytes, policy: Policy) -> int:
    """Check the bytes of a Parquet result table; return its rows. See `check_rows`."""
    import pyarrow.parquet as pq

    table = pq.read_table(io.BytesIO(data))
    if table.column_names != list(RESULT_COLUMNS):
        raise DisclosureRefused("R004", found=", ".join(table.column_names))
    return check_rows(table.to_pylist(), policy)


def check_rows(rows: Iterable[Mapping[str, Any]], policy: Policy) -> int:
    """Check rows as they are written: public status, no reason, no number where none may be, no small count.

    Raises
    ------
    DisclosureRefused
        ``R001`` a number in a row that is not published, ``R002`` a small count of a source that is not
        exempt, ``R005`` a status or reason that is not public, ``R006`` a level that the plan does not name,
        ``R009`` an estimate beside the count of persons that it rests on.
    """
    number = 0
    for row in rows:
        number += 1
        where = _where(row)
        if row["status"] not in PUBLIC_STATUSES or row["reason"] != NOT_APPLICABLE:
            raise DisclosureRefused("R005", where=where)
        if policy.rule_of(row["geo_level"], row["event_type"]) is None:
            raise DisclosureRefused("R006", where=where)
        if row["status"] != PUBLISHED:
            if any(row[name] not in ("", None) for name in _NO_NUMBER):
                raise DisclosureRefused("R001", where=where)
            continue
        threshold = policy.threshold_of(row["source"])
        if row["indicator"] == RISK_CLASS:
            if any(row[name] not in ("", None) for name in _NO_NUMBER if name != "value"):
                raise DisclosureRefused("R001", where=where)
            continue
        # An estimate is published without the persons it rests on.
        counted = row["estimator"] not in MODELS
        counts = [row["events"]] if counted else []
        if not counted and row["events"] not in ("", None):
            raise DisclosureRefused("R009", where=where)
        if row["indicator"] == "count":
            counts.append(row["value"])
        for count in counts:
            if count in ("", None):
                raise DisclosureRefused("R007", where=where)
            if 0 < float(count) < threshold:
                raise DisclosureRefused("R002", where=where)
    return number


def _where(row: Mapping[str, Any]) -> str:
    names = ("indicator", "event_type", "site", "sex", "geo_level", "geo_code", "period_from")
    return ", ".join(f"{name}={row[name]}" for name in names)
