"""From an internal result table to a Releasable one, or a refusal: the only door out.

In order: what the plan allows; blocks that would be mostly hidden; small counts; what must be hidden beside
them so that no sum gives them back; the audit; and only then the rounding to published precision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from rnc_epi.disclosure.audit import Audit, audit
from rnc_epi.disclosure.counts import ALL_AGES, CellKey, Counts, counts_of, row_keys
from rnc_epi.disclosure.gradients import borrows
from rnc_epi.disclosure.neighbours import Neighbours
from rnc_epi.disclosure.own_counts import hold_hidden_counts
from rnc_epi.disclosure.plan import PlanDecision, apply_plan
from rnc_epi.disclosure.precision import at_published_precision, round_estimated_counts
from rnc_epi.disclosure.report import ProtectionReport
from rnc_epi.disclosure.search import Search
from rnc_epi.disclosure.small import Small, narrow_ages, small_counts
from rnc_epi.disclosure.strata import family_of
from rnc_epi.disclosure.sums import Sums, sums_of
from rnc_epi.disclosure.weighted import further_standards
from rnc_epi.disclosure.withholding import totals_of, withheld_cells
from rnc_epi.disclosure.witnesses import Table
from rnc_epi.vocabulary.areas import NATIONAL_LEVELS, POOLED_REGISTRIES
from rnc_epi.vocabulary.errors import DisclosureRefused
from rnc_epi.vocabulary.estimators import CROSSED, MODELS, OF_A_SMOOTHED_MAP, OF_ONE_STRATUM, RISK_CLASS
from rnc_epi.vocabulary.releasable import Releasable
from rnc_epi.vocabulary.schemas import (
    DERIVED_FROM_COUNT,
    ESTIMATED,
    NOT_APPLICABLE,
    NOT_ESTIMABLE,
    NOT_PUBLISHED,
    PUBLISHED,
    as_result,
)
from rnc_epi.vocabulary.sites import mortality_caveats

if TYPE_CHECKING:
    import pandas as pd

    from rnc_epi.vocabulary.hierarchy import Hierarchy
    from rnc_epi.vocabulary.policy import Policy

#: Why groups cannot be compared, where it is so whatever their counts.
_WHATEVER_THE_COUNTS: Final = ("fewer_than_three_groups", "no_person_years", "not_all_covered")
#: A row for both sexes says little where one sex holds this share of it (breast cancer).
_ONE_SEX: Final = 0.9


def protect(
    results: pd.DataFrame,
    hierarchy: Hierarchy,
    policy: Policy,
    *,
    caveats: Mapping[str, str] | None = None,
    name: str = "indicators",
) -> tuple[Releasable, ProtectionReport]:
    """Return what may be published of a result table, and the internal account of what may not.

    Parameters
    ----------
    results : DataFrame
        In the form of the one result table (`as_result`), status ``estimated`` or ``not_estimable``, every
        estimated row with its events; unrounded.
    hierarchy : Hierarchy
        Which sites and areas are parts of which. What is not declared is not protected against.
    policy : Policy
        From :func:`load_policy`.
    caveats : mapping, optional
        Sites whose mortality carries a caveat, with the caveat; published only if the policy lifts it. By
        default those of the table of sites.
    name : str
        Name of the file to be.

    Returns
    -------
    (Releasable, ProtectionReport)
        What may go out, and the internal account: rows hidden, why, and the proof of the audit.

    Raises
    ------
    DisclosureRefused
        ``P010`` rows of one cell give different events, ``P011`` an estimated row without events,
        ``P012`` the audit finds a small count exactly, or nearly, ``P013`` smoothed maps (`add_maps`).

    Notes
    -----
    Every protected count keeps at least the interval from 1 to the threshold less one for an attacker who
    knows every sum and every visible number, as the witnesses prove. An age-standardised rate whose total is
    shown is published although its age bands are small, where these bands are not published: to the digits
    that one case is worth, and by one standard alone where events are few (see ``disclosure.weighted``).

    References
    ----------
    Kelly JP, Golden BL, Assad AA. Cell suppression: disclosure protection for sensitive tabular data.
    Networks 1992;22:397-417. Fischetti M, Salazar JJ. Models and algorithms for the 2-dimensional cell
    suppression problem. Math Program 1999;84:283-312.

    Examples
    --------
    Of 50 and 5 persons, the second is below the threshold of 11:

    >>> import pandas as pd
    >>> from rnc_epi.disclosure import load_policy
    >>> from rnc_epi.vocabulary.hierarchy import Hierarchy
    >>> from rnc_epi.vocabulary.schemas import as_result
    >>> rows = pd.DataFrame({"event_type": "incidence", "source": "registries", "sex": 1,
    ...     "site": ["lung", "melanoma_skin"], "geo_level": "region", "geo_code": "84", "geo_vintage": "v",
    ...     "period_from": 2016, "period_until": 2021, "indicator": "count", "measure_unit": "count",
    ...     "per": 1, "age_from": 0, "estimator": "observed", "method": "observed", "value": [50.0, 5.0],
    ...     "events": [50.0, 5.0], "status": "estimated", "reason": "_"})
    >>> made, report = protect(as_result(rows), Hierarchy(), load_policy("default"))
    >>> made.table[["site", "status"]].values.tolist()
    [['lung', 'published'], ['melanoma_skin', 'not_published']]
    """
    if caveats is None:
        caveats = mortality_caveats()
    of_maps = results["indicator"].isin((*OF_A_SMOOTHED_MAP, RISK_CLASS)).to_numpy(bool) | borrows(results)
    if of_maps.any():
        raise DisclosureRefused("P013", found=int(of_maps.sum()))
    decision = apply_plan(results, policy, {site: text for site, text in caveats.items() if text})
    allowed = results[decision.kept].reset_index(drop=True)
    caveat = decision.caveat[decision.kept]

    before = counts_of(allowed, caveat, policy)
    small_before = small_counts(before)
    withheld = withheld_cells(before, small_before.cells, totals_of(before))
    stays = np.where(before.cell_of_row >= 0, ~withheld[before.cell_of_row], True)
    table, caveat = allowed[stays].reset_index(drop=True), caveat[stays]

    counts = counts_of(table, caveat, policy)
    sums = sums_of(counts, hierarchy)
    small = small_counts(counts, sums)
    hidden, system, search, totals = _search(counts, sums, small, hierarchy, table)
    found = audit(system, hidden, search.shifts)
    if found.failed:
        raise DisclosureRefused("P012", found=len(found.failed))
    row_hidden = _hidden_rows(counts, hidden, table) | further_standards(table, policy)
    row_hidden |= hold_hidden_counts(table, counts, hidden[: len(counts.keys)], hierarchy)
    public = _public(table, row_hidden | caveat, policy)
    facts = _Facts(decision, before, small_before.cells, withheld, counts, sums, small, hidden, totals)
    report = _report(facts, results, allowed, stays, caveat, row_hidden, public, search.programmes, found)
    return Releasable(name, public, policy.fingerprint()), report


@dataclass(frozen=True)
class _Facts:
    decision: PlanDecision
    before: Counts
    small_before: np.ndarray
    withheld: np.ndarray
    counts: Counts
    sums: Sums
    small: Small
    hidden: np.ndarray
    totals: np.ndarray


def _search(
    counts: Counts, sums: Sums, small: Small, hierarchy: Hierarchy, table: pd.DataFrame
) -> tuple[np.ndarray, Table, Search, np.ndarray]:
    """Return what to hide, the system it was proved on, the search, and the totals to keep."""
    n_cells, n = sums.n_cells, len(sums.values)
    hidden = np.ones(n, dtype=bool)
    hidden[:n_cells] = small.cells | small.unanimous | ~counts.shown
    hidden[:n_cells] = narrow_ages(counts, hidden[:n_cells], table)
    system = Table(sums.equations.tocsc(), sums.values, small.lowest, small.highest)
    totals = np.zeros(n, dtype=bool)
    totals[:n_cells] = totals_of(counts) & (counts.events >= counts.threshold) & ~hidden[:n_cells]
    weight = np.ones(n)
    weight[:n_cells] = _weights(counts)
    search = Search(system, Neighbours(counts, hierarchy), hidden, totals, weight, n_cells, _subjects(counts))
    protected = np.flatnonzero(~(np.isnan(small.lowest) & np.isnan(small.highest)))
    wanted = totals_of(counts)
    search.run(
        sorted(
            protected.tolist(),
            key=lambda cell: (cell >= n_cells or not wanted[cell], -sums.values[cell], cell),
        )
    )
    final = search.hidden.copy()
    # Hiding more leaves every witness in place.
    final[:n_cells] = narrow_ages(counts, final[:n_cells], table)
    return final, system, search, totals


def _subjects(counts: Counts) -> np.ndarray:
    """Return a number for each cell, the same for cells of one event and site."""
    numbers: dict[tuple[str, str, str], int] = {}
    return np.array(
        [numbers.setdefault((key.event_type, key.persons, key.site), len(numbers)) for key in counts.keys]
    )


def _weights(counts: Counts) -> np.ndarray:
    """Return how much the loss of each cell matters: totals and wide areas more than details."""
    weight = np.ones(len(counts.keys))
    index = {key: cell for cell, key in enumerate(counts.keys)}
    for cell, key in enumerate(counts.keys):
        if key.ages == ALL_AGES:
            weight[cell] *= 2.0
        if key.area[0] in NATIONAL_LEVELS or key.area[:2] == ("registry_zone", POOLED_REGISTRIES):
            weight[cell] *= 3.0
        elif key.area[0] == "region":
            weight[cell] *= 1.5
        if key.sex == 0:
            by_sex = [index[other] for sex in (1, 2) if (other := key._replace(sex=sex)) in index]
            if by_sex and counts.events[by_sex].max() >= _ONE_SEX * counts.events[cell]:
                weight[cell] *= 0.2
    return weight


def _hidden_rows(counts: Counts, hidden: np.ndarray, table: pd.DataFrame) -> np.ndarray:
    """Return the rows to hide: every row of a hidden cell, of everyone and of known ages together.

    What compares groups rests on each of them, and is hidden with any. An estimated count that would be
    published as a small one is hidden with its rates.
    """
    together: dict[object, bool] = {}
    families: dict[object, bool] = {}
    for cell, key in enumerate(counts.keys):
        together[key] = together.get(key, False) or bool(hidden[cell])
        families[_family(key)] = families.get(_family(key), False) or bool(hidden[cell])
    by_cell = np.array([together[key] for key in counts.keys], dtype=bool)
    by_family = np.array([families[_family(key)] for key in counts.keys], dtype=bool)
    speaking = counts.cell_of_row >= 0
    compares = (table["stratum_type"] != NOT_APPLICABLE) & ~table["indicator"].isin(OF_ONE_STRATUM)
    modelled = table["estimator"].isin(MODELS).to_numpy(bool)
    estimates = modelled & (table["indicator"] == "count").to_numpy(bool)
    shown_as = round_estimated_counts(table["value"].to_numpy(float, na_value=np.nan))
    tiny = estimates & speaking & (shown_as < counts.threshold[counts.cell_of_row])
    few = np.zeros(len(counts.keys), dtype=bool)
    few[counts.cell_of_row[tiny]] = True
    found = by_cell[counts.cell_of_row] | (few[counts.cell_of_row] & modelled)
    found |= by_family[counts.cell_of_row] & compares
    found = np.where(speaking, found, False)
    # That a comparison cannot be made is a fact about the groups, like what it would have said.
    fails = compares & table["status"].eq(NOT_ESTIMABLE) & ~table["reason"].isin(_WHATEVER_THE_COUNTS)
    for row, key in zip(np.flatnonzero(fails), row_keys(table[fails]), strict=True):
        found[row] = families.get(_family(key), False)
    return found


def _family(key: CellKey) -> CellKey:
    """Return the cell of all groups that are compared with one another."""
    return key._replace(stratum=(_compared(key.stratum[0]), NOT_APPLICABLE))


def _compared(stratum_type: str) -> str:
    """Return what is compared with a kind of stratum: a share found late rests on the others found too."""
    return family_of(stratum_type) if ":" in stratum_type.partition(CROSSED)[2] else stratum_type


def _public(table: pd.DataFrame, hidden: np.ndarray, policy: Policy) -> pd.DataFrame:
    """Return the public form: numbers at published precision, and none at all in a row that is hidden."""
    public = at_published_precision(table, policy)
    estimated = (table["status"] == ESTIMATED).to_numpy(bool)
    without = hidden | ~estimated
    for column in (*DERIVED_FROM_COUNT, "person_years"):
        public.loc[without, column] = np.nan
    # An estimate gives the persons it rests on a number of their own elsewhere, or none.
    modelled = table["estimator"].isin(MODELS).to_numpy(bool)
    for column in ("events", "expected"):
        public.loc[modelled, column] = np.nan
    compares = (table["stratum_type"] != NOT_APPLICABLE) & ~table["indicator"].isin(OF_ONE_STRATUM)
    undefined = ~estimated & ~(hidden & compares.to_numpy(bool))
    public["status"] = np.where(undefined, NOT_ESTIMABLE, np.where(hidden, NOT_PUBLISHED, PUBLISHED))
    public["reason"] = NOT_APPLICABLE
    # The grade of a model says why a figure is not given, and speaks of a site, not of persons.
    graded = table["estimator"].isin(MODELS).to_numpy(bool)
    public["data_grade"] = public["data_grade"].mask(without & ~graded, NOT_APPLICABLE)
    return as_result(public)


def _report(
    facts: _Facts,
    results: pd.DataFrame,
    allowed: pd.DataFrame,
    stays: np.ndarray,
    caveat: np.ndarray,
    row_hidden: np.ndarray,
    public: pd.DataFrame,
    programmes: int,
    found: Audit,
) -> ProtectionReport:
    before, counts, n_cells = facts.before, facts.counts, facts.sums.n_cells
    safe = (before.events > 0) & ~facts.small_before
    shown = {
        key for key, cell_hidden in zip(counts.keys, facts.hidden[:n_cells], strict=True) if not cell_hidden
    }
    visible = np.array([key in shown for key in before.keys], dtype=bool)
    primary = np.where(counts.cell_of_row >= 0, facts.small.cells[counts.cell_of_row], False)
    blocks = sorted(
        {
            f"{key.event_type} {key.site} {key.area[0]} {key.period[1] - key.period[0]} y"
            + (" by age" if key.ages != ALL_AGES else "")
            for cell, key in enumerate(before.keys)
            if facts.withheld[cell]
        }
    )
    return ProtectionReport(
        rows=len(results),
        left_out_by_plan=facts.decision.left_out,
        withheld_rows=int((~stays).sum()),
        withheld_blocks=tuple(blocks),
        published_rows=int((public["status"] == PUBLISHED).sum()),
        hidden_rows=int((public["status"] == NOT_PUBLISHED).sum()),
        not_estimable_rows=int((public["status"] == NOT_ESTIMABLE).sum()),
        rows_by_reason={
            "primary": int((primary & row_hidden).sum()),
            "secondary": int((row_hidden & ~primary).sum()),
            "caveat": int((caveat & ~row_hidden).sum()),
        },
        cells=len(before.keys),
        small_cells=int(facts.small_before.sum()),
        remainders=int(facts.small.remainders),
        safe_cells=int(safe.sum()),
        safe_cells_lost=int((safe & ~visible).sum()),
        loss=float((safe & ~visible).sum() / max(1, safe.sum())),
        events_visible=float(before.events[safe & visible].sum() / max(1.0, before.events[safe].sum())),
        totals=int(facts.totals.sum()),
        totals_hidden=int((facts.totals & facts.hidden).sum()),
        equations=facts.sums.equations.shape[0],
        contradictory_sums=facts.sums.contradictory,
        programmes=programmes,
        audit=found,
    )
