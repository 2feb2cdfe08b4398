"""Axes in the words and numbers of a language."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from rnc_epi.report.formats import Format
from rnc_epi.report.texts import text
from rnc_epi.vocabulary.schemas import PUBLISHED

Floats = NDArray[np.float64]


def number_axis(axis: Axis, written: Format, ticks: int = 5) -> None:
    """Write the numbers of an axis as the language does, with the decimals that its steps need."""
    axis.set_major_locator(MaxNLocator(ticks, steps=[1, 2, 2.5, 5, 10]))

    def label(value: float, _: Any = None) -> str:
        places = axis.get_majorticklocs()
        step = float(np.min(np.diff(places))) if len(places) > 1 else 1.0
        decimals = next((d for d in range(4) if abs(round(step, d) - step) < 1e-9), 3)
        return written.number(value, decimals)

    axis.set_major_formatter(FuncFormatter(label))


def shown_values(rows: pd.DataFrame) -> tuple[Floats, Floats, Floats]:
    """Return value and limits of rows, NaN where the status does not publish them."""
    shown = rows["status"].eq(PUBLISHED).to_numpy()
    value, lower, upper = (
        np.where(shown, rows[name].to_numpy(dtype=float), np.nan) for name in ("value", "lower", "upper")
    )
    return value, lower, upper


def rates_upwards(ax: Axes, table: pd.DataFrame, language: str) -> None:
    """Make the vertical axis that of the rates of a table: from zero, ruled, named."""
    ax.set_ylim(bottom=0)
    ax.grid(axis="y")
    ax.set_ylabel(rate_label(table, language))
    number_axis(ax.yaxis, Format(language))


def rate_label(table: pd.DataFrame, language: str) -> str:
    """Return the label of an axis of rates: what for, per how many person-years."""
    per = int(table["per"].iloc[0]) if len(table) else 100_000
    return text("axis_rate", language, per=Format(language).number(per))
