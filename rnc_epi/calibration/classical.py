"""Classical methods on tables: cases behind those of an algorithm, and cases that no source has seen.

They stand beside the calibration: the ratio methods of earlier editions are in the internal table
``calibration_classical`` of a study.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rnc_epi.maths.capture import CaptureEstimate, chapman, log_linear_capture
from rnc_epi.maths.ratio import algorithm_corrected
from rnc_epi.maths.requirements import require_counts
from rnc_epi.vocabulary.errors import EstimateRefused, InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SHARES = ["identified", "confirmed", "reviewed", "found", "registered"]
_FIGURES = ["total", "se", "lower", "upper", "seen", "completeness"]


def corrected_cases(table: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """Return a table of identified cases with those behind them: identified x predictive value / sensitivity.

    Parameters
    ----------
    table : DataFrame
        A row a stratum: ``identified`` cases of the algorithm; of these ``confirmed`` among those
        ``reviewed``; ``found`` by the algorithm among the cases ``registered``. Other columns are kept.
    level : float
        Coverage of the limits.

    Returns
    -------
    DataFrame
        The table with ``predictive_value, sensitivity`` (shares), ``cases, se, lower, upper`` (cases).

    Raises
    ------
    InputError
        ``W015`` a column is missing; ``M001``, ``M007``, ``M009``, ``M012`` as
        :func:`rnc_epi.maths.ratio.algorithm_corrected`.

    References
    ----------
    The delta method on the logarithm, with the equation at :func:`rnc_epi.maths.ratio.algorithm_corrected`.

    Examples
    --------
    A predictive value of 0.90 over a sensitivity of 0.92: 1 000 x 0.9783.

    >>> table = pd.DataFrame(
    ...     {"identified": [1000], "confirmed": [90], "reviewed": [100], "found": [92], "registered": [100]}
    ... )
    >>> corrected_cases(table)[["cases", "lower", "upper"]].round(1).iloc[0].tolist()
    [978.3, 879.0, 1088.7]
    """
    _require_columns(table, _SHARES)
    columns = [table[name].to_numpy() for name in _SHARES]
    found = algorithm_corrected(*columns, level=level)
    return table.assign(
        predictive_value=table["confirmed"] / table["reviewed"],
        sensitivity=table["found"] / table["registered"],
        cases=found.cases,
        se=found.se,
        lower=found.lower,
        upper=found.upper,
    )


def capture_recapture(
    table: pd.DataFrame,
    sources: Sequence[str],
    *,
    by: Sequence[str] = (),
    criterion: str = "bic",
    level: float = 0.95,
) -> pd.DataFrame:
    """Return how many cases there are, those that no source has seen included, by each method.

    Parameters
    ----------
    table : DataFrame
        ``cases`` by presence in each source: one column a source, 0 or 1, beside the columns of `by`.
        Rows absent from every source are ignored; a pattern of presence without a row is refused, for it
        might be zero or unknown.
    sources : sequence of str
        Two to four columns.
    by : sequence of str
        Columns whose values are estimated apart.
    criterion : {"bic", "aic"}
        What ranks and weighs the log-linear models.
    level : float
        Coverage of the limits.

    Returns
    -------
    DataFrame
        One row a group and method: the columns of `by`, ``method`` (``chapman`` for each pair of sources;
        ``log-linear`` for each model, whose dependent pairs ``model`` names; ``averaged`` over the models),
        ``best`` (the model with the smallest criterion), ``total, se, lower, upper, seen`` (cases),
        ``completeness`` (seen over total), and in ``refused`` the code of what has no estimate.

    Raises
    ------
    InputError
        ``W015`` a column is missing; ``W016`` a presence that is neither 0 nor 1; ``W017`` a pattern of
        presence without a row in some group, or a source named twice; ``M001``, ``M007`` impossible counts;
        ``M004``, ``M005`` level and criterion.

    References
    ----------
    Chapman DG. Univ Calif Publ Stat 1951;1:131-60. Fienberg SE. Biometrika 1972;59:591-603.
    doi:10.1093/biomet/59.3.591. Hook EB, Regal RR. Epidemiol Rev 1995;17:243-64.

    Examples
    --------
    Spina bifida in upstate New York, 1969-1974, on birth certificates, death certificates and records of
    rehabilitation; 626 children seen (Regal and Hook 1991).

    >>> presence = [(1, 0, 0), (0, 1, 0), (1, 1, 0), (0, 0, 1), (1, 0, 1), (0, 1, 1), (1, 1, 1)]
    >>> seen = pd.DataFrame(presence, columns=["births", "deaths", "care"])
    >>> found = capture_recapture(
    ...     seen.assign(cases=[60, 49, 4, 247, 112, 142, 12]), ["births", "deaths", "care"], criterion="aic"
    ... )
    >>> totals = found.set_index("model")["total"].round(0)
    >>> totals[["independent", "births x deaths"]].tolist()
    [764.0, 731.0]
    """
    names = list(sources)
    _require_columns(table, [*by, *names, "cases"])
    flags = table[names].to_numpy()
    if not np.isin(flags, (0, 1)).all():
        raise InputError("W016", found=int((~np.isin(flags, (0, 1))).sum()))
    counts = require_counts(table["cases"].to_numpy(), "cases")
    number = table.groupby(list(by), sort=False, observed=True, dropna=False).ngroup() if by else None
    place = np.zeros(len(table), dtype=np.intp) if number is None else number.to_numpy()
    rows: list[dict[str, object]] = []
    for group in range(int(place.max(initial=0)) + 1):
        places = np.flatnonzero(place == group)
        labels = {name: table[name].iloc[places[0]] for name in by} if places.size else {}
        at = tuple(flags[places].astype(np.intp).T)
        stated = np.zeros((2,) * len(names), dtype=bool)
        stated[at] = True
        if len(set(names)) < len(names) or not stated.ravel()[1:].all():
            raise InputError("W017", found=int((~stated.ravel()[1:]).sum()))
        cells = np.zeros(stated.shape)
        np.add.at(cells, at, counts[places])
        rows += [labels | row for row in _estimates(cells, names, criterion, level)]
    return pd.DataFrame(rows, columns=[*by, "method", "model", "best", *_FIGURES, "refused"])


def _estimates(
    cells: NDArray[np.float64], names: list[str], criterion: str, level: float
) -> list[dict[str, object]]:
    rows = []
    for one, other in combinations(range(len(names)), 2):
        pair = cells.sum(axis=tuple(set(range(len(names))) - {one, other}))
        found = chapman(pair[1].sum(), pair[:, 1].sum(), pair[1, 1], level=level)
        rows.append(_row("chapman", f"{names[one]}, {names[other]}", found))
    try:
        models = log_linear_capture(cells, criterion=criterion, level=level)
    except (EstimateRefused, InputError) as problem:
        if problem.code not in ("C005", "C032"):
            raise
        return [*rows, {"method": "log-linear", "model": "_", "best": False, "refused": problem.code}]
    for model in models.models:
        words = _model(model.interactions, names)
        rows.append(_row("log-linear", words, model.estimate, best=model is models.best))
    rows += [
        {"method": "log-linear", "model": _model(pairs, names), "best": False, "refused": "C032"}
        for pairs in models.excluded
    ]
    return [*rows, _row("averaged", "_", models.averaged)]


def _model(pairs: Sequence[tuple[int, int]], names: list[str]) -> str:
    return ", ".join(f"{names[one]} x {names[other]}" for one, other in pairs) or "independent"


def _row(method: str, model: str, found: CaptureEstimate, *, best: bool = False) -> dict[str, object]:
    figures = {name: float(getattr(found, name)) for name in _FIGURES}
    return {"method": method, "model": model, "best": best, **figures, "refused": "_"}


def _require_columns(table: pd.DataFrame, names: Sequence[str]) -> None:
    missing = [name for name in names if name not in table.columns]
    if missing:
        raise InputError("W015", found=", ".join(missing))
