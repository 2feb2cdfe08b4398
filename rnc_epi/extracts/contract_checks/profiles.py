"""The few combinations of codes that millions of rows are made of, counted once.

Rules that read text with patterns are tried on these combinations, not on every row; a table that breaks none
of them pays one small aggregate. `profile_tumours` and `profile_deaths` are open to other checks of codes;
`calendar` holds the rows of each source, registry, year and month.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rnc_epi.extracts.contract_checks.findings import Fate, Finding
from rnc_epi.extracts.contract_checks.rules import Rule
from rnc_epi.extracts.contract_checks.tables import CELL_TABLES, ROW_TABLES, ExtractTables
from rnc_epi.store import Store
from rnc_epi.store.steps import quoted
from rnc_epi.vocabulary.contract import TABLES

#: Columns that the profile of a table counts together.
PROFILED: Final[dict[str, tuple[str, ...]]] = {
    "tumours": ("source", "sex", "topography", "morphology", "behaviour", "basis_of_diagnosis", "stage"),
    "deaths": ("source", "sex", "cause_icd10"),
}
#: Words that stand for "missing" in files of all kinds.
MISSING_WORDS: Final = ("", "NA", "N/A", "#N/A", "NULL", "NAN", "NONE", ".", "-", "?")

_SQUEEZED: Final = r"upper(regexp_replace({c}, '[\s\x{00A0}]', '', 'g'))"
_ABSENT: Final = f"{_SQUEEZED} IN ({', '.join(repr(word) for word in MISSING_WORDS)})"
#: "c34.1", "C341 " and "C34 1" are C34.1; a category alone is its "not otherwise specified".
_TOPOGRAPHY: Final = (
    f"CASE WHEN regexp_full_match({_SQUEEZED}, '[A-Z][0-9]{{2}}[.]?[0-9]') "
    f"THEN concat(substr({_SQUEEZED}, 1, 3), '.', right({_SQUEEZED}, 1)) "
    f"WHEN regexp_full_match({_SQUEEZED}, 'C[0-9]{{2}}[.]?') THEN concat(substr({_SQUEEZED}, 1, 3), '.9') "
    "ELSE {c} END"
)
#: "M8140" and "8140 " are 8140.
_MORPHOLOGY: Final = (
    f"CASE WHEN regexp_full_match({_SQUEEZED}, 'M?-?[0-9]{{4}}') THEN right({_SQUEEZED}, 4) ELSE {{c}} END"
)
#: "c34.1 " is C34.1.
_CAUSE: Final = (
    f"CASE WHEN regexp_full_match({_SQUEEZED}, '[A-Z][0-9]{{2}}([.]?[0-9A-Z]{{1,2}})?[+*-]?') "
    f"THEN rtrim({_SQUEEZED}, '+*-') ELSE {{c}} END"
)
_SPELLINGS: Final = {
    ("tumours", "topography"): _TOPOGRAPHY,
    ("tumours", "morphology"): _MORPHOLOGY,
    ("tumours", "stage"): None,
    ("deaths", "cause_icd10"): _CAUSE,
}


def prepare_profiles(store: Store, tables: ExtractTables) -> None:
    """Make the tables of profiles that the extract has rows for."""
    for table, columns in PROFILED.items():
        if table in tables.present:
            chosen = ", ".join(quoted(column, columns) for column in columns)
            store.run(
                f"profile_{table}",
                f"SELECT {chosen}, count(*) AS rows FROM {tables.qualified(table)} GROUP BY {chosen}",
            )
    parts = [_calendar(tables, table) for table in (*ROW_TABLES, *CELL_TABLES) if table in tables.present]
    if parts:
        store.run("calendar", "\nUNION ALL\n".join(parts))


def _calendar(tables: ExtractTables, table: str) -> str:
    columns = TABLES[table].column_names
    registry = "registry" if "registry" in columns else "'_' AS registry"
    month = "CAST(month AS BIGINT) AS month" if "month" in columns else "NULL::BIGINT AS month"
    if table in ROW_TABLES:
        # As wide numbers: the year after 32767 is no small one.
        period, events = "CAST(year AS BIGINT) AS year, CAST(year AS BIGINT) + 1 AS until", "count(*)"
    else:
        period = "CAST(period_from AS BIGINT) AS year, CAST(period_until AS BIGINT) AS until"
        events = "CAST(sum(least(coalesce(events, 0), 1000000000)) AS HUGEINT)"
    return (
        f"SELECT '{table}' AS table_name, source, {registry}, {period}, {month}, "
        f"count(*) AS rows, CAST({events} AS HUGEINT) AS events "
        f"FROM {tables.qualified(table)} GROUP BY ALL"
    )


def breaks_a_profile(store: Store, tables: ExtractTables, rule: Rule) -> bool:
    """Tell whether any combination of codes breaks a rule; columns are read as they are respelt."""
    columns = PROFILED[rule.table]
    read = ", ".join(
        f"{tables.respelled(rule.table, column, quoted(column, columns))} AS {quoted(column, columns)}"
        for column in columns
    )
    ((found,),) = store.rows(
        f"SELECT count(*) FROM (SELECT {read} FROM profile_{rule.table}) WHERE {rule.condition}"
    )
    return bool(found)


def normalise_codes(store: Store, tables: ExtractTables) -> Iterator[Finding]:
    """Read words for "missing" as missing (D018), and codes in another spelling as the contract's (D058).

    Only where a table has such a value is its column read through the correction; all others are untouched.
    """
    for (table, column), spelling in _SPELLINGS.items():
        if table not in tables.present or tables.type_of(table, column) != "VARCHAR":
            continue
        absent = _ABSENT.replace("{c}", column)
        changed = "false"
        if spelling is not None:
            changed = f"NOT ({absent}) AND ({spelling.replace('{c}', column)}) IS DISTINCT FROM {column}"
        found = store.rows(
            f"SELECT source, CAST(coalesce(sum(rows) FILTER (WHERE {absent}), 0) AS BIGINT), "
            f"CAST(coalesce(sum(rows) FILTER (WHERE {changed}), 0) AS BIGINT) "
            f"FROM profile_{table} WHERE {column} IS NOT NULL GROUP BY source"
        )
        facts = (("column", column),)
        for source, missing, respelt in found:
            for code, rows in (("D018", missing), ("D058", respelt)):
                if rows:
                    yield Finding(code, Fate.NORMALISE, table, source or "_", rows, rows, (), facts, True)
        if any(missing or respelt for _, missing, respelt in found):
            kept = "{c}" if spelling is None else spelling
            tables.respell(table, column, f"CASE WHEN {_ABSENT} THEN NULL ELSE {kept} END")
