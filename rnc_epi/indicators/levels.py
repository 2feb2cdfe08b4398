"""Several levels of confidence in one call: a row for each level, as the key of the result table has it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import ParamSpec

import numpy as np
import pandas as pd

from rnc_epi.indicators.rows import joined
from rnc_epi.vocabulary.errors import InputError

#: One level, or several.
Level = float | Sequence[float]

_Given = ParamSpec("_Given")


def a_row_per_level(verb: Callable[_Given, pd.DataFrame]) -> Callable[_Given, pd.DataFrame]:
    """Let a verb that computes one level take several; its rows come level by level, in the order given."""

    @wraps(verb)
    def of_levels(*args: _Given.args, **kwargs: _Given.kwargs) -> pd.DataFrame:
        level = kwargs.get("level")
        if level is None or np.ndim(level) == 0:  # type: ignore[arg-type]
            return verb(*args, **kwargs)
        levels = [float(one) for one in level]  # type: ignore[attr-defined]
        if not levels or len(set(levels)) < len(levels):
            raise InputError("M002", what="level", expected="one or more different levels", found=levels)
        return joined([verb(*args, **(kwargs | {"level": one})) for one in levels])  # type: ignore[arg-type]

    return of_levels
