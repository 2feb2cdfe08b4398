"""What epidemiologists use in Jupyter: open an extract, take cells, read indicators off them.

Full figures: this is the internal zone. What leaves it goes through `rnc_epi.flow.run`.
"""

from __future__ import annotations

from rnc_epi.interactive.cell_table import CellTable
from rnc_epi.interactive.explained import Indicators
from rnc_epi.interactive.study import OpenStudy, open_study

__all__ = ["CellTable", "Indicators", "OpenStudy", "open_study"]
