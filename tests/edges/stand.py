"""The valid extract in memory, where a defect is put in, examined and rolled back: a fifth of a file's time.

What each finding comes from is kept beside it, so that taking one check out is leaving out what it found;
rules on rows are data and are really applied again without the one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from rnc_epi.extracts import opening
from rnc_epi.extracts.contract_checks.findings import Finding, first_refusal
from rnc_epi.extracts.contract_checks.one_pass import _set_apart, check_table
from rnc_epi.extracts.contract_checks.profiles import prepare_profiles
from rnc_epi.extracts.contract_checks.references import prepare_references
from rnc_epi.extracts.contract_checks.rules import RULES
from rnc_epi.extracts.contract_checks.tables import CELL_TABLES, ROW_TABLES, ExtractTables
from rnc_epi.store import RowAccounting, Store, connection
from rnc_epi.vocabulary.contract import TABLES

#: Statements of this form leave alone what the rules compare rows with.
_OF_ROWS_ALONE = re.compile(
    r"UPDATE (tumours|incidence_cells|death_cells) SET (?!.*(geo_|source|registry|person_key))"
)


@dataclass
class Examined:
    """What was found, by what, and the ledger."""

    findings: list[Finding] = field(default_factory=list)
    by: list[Callable[..., object] | None] = field(default_factory=list)
    accounting: RowAccounting = field(default_factory=RowAccounting)

    def take(self, found: Iterator[Finding], by: Callable[..., object] | None) -> None:
        for finding in found:
            self.findings.append(finding)
            self.by.append(by)

    def codes_without(self, gone: Sequence[Callable[..., object]]) -> set[str]:
        """Return the codes that other functions found."""
        return {f.code for f, by in zip(self.findings, self.by, strict=True) if by and by not in gone}


class Stand:
    """The valid extract in memory."""

    def __init__(self, valid: Path, folder: Path) -> None:
        base = duckdb.connect(":memory:", config={"threads": 1, "memory_limit": "500MB"})
        base.execute(f"ATTACH '{valid}' AS v (READ_ONLY); ATTACH ':memory:' AS extract")
        base.execute("COPY FROM DATABASE v TO extract; DETACH v; USE extract")
        self.store = Store(folder / "x.duckdb", base, folder)
        self.whole = self.store.tables = connection._tables(base)
        prepare_references(self.store, ExtractTables.of(self.store))

    @contextmanager
    def with_defect(self, statements: Sequence[str]) -> Iterator[Store]:
        base = self.store._connection
        base.execute("BEGIN")
        try:
            for statement in statements:
                base.execute(statement)
            self.store.tables = connection._tables(base)
            yield self.store
        finally:
            base.execute("ROLLBACK")
            self.store.tables = self.whole


def examined(
    store: Store, statements: Sequence[str], structure: Sequence[opening.Check], *, rules_alone: bool
) -> Examined:
    """Examine as `opening.examine` does; rules run on the tables that the statements concern.

    Where a rule on rows alone is asked after, whole tables are not examined.
    """
    tables, done = ExtractTables.of(store), Examined()
    for check in () if rules_alone else structure:
        done.take(check(store, tables), check)
    if first_refusal(done.findings):
        return done
    of_rows_alone = all(_OF_ROWS_ALONE.match(text.partition(" WHERE ")[0]) for text in statements)
    if not of_rows_alone:
        prepare_references(store, tables)
    prepare_profiles(store, tables)
    for check in opening.CODE_CHECKS:
        done.take(check(store, tables), check)
    concerned = _concerned(statements)
    for table in tables.present:
        if table in concerned:
            done.take(check_table(store, tables, table, RULES, done.accounting), None)
        elif not rules_alone:
            # No rule concerns it: its rows are all usable.
            _set_apart(store, tables, table, ())
    if not rules_alone:
        for check in opening.TABLE_CHECKS:
            done.take(check(store, tables), check)
    return done


def _concerned(statements: Sequence[str]) -> set[str]:
    """Return the tables that statements name, and those that are compared with one of them."""
    named = {table for table in TABLES if any(re.search(rf"\b{table}\b", text) for text in statements)}
    if named & {"sources", "areas", "membership", "coverage"}:
        return set(TABLES)
    # Rules on events ask whether their area has person-years.
    return named | ({*ROW_TABLES, *CELL_TABLES} if "person_years" in named else set())


def codes_without_rule(code: str, table: str, store: Store) -> set[str]:
    """Return what the rules of a table find without those of one code."""
    rules = [rule for rule in RULES if rule.code != code]
    found = check_table(store, ExtractTables.of(store), table, rules, RowAccounting())
    return {finding.code for finding in found}
