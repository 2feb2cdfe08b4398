"""An open, checked extract: its sites, areas and accounting, and the cells taken from it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rnc_epi.cells.build import CellBuilder, Selection
from rnc_epi.cells.table import Cells
from rnc_epi.extracts.opening import open_extract
from rnc_epi.interactive.cell_table import CellTable
from rnc_epi.vocabulary.errors import InputError
from rnc_epi.vocabulary.periods import Period
from rnc_epi.vocabulary.sites import site as site_named

if TYPE_CHECKING:
    from rnc_epi.extracts.opening import Extract

#: What cells may be told apart by; anything else is summed.
DIMENSIONS = ("site", "sex", "year")

#: Tables of the extract that hold each type of event; the others are proxies.
_TABLES_OF = {"incidence": ("tumours", "incidence_cells"), "death": ("deaths", "death_cells")}


class OpenStudy:
    """An open, checked extract.

    Examples
    --------
    >>> import rnc_epi
    >>> study = rnc_epi.open(rnc_epi.embedded_sample())
    >>> rates = study.cells(site="lung", by=["sex"], geo_level="departement", period="2016-2020").asr("world")
    >>> sorted(set(rates.to_frame()["geo_code"]))[:2]
    ['14', '16']
    >>> study.close()
    """

    def __init__(self, extract: Extract) -> None:
        self.extract = extract
        self.builder = CellBuilder(extract)

    def __enter__(self) -> OpenStudy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the extract."""
        self.extract.close()

    def sites(self, event: str = "incidence") -> list[str]:
        """Return the sites that can be had for a type of event."""
        return self.builder.available_sites(event)

    def areas(self) -> pd.DataFrame:
        """Return the areas of the extract."""
        return self.builder.areas()

    def accounting(self) -> pd.DataFrame:
        """Return what became of every row: used, excluded for a reason, or quarantined."""
        return self.extract.accounting.frame()

    def cells(
        self,
        site: str | Sequence[str],
        *,
        by: Sequence[str] = ("sex",),
        geo_level: str | Sequence[str] | None = None,
        period: str | int | None = None,
        event: str = "incidence",
    ) -> CellTable:
        """Return cells of one or several sites.

        Parameters
        ----------
        site : str or sequence of str
            Slugs of sites.
        by : sequence of {"site", "sex", "year"}
            What to tell apart. Without ``"sex"`` both sexes are summed; without ``"year"`` the years of
            `period` are. Several sites are always told apart.
        geo_level : str or sequence of str, optional
            Level or levels of geography; all that are covered without it.
        period : str or int, optional
            ``"2016-2020"`` (last year included) or a year; without it, the years and periods as they come.
        event : {"incidence", "death", "proxy_A", "proxy_H", "proxy_HA", "proxy_M"}

        Raises
        ------
        InputError
            M005 for an unknown dimension.
        NotCovered
            K004, nothing of this is covered.
        """
        unknown = [name for name in by if name not in DIMENSIONS]
        if unknown:
            raise InputError("M005", what="by", found=unknown[0], expected=", ".join(DIMENSIONS))
        slugs = (site,) if isinstance(site, str) else tuple(site)
        levels = (geo_level,) if isinstance(geo_level, str) else tuple(geo_level or ())
        span = None if period is None else Period.parse(str(period))
        yearly = "year" in by and span is not None
        selection = Selection(
            sites=slugs,
            sexes=(1, 2) if "sex" in by else self._summed_sexes(slugs),
            event_types=(event,),
            geo_levels=levels,
            years=tuple(span.years) if span is not None and (yearly or span.length == 1) else (),
            pooled=() if span is None or yearly else (span,),
        )
        parts = self.builder.cells(selection)
        if "sex" not in by:
            parts = [self._one_sex(part) for part in parts]
        return CellTable(parts, self._exclusions(event))

    @staticmethod
    def _summed_sexes(slugs: Sequence[str]) -> tuple[int, ...]:
        return tuple(
            sorted({0 if len(site_named(slug).sexes) == 2 else site_named(slug).sexes[0] for slug in slugs})
        )

    @staticmethod
    def _one_sex(part: Cells) -> Cells:
        wanted = {
            slug: 0 if len(site_named(slug).sexes) == 2 else site_named(slug).sexes[0]
            for slug in part.strata["site"].unique()
        }
        keep = part.strata["sex"].to_numpy() == part.strata["site"].map(wanted).to_numpy()
        return part.take(np.asarray(keep, dtype=bool))

    def _exclusions(self, event: str) -> str:
        table = self.accounting()
        names = _TABLES_OF.get(event, ("proxy_cells",))
        lost = table[table["table_name"].isin(names) & (table["fate"] != "used")]
        said = [f"{row.reason}: {row.events} events" for row in lost.itertuples(index=False)]
        return "; ".join(said) or "none"


def open_study(path: str | os.PathLike[str], **store_options: Any) -> OpenStudy:
    """Open and check an extract; ``memory_limit`` and ``threads`` go to DuckDB.

    Parameters
    ----------
    path : path of the ``.duckdb`` file
        ``rnc_epi.embedded_sample()`` is one.
    **store_options
        ``memory_limit``, ``threads``, ``temp_directory`` of DuckDB; ``oppositions``, ``today``, as
        `rnc_epi.extracts.opening.open_extract` takes them.

    Returns
    -------
    OpenStudy
        To be closed, or used in a ``with`` block; the figures are full ones.

    Raises
    ------
    ExtractRefused, FileProblem
        As `rnc_epi.extracts.opening.open_extract`.

    Examples
    --------
    >>> from rnc_epi.vocabulary.errors import FileProblem
    >>> try:
    ...     open_study("no/such/extract.duckdb")
    ... except FileProblem as problem:
    ...     problem.code
    'D001'
    """
    return OpenStudy(open_extract(path, **store_options))
