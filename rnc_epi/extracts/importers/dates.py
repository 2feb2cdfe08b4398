"""Dates in text: the declared format is the only one; years and months alone are read where they suffice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Final

from rnc_epi.extracts.importers.mapping import DATE_FORMATS

_PATTERNS: Final = {
    "YYYY-MM-DD": "[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}",
    "DD/MM/YYYY": "[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}",
    "MM/DD/YYYY": "[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}",
    "DD-MM-YYYY": "[0-9]{1,2}-[0-9]{1,2}-[0-9]{4}",
    "DD.MM.YYYY": "[0-9]{1,2}[.][0-9]{1,2}[.][0-9]{4}",
    "YYYY/MM/DD": "[0-9]{4}/[0-9]{1,2}/[0-9]{1,2}",
    "YYYYMMDD": "[0-9]{8}",
}
#: A time of midnight says nothing; any other belongs to another day in some time zone.
_TIME: Final = "[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?(Z|[+-][0-9]{2}:?[0-9]{2})?"
_TO_MONTH: Final = "([0-9]{4})-?([0-9]{2})"
#: A month written as 00 is unknown; beyond 12 it is none, or the text is another form (YYMMDD).
_NO_MONTH: Final = "[0-9]{4}-?(1[3-9]|[2-9][0-9])|(1[3-9]|[2-9][0-9])[/.-][0-9]{4}"
#: 03/1956, as French files write a month.
_MONTH_FIRST: Final = "[0-9]{1,2}[/.-][0-9]{4}"


def day(text: str, form: str | None) -> str:
    """Return the SQL of the date that a text gives in full, null where it does not."""
    if form is None:
        return "NULL::DATE"
    pattern = f"{_PATTERNS[form]}({_TIME})?"
    bare = f"regexp_extract({text}, '{_PATTERNS[form]}')"
    parsed = f"CAST(try_strptime({bare}, '{DATE_FORMATS[form]}') AS DATE)"
    return f"CASE WHEN regexp_full_match({text}, '{pattern}') THEN {parsed} END"


def year(text: str, form: str | None) -> str:
    """Return the SQL of the year of a date, of a month (202103, 2021-03, 03/2021) or of a year alone."""
    alone = f"CAST(substr({text}, 1, 4) AS BIGINT)"
    return (
        f"CASE WHEN regexp_full_match({text}, '[0-9]{{4}}') OR regexp_full_match({text}, '{_TO_MONTH}') "
        f"THEN {alone} WHEN regexp_full_match({text}, '{_MONTH_FIRST}') "
        f"THEN CAST(right({text}, 4) AS BIGINT) ELSE year({day(text, form)}) END"
    )


def month(text: str, form: str | None) -> str:
    """Return the SQL of the month of a date or of a month; null for a year alone."""
    return (
        f"CASE WHEN regexp_full_match({text}, '{_TO_MONTH}') "
        f"THEN nullif(CAST(right({text}, 2) AS BIGINT), 0) "
        f"WHEN regexp_full_match({text}, '{_MONTH_FIRST}') "
        f"THEN nullif(CAST(regexp_extract({text}, '^[0-9]+') AS BIGINT), 0) "
        f"ELSE month({day(text, form)}) END"
    )


def age(at: str, since: str, form: str | None) -> str:
    """Return the SQL of completed years between two dates; the day counts only where both have one."""
    months = (
        f"12 * (({year(at, form)}) - ({year(since, form)})) + ({month(at, form)}) - ({month(since, form)})"
    )
    before = f"coalesce(day({day(at, form)}) < day({day(since, form)}), false)"
    return f"CAST(floor((({months}) - CASE WHEN {before} THEN 1 ELSE 0 END) / 12) AS BIGINT)"


def days(at: str, since: str, form: str | None, cut_off: date | None) -> str:
    """Return the SQL of the days between two dates, the later one no later than `cut_off`."""
    end = day(at, form)
    if cut_off is not None:
        end = f"least({end}, DATE '{cut_off.isoformat()}')"
    return f"date_diff('day', {day(since, form)}, {end})"


def full(text: str) -> str:
    """Return the condition of a text that is a date with its day, in any form that is known."""
    forms = "|".join(f"({pattern})" for pattern in dict.fromkeys(_PATTERNS.values()))
    return f"regexp_full_match({text}, '({forms})({_TIME})?')"


def refused_forms(text: str, form: str | None) -> Iterator[tuple[str, str]]:
    """Yield the forms of dates that refuse a whole file: a code and its condition in SQL."""
    yield "H033", f"regexp_full_match({text}, '[0-9]{{1,2}}[/.-][0-9]{{1,2}}[/.-][0-9]{{2}}')"
    yield "H034", f"regexp_full_match({text}, '[1-9][0-9]{{4}}([.,][0-9]+)?')"
    yield "H046", f"regexp_matches({text}, '[0-9][T ](2[0-3]|[01][0-9]):') AND NOT {_midnight(text)}"
    declared = "false" if form is None else f"regexp_full_match({text}, '{_PATTERNS[form]}({_TIME})?')"
    # "0103" is a year to some and a day to others; eight digits alone are a date only where declared.
    others = " OR ".join(f"regexp_full_match({text}, '{pattern}({_TIME})?')"
                         for pattern in dict.fromkeys(_PATTERNS.values()))  # fmt: skip
    yield "H032", f"NOT ({declared}) AND ({others})"


def impossible(text: str, form: str | None) -> str:
    """Return the condition of a text that is no month, or in the declared format no day (31/02)."""
    no_month = f"regexp_full_match({text}, '{_NO_MONTH}')"
    if form is None:
        return no_month
    no_day = f"regexp_full_match({text}, '{_PATTERNS[form]}({_TIME})?') AND {day(text, form)} IS NULL"
    return f"{no_month} OR ({no_day})"


def _midnight(text: str) -> str:
    return f"regexp_matches({text}, '[T ]00:00(:00([.]0+)?)?(Z|[+-]00:?00)?$')"
