"""Rules on single rows, as data: a code, a table, a condition in SQL, what becomes of the row.

A condition speaks of the columns of the contract and of what `one_pass.checked_rows` joins to them:
``known, denominated, out_of_scope, overseas, zero_lost, corsica_as_number`` of the area, ``source_declared``,
``first_year`` and ``until_year`` of the registry, ``site_known``, ``in_men``, ``in_women``. Where it is null
the row does not have the defect. A row that several rules take out is counted under the first of them here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from rnc_epi.extracts.contract_checks.findings import Fate
from rnc_epi.extracts.contract_checks.tables import AREA, CELL_TABLES, ROW_TABLES
from rnc_epi.vocabulary.contract import SOURCE_KINDS, TABLES, Table


@dataclass(frozen=True)
class Rule:
    """One rule: `condition` is true of the rows that have the defect."""

    code: str
    table: str
    fate: Fate
    condition: str
    facts: tuple[tuple[str, str], ...] = ()


#: More events than this in one cell is a slip of columns, and sums of them would not fit.
MOST_EVENTS: Final = 10**12
OLDEST: Final = 120
#: Topographies of one sex (ICD-O-3): C60-C63 male, C51-C58 female genital organs.
_MEN_ONLY: Final = "substr(topography, 1, 3) IN ('C60', 'C61', 'C62', 'C63')"
_WOMEN_ONLY: Final = "substr(topography, 1, 3) IN ('C51', 'C52', 'C53', 'C54', 'C55', 'C56', 'C57', 'C58')"
_UNKNOWN_AREA: Final = "NOT known AND NOT out_of_scope AND NOT zero_lost AND NOT corsica_as_number"
#: Overseas départements are known to everyone: without person-years they are excluded, declared or not.
_UNKNOWN_EVENT_AREA: Final = f"{_UNKNOWN_AREA} AND NOT overseas"


def rules() -> tuple[Rule, ...]:
    """Return every rule, in the order of the tables and of precedence."""
    return tuple(rule for table in TABLES.values() for rule in _rules_of(table))


def _rules_of(table: Table) -> Iterator[Rule]:
    name, columns = table.name, set(table.column_names)
    events = name in ROW_TABLES or name in CELL_TABLES
    if set(AREA) <= columns and name != "areas":
        yield from _area_rules(name, events)
    if name == "membership":
        yield Rule("D119", name, Fate.REFUSE, "NOT child_known OR NOT parent_known")
    yield from _value_rules(table)
    if "source" in columns and name != "sources":
        yield Rule("D121", name, Fate.REFUSE, "source IS NOT NULL AND NOT source_declared")
    if "registry" in columns and name != "coverage":
        yield Rule("D122", name, Fate.REFUSE, "registry IS NOT NULL AND first_year IS NULL")
    if "sex" in columns:
        yield Rule("D047", name, Fate.REFUSE, f"sex NOT IN {'(1, 2, 9)' if events else '(1, 2)'}")
        if events:
            yield Rule("D048", name, Fate.QUARANTINE, "sex = 9")
    if "age_status" in columns:
        yield from _age_band_rules(name)
    elif {"age_from", "age_until"} <= columns:
        yield Rule("D111", name, Fate.REFUSE, _impossible_band())
    if {"period_from", "period_until"} <= columns:
        yield Rule("D114", name, Fate.REFUSE, "period_from >= period_until")
    if "site" in columns:
        yield Rule("D115", name, Fate.REFUSE, "site IS NOT NULL AND NOT site_known")
    if name in ROW_TABLES:
        yield from _person_rules(name, columns)
    if name in CELL_TABLES:
        yield from _cell_rules(name, columns)
    yield from _declaration_rules(name)


def _area_rules(name: str, events: bool) -> Iterator[Rule]:
    if events or name == "person_years":
        yield Rule("D131", name, Fate.EXCLUDE, "out_of_scope")
    if events:
        yield Rule("D132", name, Fate.EXCLUDE, "overseas AND NOT denominated")
        yield Rule(
            "D133", name, Fate.EXCLUDE, "known AND NOT denominated AND NOT overseas AND NOT out_of_scope"
        )
    yield Rule("D069", name, Fate.REFUSE, "corsica_as_number")
    yield Rule("D068", name, Fate.REFUSE, "zero_lost")
    if events:
        yield Rule("D065", name, Fate.QUARANTINE, _UNKNOWN_EVENT_AREA)
    else:
        yield Rule("D119", name, Fate.REFUSE, _UNKNOWN_AREA)


def _value_rules(table: Table) -> Iterator[Rule]:
    fate = Fate.QUARANTINE if table.rows_of_persons else Fate.REFUSE
    for column in table.columns:
        quoted = f'"{column.name}"'
        where = (("column", column.name),)
        if not column.nullable and column.name != "person_key":
            yield Rule("D107", table.name, fate, f"{quoted} IS NULL", where)
        if column.kind == "number":
            yield Rule("D019", table.name, Fate.REFUSE, f"NOT isfinite({quoted})", where)
        if column.kind in ("count", "person_years") or column.name == "disclosure_threshold":
            yield Rule("D081", table.name, Fate.REFUSE, f"{quoted} < 0", where)
        if column.name == "events":
            facts = (*where, ("found", f"> {MOST_EVENTS}"), ("expected", "BIGINT"))
            yield Rule("D010", table.name, Fate.REFUSE, f"{quoted} > {MOST_EVENTS}", facts)
        if column.name in ("weight", "link_probability"):
            yield Rule("D124", table.name, Fate.REFUSE, f"{quoted} < 0 OR {quoted} > 1", where)


def _impossible_band() -> str:
    return (
        f"age_from < 0 OR age_from > {OLDEST} OR age_until > {OLDEST} + 1 "
        "OR (age_until IS NOT NULL AND age_from >= age_until)"
    )


def _age_band_rules(name: str) -> Iterator[Rule]:
    yield Rule(
        "D110",
        name,
        Fate.REFUSE,
        "age_status NOT IN ('known', 'unknown') OR (age_status = 'known' AND age_from IS NULL) "
        "OR (age_status = 'unknown' AND (age_from IS NOT NULL OR age_until IS NOT NULL))",
    )
    yield Rule("D111", name, Fate.REFUSE, f"age_status = 'known' AND ({_impossible_band()})")


def _person_rules(name: str, columns: set[str]) -> Iterator[Rule]:
    yield Rule("D037", name, Fate.QUARANTINE, f"age_years < 0 OR age_years > {OLDEST}")
    if "registry" in columns:
        yield Rule("D039", name, Fate.QUARANTINE, "year < first_year OR year >= until_year")
    if "topography" in columns:
        condition = f"(sex = 2 AND {_MEN_ONLY}) OR (sex = 1 AND {_WOMEN_ONLY})"
        yield Rule("D049", name, Fate.QUARANTINE, condition)
    elif "site" in columns:
        yield Rule("D049", name, Fate.QUARANTINE, "(sex = 1 AND NOT in_men) OR (sex = 2 AND NOT in_women)")
    if "person_key" in columns:
        yield Rule("D025", name, Fate.QUARANTINE, "person_key IS NULL AND source_has_person_keys")
    yield Rule("D134", name, Fate.WARN, f"age_years > 105 AND age_years <= {OLDEST}")


def _cell_rules(name: str, columns: set[str]) -> Iterator[Rule]:
    wrong_sex = "((sex = 1 AND NOT in_men) OR (sex = 2 AND NOT in_women))"
    yield Rule("D049", name, Fate.QUARANTINE, f"{wrong_sex} AND events > 0")
    yield Rule("D116", name, Fate.NORMALISE, f"{wrong_sex} AND events = 0")
    if "registry" in columns:
        yield Rule("D039", name, Fate.QUARANTINE, "period_from < first_year OR period_until > until_year")
    if "icd10" in columns:
        yield Rule("D117", name, Fate.REFUSE, "(site IS NULL) = (icd10 IS NULL)")


def _declaration_rules(name: str) -> Iterator[Rule]:
    if name == "sources":
        yield _word_rule(name, "kind", SOURCE_KINDS)
    if name == "deprivation":
        yield _word_rule(name, "higher_is", ("more_deprived", "less_deprived"))
    if name == "proxy_cells":
        yield _word_rule(name, "proxy", ("A", "H", "HA", "M"))
    if name == "cells_scope":
        scoped = (*CELL_TABLES, *ROW_TABLES)
        listed = ", ".join(f"'{table}'" for table in scoped)
        yield Rule(
            "D120", name, Fate.REFUSE, f"table_name NOT IN ({listed})", (("expected", ", ".join(scoped)),)
        )
        yield Rule("D119", name, Fate.REFUSE, "geo_level IS NOT NULL AND NOT level_known")


def _word_rule(name: str, column: str, words: tuple[str, ...]) -> Rule:
    listed = ", ".join(f"'{word}'" for word in words)
    facts = (("column", column), ("expected", ", ".join(words)))
    return Rule("D123", name, Fate.REFUSE, f'"{column}" NOT IN ({listed})', facts)


RULES: Final = rules()
