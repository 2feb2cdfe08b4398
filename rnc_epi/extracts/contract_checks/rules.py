"""Rules on single rows, as data: a code, a table, a condition in SQL, what becomes of the row.

A condition speaks of the columns of the contract and of what `checked_rows.checked_rows` joins to them:
the flags of the area, ``source_declared``, ``first_year`` and ``until_year`` of the registry, ``site_known``,
``in_men``, ``in_women``. Where it is null the row does not have the defect. A row that several rules take out
is counted under the first of them here.
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
    """One rule: `condition` is true of the rows that have the defect.

    Parameters
    ----------
    on_codes : bool
        Whether the condition speaks only of columns of the profile of codes, on which it is tried first.
    instead : (column, SQL), optional
        How the column is read afterwards, where the rule keeps the row and only corrects it.
    named : str
        The reason in the ledger where it is a word; the code where it is empty.
    """

    code: str
    table: str
    fate: Fate
    condition: str
    facts: tuple[tuple[str, str], ...] = ()
    on_codes: bool = False
    instead: tuple[str, str] | None = None
    named: str = ""

    @property
    def reason(self) -> str:
        """The reason that the ledger gives."""
        return self.named or self.code


#: More events than this in one cell is a slip of columns, and sums of them would not fit.
MOST_EVENTS: Final = 10**12
#: Person-years of one calendar year in one cell: all of France has 68 million inhabitants.
MOST_PERSON_YEARS: Final = 10**8
OLDEST: Final = 120
#: A number of days since 1900, as spreadsheets store dates, is far beyond any year.
LAST_YEAR: Final = 2999
#: Topographies of one sex (ICD-O-3): C60-C63 male, C51-C58 female genital organs.
_MEN_ONLY: Final = "substr(topography, 1, 3) IN ('C60', 'C61', 'C62', 'C63')"
_WOMEN_ONLY: Final = "substr(topography, 1, 3) IN ('C51', 'C52', 'C53', 'C54', 'C55', 'C56', 'C57', 'C58')"
#: The same of causes of death (ICD-10): they are the same categories there.
_WRONG_SEX_FOR_CAUSE: Final = (
    "((sex = 2 AND regexp_full_match({c}, 'C6[0-3].*', 'i')) "
    "OR (sex = 1 AND regexp_full_match({c}, 'C5[1-8].*', 'i')))"
)
#: The form of ICD-10, with or without its dot, the marks of dagger and asterisk behind.
_CAUSES: Final = "[A-Z][0-9]{2}([.]?[0-9A-Z]{1,2})?[+*-]?"
#: The latest edition of the geographic code that the package knows; a test holds it to the packaged tables.
LATEST_COG: Final = "cog2026"
#: Categories of the topography of ICD-O-3, any digit behind the dot.
TOPOGRAPHIES: Final = "C(0[0-9]|1[0-9]|2[0-6]|3[0-47-9]|4[0-247-9]|5[0-8]|6[0-9]|7[0-7]|80)[.][0-9]"
#: Categories of ICD-10 alone: melanoma, mesothelioma, Kaposi, metastases, blood, multiple, not malignant.
_ICD10_ONLY: Final = "(C4[356]|C7[89]|C8[1-8]|C9[0-7]|D[0-4][0-9]).*"
#: The form of ICD-O-3 morphologies; which of these numbers exist is the classification's to say.
MORPHOLOGIES: Final = "[89][0-9]{3}"
_UNKNOWN_AREA: Final = (
    "NOT known AND NOT out_of_scope AND NOT zero_lost AND NOT corsica_as_number AND NOT scientific"
)
#: Overseas départements are known to everyone: without person-years they are excluded, declared or not.
_UNKNOWN_EVENT_AREA: Final = f"{_UNKNOWN_AREA} AND NOT overseas AND NOT foreign_country"
#: Numbers that stand for an unknown age in files of all kinds.
UNKNOWN_AGES: Final = (-1, -9, 999, 9999)
_AGE_IS_UNKNOWN: Final = f"age_years IN ({', '.join(map(str, UNKNOWN_AGES))})"


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
        yield Rule("D114", name, Fate.REFUSE, "valid_from >= valid_until")
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
    for year in sorted({"year", "period_from"} & columns):
        where = (("column", year),)
        yield Rule("D033", name, Fate.REFUSE, f"{year} BETWEEN 0 AND 99", where)
        yield Rule("D034", name, Fate.REFUSE, f"{year} > {LAST_YEAR}", where)
    if {"period_from", "period_until"} <= columns:
        yield Rule("D114", name, Fate.REFUSE, "period_from >= period_until")
    if "site" in columns:
        yield Rule("D115", name, Fate.REFUSE, "site IS NOT NULL AND NOT site_known")
    if name in ROW_TABLES:
        yield from _person_rules(name, columns)
    if name in CELL_TABLES:
        yield from _cell_rules(name, columns)
    if name == "person_years":
        years = "greatest(CAST(period_until AS BIGINT) - period_from, 1)"
        yield Rule("D141", name, Fate.REFUSE, f"person_years > {MOST_PERSON_YEARS} * {years}")
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
    yield Rule("D070", name, Fate.REFUSE, "scientific")
    if events:
        yield Rule("D075", name, Fate.QUARANTINE, "foreign_country")
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
        # Follow-up that ends before it begins is an error of one person, not of the table.
        counted = column.kind in ("count", "person_years") and column.name != "follow_up_days"
        if counted or column.name == "disclosure_threshold":
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
    impossible = f"(age_years < 0 OR age_years > {OLDEST}) AND NOT {_AGE_IS_UNKNOWN}"
    yield Rule("D037", name, Fate.QUARANTINE, impossible)
    null_age = f"CASE WHEN {{c}} IN ({', '.join(map(str, UNKNOWN_AGES))}) THEN NULL ELSE {{c}} END"
    yield Rule("D038", name, Fate.WARN, _AGE_IS_UNKNOWN, instead=("age_years", null_age))
    if "registry" in columns:
        yield Rule("D039", name, Fate.QUARANTINE, "year < first_year OR year >= until_year")
    if "topography" in columns:
        yield from _tumour_rules(name)
    elif "site" in columns:
        yield Rule("D049", name, Fate.QUARANTINE, "(sex = 1 AND NOT in_men) OR (sex = 2 AND NOT in_women)")
    if "cause_icd10" in columns:
        no_cause = f"NOT regexp_full_match(cause_icd10, '{_CAUSES}')"
        yield Rule("D145", name, Fate.QUARANTINE, no_cause, on_codes=True)
        wrong_sex = _WRONG_SEX_FOR_CAUSE.replace("{c}", "cause_icd10")
        yield Rule("D049", name, Fate.QUARANTINE, wrong_sex, on_codes=True)
    if "person_key" in columns:
        yield Rule("D025", name, Fate.QUARANTINE, "person_key IS NULL AND source_has_person_keys")
    yield Rule("D134", name, Fate.WARN, f"age_years > 105 AND age_years <= {OLDEST}")


def _tumour_rules(name: str) -> Iterator[Rule]:
    yield Rule("D057", name, Fate.REFUSE, f"regexp_full_match(topography, '{_ICD10_ONLY}')", on_codes=True)
    not_listed = f"NOT regexp_full_match(topography, '{TOPOGRAPHIES}')"
    not_icd10 = f"NOT regexp_full_match(topography, '{_ICD10_ONLY}')"
    yield Rule("D051", name, Fate.QUARANTINE, f"{not_listed} AND {not_icd10}", on_codes=True)
    yield Rule(
        "D052", name, Fate.QUARANTINE, f"NOT regexp_full_match(morphology, '{MORPHOLOGIES}')", on_codes=True
    )
    yield Rule("D054", name, Fate.QUARANTINE, "behaviour NOT IN (0, 1, 2, 3, 6, 9)", on_codes=True)
    wrong_sex = f"(sex = 2 AND {_MEN_ONLY}) OR (sex = 1 AND {_WOMEN_ONLY})"
    yield Rule("D049", name, Fate.QUARANTINE, wrong_sex, on_codes=True)
    yield Rule("D031", name, Fate.QUARANTINE, "month < 1 OR month > 12")
    yield Rule("D041", name, Fate.QUARANTINE, "follow_up_days < 0 AND vital_status = 1")
    yield Rule("D040", name, Fate.QUARANTINE, "follow_up_days < 0 AND vital_status IS DISTINCT FROM 1")
    # What is known only from the certificate has no survival: day 0 of diagnosis is the day of death.
    yield Rule("D061", name, Fate.QUARANTINE, "basis_of_diagnosis = 0 AND follow_up_days > 0")
    yield _list_rule(name, "basis_of_diagnosis", (0, 1, 2, 4, 5, 6, 7, 9), on_codes=True)
    yield _list_rule(name, "vital_status", (0, 1, 9))


def _list_rule(name: str, column: str, codes: tuple[int, ...], *, on_codes: bool = False) -> Rule:
    """Return the rule on codes outside their list, which are read as missing (D139)."""
    listed = ", ".join(map(str, codes))
    facts = (("column", column), ("expected", listed))
    instead = (column, f"CASE WHEN {{c}} IN ({listed}) THEN {{c}} END")
    return Rule("D139", name, Fate.WARN, f"{column} NOT IN ({listed})", facts, on_codes, instead)


def _cell_rules(name: str, columns: set[str]) -> Iterator[Rule]:
    wrong_sex = "((sex = 1 AND NOT in_men) OR (sex = 2 AND NOT in_women))"
    if "icd10" in columns:
        wrong_sex = f"(coalesce({wrong_sex}, false) OR {_WRONG_SEX_FOR_CAUSE.replace('{c}', 'trim(icd10)')})"
    yield Rule("D049", name, Fate.QUARANTINE, f"{wrong_sex} AND events > 0")
    yield Rule("D116", name, Fate.NORMALISE, f"{wrong_sex} AND events = 0")
    if "registry" in columns:
        yield Rule("D039", name, Fate.QUARANTINE, "period_from < first_year OR period_until > until_year")
    if "icd10" in columns:
        yield Rule("D117", name, Fate.REFUSE, "(site IS NULL) = (icd10 IS NULL)")
        yield Rule("D145", name, Fate.REFUSE, f"NOT regexp_full_match(trim(icd10), '{_CAUSES}', 'i')")


def _declaration_rules(name: str) -> Iterator[Rule]:
    if name == "sources":
        yield _word_rule(name, "kind", SOURCE_KINDS)
        years = "NOT regexp_full_match(definition_break_years, ' *([0-9]{4}( *[,;] *[0-9]{4})*)? *')"
        facts = (("column", "definition_break_years"), ("expected", "2010, 2015"))
        yield Rule("D123", name, Fate.REFUSE, years, facts)
    if name == "areas":
        edition = f"regexp_full_match(geo_vintage, 'cog[0-9]{{4}}') AND geo_vintage > '{LATEST_COG}'"
        yield Rule("D067", name, Fate.REFUSE, edition, (("expected", LATEST_COG),))
    if name == "adjacency":
        yield Rule("D119", name, Fate.REFUSE, "NOT neighbour_known")
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
