"""Axes in the words and numbers of a language."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter, MaxNLocator

from rnc_epi.report.formats import Format
from rnc_epi.report.texts import text


def number_axis(axis: Axis, written: Format, ticks: int = 5) -> None:
    """Write the numbers of an axis as the language does, with the decimals that its steps need."""
    axis.set_major_locator(MaxNLocator(ticks, steps=[1, 2, 2.5, 5, 10]))

    def label(value: float, _: Any = None) -> str:
        places = axis.get_majorticklocs()
        step = float(np.min(np.diff(places))) if len(places) > 1 else 1.0
        decimals = next((d for d in range(4) if abs(round(step, d) - step) < 1e-9), 3)
        return written.number(value, decimals)

    axis.set_major_formatter(FuncFormatter(label))


def rate_label(table: pd.DataFrame, language: str) -> str:
    """Return the label of an axis of rates: what for, per how many person-years."""
    per = int(table["per"].iloc[0]) if len(table) else 100_000
    return text("axis_rate", language, per=Format(language).number(per))
