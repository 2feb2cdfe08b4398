"""Deaths from cancer of the uterus, part unspecified (C55), shared out between cervix and corpus by age.

Certificates that say where are kept as they are. Of the others, so many go to the cervix that its deaths
come as near as they can to its share of all uterine deaths at that age. Numbers stay whole: the remainders
are carried from area to area, so that totals are right to one death. An allocation for counting, not a
finding about anyone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from rnc_epi.extracts.classification.narrowing import keep_as_it_was
from rnc_epi.extracts.contract_checks.tables import usable
from rnc_epi.store.steps import quoted
from rnc_epi.vocabulary.classification.uterus import cervical_share
from rnc_epi.vocabulary.contract import TABLES
from rnc_epi.vocabulary.errors import ExtractRefused

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from rnc_epi.extracts.opening import Extract

STEP: Final = "uterus"
CERVIX, CORPUS, UNSPECIFIED = "cervix_uteri", "corpus_uteri", "uterus_unspecified"
_CODES: Final = {"C53": CERVIX, "C54": CORPUS, "C55": UNSPECIFIED}
#: Deaths of the open last band, and the width of the bands that single ages are put into.
_OPEN_WIDTH, _WIDTH = 10, 5
_STRATUM: Final = (
    *("source", "geo_level", "geo_code", "geo_vintage", "period_from", "period_until"),
    *("age_from", "age_until", "age_status", "sex"),
)


def shared_out(
    cervix: ArrayLike, corpus: ArrayLike, unspecified: ArrayLike, share: ArrayLike
) -> NDArray[np.int64]:
    """Return how many unspecified deaths of each stratum go to the cervix; the others go to the corpus.

    Parameters
    ----------
    cervix, corpus, unspecified : array_like of int, shape (n,)
        Deaths certified to each, by stratum; strata of one age side by side, in the order of areas.
    share : array_like, shape (n,)
        Share of the cervix among all uterine deaths of the stratum.

    Examples
    --------
    At 70 and over 35 of 100 uterine deaths are from the cervix: 20 are certified so, 15 more are among the 60
    without site.

    >>> shared_out([20], [20], [60], [0.35]).tolist()
    [15]

    Three areas with one such death each give one to the cervix, not none:

    >>> shared_out([0, 0, 0], [0, 0, 0], [1, 1, 1], [0.35, 0.35, 0.35]).tolist()
    [0, 1, 0]
    """
    known, other, open_ = (np.asarray(values, dtype=np.float64) for values in (cervix, corpus, unspecified))
    wanted = np.asarray(share, dtype=np.float64) * (known + other + open_) - known
    exact = np.clip(wanted, 0.0, open_)
    # The nearest whole number of the running sum: each stratum gets its share rounded up or down.
    running = np.floor(np.cumsum(exact) + 0.5)
    return np.diff(running, prepend=0.0).astype(np.int64)


def share_out_uterus(extract: Extract) -> int:
    """Replace the unspecified uterine deaths of an extract by deaths from cancer of cervix and corpus.

    To be called once, after the extract is open and before cells are made. Tables of cells and of rows are
    both read; whichever a source has.

    Returns
    -------
    int
        Deaths that were shared out; 0 where every death has its site.

    Raises
    ------
    ExtractRefused
        O092, the deaths without site have no age and neither have others; D130, deaths were lost.

    References
    ----------
    .. [1] Rogel A et al. Cancer Epidemiol 2011;35:243-249. doi:10.1016/j.canep.2010.09.003
    """
    done = 0
    for table in ("death_cells", "deaths"):
        if table in extract.tables:
            done += _share_out(extract, table)
    return done


def _share_out(extract: Extract, table: str) -> int:
    store = extract.store
    strata = store.read(_strata(table), order_by=["form", "age_from", *_STRATUM[:6]])
    if not strata["unspecified"].sum():
        return 0
    strata["to_cervix"] = _to_cervix(strata, table)
    store.keep(f"{table}_of_the_uterus", strata[strata["unspecified"] > 0])
    total = (
        f"SELECT count(*) FROM {usable(table)}"
        if table == "deaths"
        else (f"SELECT CAST(coalesce(sum(events), 0) AS BIGINT) FROM {usable(table)}")
    )
    before = store.rows(total)
    kept = keep_as_it_was(store, table, STEP)
    store.run_view(usable(table), _rows_of_persons(kept) if table == "deaths" else _cells(kept))
    after = store.rows(total)
    if after != before:
        raise ExtractRefused("D130", table=table, where=STEP, expected=before[0][0], found=after[0][0])
    return int(strata["unspecified"].sum())


def _to_cervix(strata: pd.DataFrame, table: str) -> NDArray[np.int64]:
    aged = strata["age_from"].notna().to_numpy()
    start = strata["age_from"].fillna(0).to_numpy(dtype=np.float64)
    until = strata["age_until"].to_numpy(dtype=np.float64, na_value=np.nan)
    middle = np.where(np.isnan(until), start + _OPEN_WIDTH / 2, (start + until) / 2)
    share = np.array([cervical_share(age) for age in middle])
    deaths = strata[["cervix", "corpus", "unspecified"]].to_numpy(dtype=np.float64)
    if not aged.all():
        weight = deaths[aged].sum(axis=1)
        if not weight.sum():
            raise ExtractRefused("O092", where=table)
        # Deaths of unknown age are shared as all the others together.
        share[~aged] = np.average(share[aged], weights=weight)
    return shared_out(deaths[:, 0], deaths[:, 1], deaths[:, 2], share)


def _strata(table: str) -> str:
    """Return the SELECT of uterine deaths by stratum and by the form in which sites are written."""
    if table == "deaths":
        whole = (
            "SELECT 'icd10' AS form, source, geo_level, geo_code, geo_vintage, year AS period_from, "
            f"year + 1 AS period_until, age_years - age_years % {_WIDTH} AS age_from, "
            f"age_years - age_years % {_WIDTH} + {_WIDTH} AS age_until, "
            "CASE WHEN age_years IS NULL THEN 'unknown' ELSE 'known' END AS age_status, sex, "
            f"{_site_of('cause_icd10')} AS part, 1 AS events FROM {usable(table)}"
        )
    else:
        whole = (
            f"SELECT CASE WHEN site IS NULL THEN 'icd10' ELSE 'site' END AS form, {', '.join(_STRATUM)}, "
            f"CASE WHEN site IS NULL THEN {_site_of('icd10')} ELSE site END AS part, events "
            f"FROM {usable(table)}"
        )
    sums = ", ".join(
        f"CAST(coalesce(sum(events) FILTER (WHERE part = '{slug}'), 0) AS BIGINT) AS {name}"
        for slug, name in ((CERVIX, "cervix"), (CORPUS, "corpus"), (UNSPECIFIED, "unspecified"))
    )
    parts = ", ".join(f"'{slug}'" for slug in (CERVIX, CORPUS, UNSPECIFIED))
    return f"SELECT form, {', '.join(_STRATUM)}, {sums} FROM ({whole}) WHERE part IN ({parts}) GROUP BY ALL"


def _site_of(column: str) -> str:
    cases = " ".join(f"WHEN '{code}' THEN '{slug}'" for code, slug in _CODES.items())
    return f"CASE upper(substr(trim({column}), 1, 3)) {cases} END"


def _cells(kept: str) -> str:
    names = TABLES["death_cells"].column_names
    columns = ", ".join(quoted(name, names) for name in names)
    shared = []
    for slug, code, events in (
        (CERVIX, "C53", "to_cervix"),
        (CORPUS, "C54", "unspecified - to_cervix"),
    ):
        made = {
            "site": f"CASE WHEN form = 'site' THEN '{slug}' END",
            "icd10": f"CASE WHEN form = 'icd10' THEN '{code}' END",
            "events": f"CAST({events} AS BIGINT)",
        }
        values = ", ".join(f"{made.get(name, name)} AS {quoted(name, names)}" for name in names)
        shared.append(f"SELECT {values} FROM death_cells_of_the_uterus WHERE {events} > 0")
    other = (
        f"SELECT {columns} FROM {kept} "
        f"WHERE coalesce(site, '') <> '{UNSPECIFIED}' AND NOT coalesce(icd10, '') ILIKE 'C55%'"
    )
    return " UNION ALL ".join([other, *shared])


def _rows_of_persons(kept: str) -> str:
    names = TABLES["deaths"].column_names
    chosen = ", ".join(
        "CASE WHEN s.to_cervix IS NULL THEN d.cause_icd10 "
        "WHEN d.place <= s.to_cervix THEN 'C53' ELSE 'C54' END AS cause_icd10"
        if name == "cause_icd10"
        else f"d.{quoted(name, names)}"
        for name in names
    )
    band = f"age_years - age_years % {_WIDTH}"
    unspecified = f"{_site_of('cause_icd10')} = '{UNSPECIFIED}'"
    numbered = (
        f"SELECT *, {band} AS band, {unspecified} AS unspecified, "
        f"row_number() OVER (PARTITION BY {unspecified}, source, geo_level, geo_code, geo_vintage, year, "
        f"sex, {band} ORDER BY death_key) AS place FROM {kept}"
    )
    return (
        f"SELECT {chosen} FROM ({numbered}) AS d LEFT JOIN deaths_of_the_uterus AS s ON d.unspecified "
        "AND s.source = d.source AND s.geo_level = d.geo_level AND s.geo_code = d.geo_code "
        "AND s.geo_vintage = d.geo_vintage AND s.period_from = d.year AND s.sex = d.sex "
        "AND s.age_from IS NOT DISTINCT FROM d.band"
    )
