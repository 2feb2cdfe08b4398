"""Open an extract: behind the lock, through every check, to the tables that later rooms may use."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import pandas as pd

from rnc_epi.extracts.contract_checks import (
    calendar,
    denominators,
    identifiers,
    keys,
    magnitudes,
    places,
    structure,
)
from rnc_epi.extracts.contract_checks.findings import Fate, Finding, first_refusal, key_hash
from rnc_epi.extracts.contract_checks.one_pass import check_table
from rnc_epi.extracts.contract_checks.profiles import normalise_codes, prepare_profiles
from rnc_epi.extracts.contract_checks.references import prepare_references
from rnc_epi.extracts.contract_checks.rules import RULES, Rule
from rnc_epi.extracts.contract_checks.tables import ExtractTables
from rnc_epi.extracts.fingerprint import content_hash
from rnc_epi.extracts.manifest import manifest_agrees
from rnc_epi.extracts.opposition import (
    Request,
    prepare_requests,
    read_requests,
    tables_without_persons,
)
from rnc_epi.extracts.retention import within_term
from rnc_epi.store import RowAccounting, Store
from rnc_epi.store.connection import lock
from rnc_epi.vocabulary.contract import TABLES
from rnc_epi.vocabulary.schemas import NOT_APPLICABLE

Check = Callable[[Store, ExtractTables], Iterator[Finding]]

#: Before any row is read; a refusal here ends the examination, because later checks need the columns.
STRUCTURE_CHECKS: Final[tuple[Check, ...]] = (
    structure.required_tables,
    structure.required_columns,
    structure.identifier_columns,
    identifiers.text_keys,
    identifiers.catalogue_texts,
    identifiers.texts_of_persons,
    identifiers.numbers_of_persons,
    structure.sex_in_letters,
    structure.column_types,
    structure.rows_present,
    structure.unknown_columns,
)

#: On combinations of codes, before the rules on rows: these read a column otherwise and keep its rows.
CODE_CHECKS: Final[tuple[Check, ...]] = (normalise_codes,)

#: On whole tables, after the rules on rows.
TABLE_CHECKS: Final[tuple[Check, ...]] = (
    identifiers.number_keys,
    identifiers.sources_without_keys,
    keys.duplicate_keys,
    keys.constant_keys,
    keys.overlapping_ages,
    keys.overlapping_periods,
    keys.rows_beside_cells,
    calendar.years_in_two_sources,
    calendar.months_alike,
    calendar.years_without_events,
    calendar.zero_years_of_person_years,
    calendar.jumps,
    places.cities_and_arrondissements,
    places.postcodes,
    places.areas_within_themselves,
    places.memberships_twice,
    places.outlines_that_cannot_be_read,
    places.areas_without_outline,
    places.areas_without_neighbours,
    places.areas_without_score,
    places.open_bands_that_differ,
    denominators.gaps_in_person_years,
    denominators.events_without_person_years,
    denominators.events_on_zero_person_years,
    magnitudes.steps_of_person_years,
    magnitudes.person_years_against_population,
    magnitudes.more_events_than_person_years,
    manifest_agrees,
)


@dataclass
class Extract:
    """A checked extract, open for reading; ``usable_<table>`` in its store are the rows that passed.

    Attributes
    ----------
    store : Store
    tables : tuple of str
        Tables of the contract that the file has.
    findings : tuple of Finding
        What was excluded, quarantined, normalised or only worth a warning.
    accounting : RowAccounting
        Every row of every table: used, excluded or quarantined. Later rooms add their steps.
    without : dict of table to SQL condition
        Rows of persons who exercised their rights, which the fingerprint leaves out.
    opposed : dict of table to SQL condition
        Those of them who opposed, where others asked for a rectification; empty where none did.
    """

    store: Store
    tables: tuple[str, ...]
    findings: tuple[Finding, ...]
    accounting: RowAccounting
    without: dict[str, str] = field(default_factory=dict)
    opposed: dict[str, str] = field(default_factory=dict)

    def __enter__(self) -> Extract:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the file; may be called twice."""
        self.store.close()

    @property
    def path(self) -> Path:
        """The file."""
        return self.store.path

    def fingerprint(self) -> str:
        """Return the SHA-256 of the content, the same for every file that says the same; computed once."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        plain = content_hash(self.store)
        remaining = content_hash(self.store, self.without) if self.without else plain
        # Not a hash of the list, which anyone could try keys on: a hash of what is left. What was taken out
        # stands in the accounting, so the release is another one than that of an extract without these rows,
        # and than that of a list that takes out the same rows for another reason.
        if remaining == plain:
            return plain
        stated = f"without:{remaining}"
        if self.opposed and (partly := content_hash(self.store, self.opposed)) != remaining:
            stated += f":{partly}"
        return hashlib.sha256(stated.encode()).hexdigest()

    def sources(self) -> pd.DataFrame:
        """Return the declared sources: title, kind, licence, threshold, and whether they are synthetic."""
        return self.store.read("SELECT * FROM usable_sources", order_by=["source"])

    def areas_table(self, name: str) -> pd.DataFrame:
        """Return a table about areas, ``deprivation`` or ``adjacency``; empty where the extract has none."""
        declared = TABLES[name]
        if declared.rows_of_persons or name not in self.tables:
            return pd.DataFrame(columns=list(declared.column_names))
        return self.store.read(f"SELECT * FROM usable_{name}", order_by=list(declared.key))


@dataclass
class Examination:
    """What the checks found, in the order in which they run, and where every row went."""

    findings: list[Finding] = field(default_factory=list)
    accounting: RowAccounting = field(default_factory=RowAccounting)
    tables: tuple[str, ...] = ()
    without: dict[str, str] = field(default_factory=dict)
    opposed: dict[str, str] = field(default_factory=dict)
    declared: frozenset[str] = frozenset()

    def shown_source(self, source: str) -> str:
        """Return the name of a source that the extract declares, else a hash: any text may stand there."""
        known = source == NOT_APPLICABLE or source in self.declared
        return source if known else f"source_{key_hash(source)}"


def examine(
    store: Store,
    *,
    rules: Sequence[Rule] | None = None,
    structure_checks: Sequence[Check] | None = None,
    table_checks: Sequence[Check] | None = None,
    requests: tuple[Request, ...] = (),
    today: date | None = None,
) -> Examination:
    """Run every check on an open store and make the usable tables.

    Parameters
    ----------
    store : Store
        From :func:`rnc_epi.store.open_locked`.
    rules, structure_checks, table_checks : sequence, optional
        All of `RULES`, `STRUCTURE_CHECKS` and `TABLE_CHECKS` by default; importers that know their input
        may leave out checks of files that are not theirs.
    requests : tuple of Request
        Of persons whose rows are taken out first (`rnc_epi.extracts.opposition`).
    today : date, optional
        The day from which the age of the extract is counted; that of the clock by default.

    Returns
    -------
    Examination
        Findings, accounting of rows, tables present; the usable tables stand in the store unless a finding
        refuses the extract.
    """
    tables = ExtractTables.of(store)
    done = Examination(tables=tuple(tables.present))
    for check in STRUCTURE_CHECKS if structure_checks is None else structure_checks:
        done.findings.extend(check(store, tables))
    if first_refusal(done.findings):
        return done
    done.findings.extend(within_term(store, tables, today or date.today()))
    opposed = prepare_requests(store, tables, requests)
    done.without, done.opposed = opposed.without, opposed.opposed
    done.findings.extend(tables_without_persons(store, tables, requests))
    prepare_references(store, tables)
    done.declared = frozenset(name for (name,) in store.rows("SELECT source FROM declared_sources") if name)
    prepare_profiles(store, tables)
    for check in CODE_CHECKS:
        done.findings.extend(check(store, tables))
    for table in tables.present:
        row_rules = (*opposed.rules, *(RULES if rules is None else rules))
        done.findings.extend(check_table(store, tables, table, row_rules, done.accounting))
    for check in TABLE_CHECKS if table_checks is None else table_checks:
        done.findings.extend(check(store, tables))
    done.findings = [replace(found, source=done.shown_source(found.source)) for found in done.findings]
    return done


def open_extract(
    path: str | os.PathLike[str],
    *,
    oppositions: str | os.PathLike[str] | None = None,
    today: date | None = None,
    **store_options: Any,
) -> Extract:
    """Open an extract, check it whole, and return it with its usable tables; refuse it if it cannot be used.

    Parameters
    ----------
    path : path of the ``.duckdb`` file
    oppositions : path, optional
        List of the persons whose rows are taken out (`rnc_epi.extracts.opposition`).
    today : date, optional
        The day from which the age of the extract is counted; that of the clock by default.
    **store_options
        ``memory_limit``, ``threads``, ``temp_directory``, as `rnc_epi.store.open_locked` takes them.

    Returns
    -------
    Extract
        To be closed, or used in a ``with`` block.

    Raises
    ------
    ExtractRefused
        With the code of the first refusal; `check_extract` lists them all.
    FileProblem
        The file is missing, locked or unreadable.
    """
    identifiers.require_clean_names(Path(path))
    day = today or date.today()
    requests = () if oppositions is None else read_requests(oppositions, today=day)
    store = lock(path, **store_options)
    try:
        done = examine(store, requests=requests, today=day)
        refusal = first_refusal(done.findings)
        if refusal is not None:
            raise refusal.problem()
    except BaseException:
        store.close()
        raise
    return Extract(store, done.tables, tuple(done.findings), done.accounting, done.without, done.opposed)


__all__ = ["Examination", "Extract", "Fate", "Finding", "examine", "open_extract"]
