"""Checks of codes: age, sex, site, morphology, behaviour and basis of diagnosis of one tumour.

They run on the rows that passed the contract. What is impossible is set aside and counted; what is unlikely
is told and kept. Rules are data, as those of the contract are: each can be taken out and its defect then
goes unseen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rnc_epi.extracts.classification.codes import PAIRS, keep_pairs
from rnc_epi.extracts.classification.narrowing import leave_out
from rnc_epi.extracts.classification.primaries import has_person_keys, judged_primaries
from rnc_epi.extracts.contract_checks.findings import EXAMPLES, Fate, Finding, key_hash
from rnc_epi.extracts.contract_checks.one_pass import QUARANTINE_LIMIT
from rnc_epi.extracts.contract_checks.tables import usable
from rnc_epi.store import RowAccounting, Store
from rnc_epi.vocabulary.classification.consistency import microscopic_bases
from rnc_epi.vocabulary.schemas import NOT_APPLICABLE

STEP: Final = "classification"
TABLE: Final = "tumours"
_APART: Final = "set_apart_codes"
_SEEN: Final = f"basis_of_diagnosis IN ({', '.join(map(str, microscopic_bases()))})"
#: Histology of a metastasis, in the codes of ENCR.
_METASTASIS: Final = 6
#: Word for a stage that the registry does not know; a null is one too.
UNKNOWN_STAGE: Final = "unknown"
#: More of the rules of multiple primaries is one finding, told and not applied.
_REPEATED: Final = "O016"


@dataclass(frozen=True)
class CodeRule:
    """One rule: `condition` is true of the rows that have the defect; where it is null they do not."""

    code: str
    fate: Fate
    condition: str


#: A row that several rules take out is counted under the first of them here. The contract's own rules see to
#: codes that do not exist and to cases known from a certificate that were followed up.
CODE_RULES: Final = (
    CodeRule("O004", Fate.QUARANTINE, "NOT site_possible"),
    CodeRule("O009", Fate.QUARANTINE, "age_years < possible_from"),
    CodeRule("O003", Fate.WARN, "morphology_possible AND NOT morphology_exists"),
    CodeRule("O005", Fate.WARN, "site_possible AND NOT site_expected AND NOT blood_in_organ"),
    CodeRule("O006", Fate.WARN, "blood_in_organ"),
    CodeRule("O007", Fate.WARN, "(sex = 1 AND women_only) OR (sex = 2 AND men_only)"),
    CodeRule(
        "O008",
        Fate.WARN,
        "(age_years < likely_from OR age_years >= likely_until) AND age_years >= possible_from",
    ),
    CodeRule("O010", Fate.WARN, f"needs_microscope AND behaviour = 3 AND NOT {_SEEN}"),
    CodeRule("O011", Fate.WARN, f"behaviour = 2 AND (NOT {_SEEN} OR basis_of_diagnosis = {_METASTASIS})"),
    CodeRule("O012", Fate.WARN, "behaviour = 2 AND NOT in_situ_possible"),
    CodeRule("O013", Fate.WARN, "behaviour IN (6, 9)"),
    CodeRule("O017", Fate.WARN, f"stage IS NOT NULL AND stage <> '{UNKNOWN_STAGE}' AND NOT has_stages"),
    CodeRule(
        "O018", Fate.WARN, f"stage IS NOT NULL AND stage NOT IN ('0', '{UNKNOWN_STAGE}') AND behaviour = 2"
    ),
)


def check_codes(
    store: Store, accounting: RowAccounting, *, rules: Sequence[CodeRule] = CODE_RULES
) -> Iterator[Finding]:
    """Apply the checks of codes to the usable tumours; set aside and account for what is impossible.

    Parameters
    ----------
    store : Store
        After the checks of the contract, so that its usable tables are there.
    accounting : RowAccounting
        Gains the step ``classification``.
    rules : sequence of CodeRule

    Yields
    ------
    Finding
        One a source and code. D109 refuses the extract where more is set aside than the contract allows.

    References
    ----------
    .. [1] Ferlay J et al. Check and conversion programs for cancer registries. IARC Technical Report 42,
       2005.
    .. [2] Martos C et al. A proposal on cancer data quality checks. JRC, EUR 29089 EN, 2018.
       doi:10.2760/429053
    """
    keep_pairs(store)
    joined = f"SELECT * FROM {usable(TABLE)} JOIN {PAIRS} USING (topography, morphology)"
    counts = ", ".join(
        f"count(*) FILTER (WHERE {rule.condition}) AS r{position}" for position, rule in enumerate(rules)
    )
    totals = store.rows(f"SELECT source, count(*), {counts} FROM ({joined}) GROUP BY source")
    fired: set[int] = set()
    for source, _, *found in totals:
        for position, (rule, rows) in enumerate(zip(rules, found, strict=True)):
            if rows:
                fired.add(position)
                examples = _examples(store, joined, rule, source)
                yield Finding(
                    rule.code, rule.fate, TABLE, source, int(rows), int(rows), examples, persons=True
                )
    taking = [rules[position] for position in sorted(fired) if rules[position].fate is Fate.QUARANTINE]
    if taking:
        cases = " ".join(f"WHEN {rule.condition} THEN '{rule.code}'" for rule in taking)
        store.run(
            _APART,
            f"SELECT tumour_key, source, code FROM (SELECT *, CASE {cases} END AS code FROM ({joined})) "
            "WHERE code IS NOT NULL",
        )
        leave_out(store, TABLE, "tumour_key", _APART, STEP)
    yield from _account(store, bool(taking), totals, accounting)
    yield from _repeated(store)


def _examples(store: Store, joined: str, rule: CodeRule, source: str) -> tuple[str, ...]:
    found = store.rows(
        f"SELECT tumour_key FROM ({joined}) WHERE ({rule.condition}) AND source = $source "
        f"ORDER BY tumour_key LIMIT {EXAMPLES}",
        {"source": source},
    )
    return tuple(sorted(key_hash(*values) for values in found))


def _repeated(store: Store) -> Iterator[Finding]:
    """Tell the tumours that are no new primary of their person; the study chooses whether they count."""
    if not has_person_keys(store):
        return
    judged = judged_primaries(store)
    again = judged[~judged["new_primary"]]
    for source, rows in again.groupby("source", sort=True):
        examples = tuple(sorted(key_hash(key) for key in sorted(rows["tumour_key"])[:EXAMPLES]))
        count = len(rows)
        yield Finding(_REPEATED, Fate.WARN, TABLE, str(source), count, count, examples, persons=True)


def _account(
    store: Store, apart: bool, totals: Sequence[tuple[Any, ...]], accounting: RowAccounting
) -> Iterator[Finding]:
    gone = store.rows(f"SELECT source, code, count(*) FROM {_APART} GROUP BY ALL") if apart else []
    # What is left is counted in the view itself, not inferred, so that conservation can fail.
    left = dict(store.rows(f"SELECT source, count(*) FROM {usable(TABLE)} GROUP BY source"))
    for source, rows_in, *_ in totals:
        used = left.get(source, 0)
        accounting.record(TABLE, source, STEP, "used", NOT_APPLICABLE, rows=used, events=used)
        mine = [(code, rows) for owner, code, rows in gone if owner == source]
        for code, rows in mine:
            accounting.record(TABLE, source, STEP, "quarantined", code, rows=rows, events=rows)
        accounting.require_conserved(TABLE, source, STEP, rows_in=rows_in, events_in=rows_in)
        aside = sum(rows for _, rows in mine)
        if aside > QUARANTINE_LIMIT * rows_in:
            limit = (("expected", f"{QUARANTINE_LIMIT:.1%}"),)
            yield Finding("D109", Fate.REFUSE, TABLE, source, aside, aside, facts=limit, persons=True)
