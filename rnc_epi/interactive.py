"""What epidemiologists use in Jupyter: open an extract, take cells, read indicators off them.

Full figures: this is the internal zone. What leaves it goes through `rnc_epi.flow.run`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rnc_epi.cells.build import CellBuilder, Selection
from rnc_epi.cells.table import Cells
from rnc_epi.extracts.opening import open_extract
from rnc_epi.indicators import league, lifetimes, rates, ratios
from rnc_epi.indicators.levels import Level
from rnc_epi.vocabulary.ages import BandSet
from rnc_epi.vocabulary.errors import InputError, NotCovered
from rnc_epi.vocabulary.periods import Period
from rnc_epi.vocabulary.schemas import ESTIMATED, RESULT_COLUMNS, as_result
from rnc_epi.vocabulary.sites import site as site_named
from rnc_epi.vocabulary.standards import standard as standard_named

if TYPE_CHECKING:
    from rnc_epi.extracts.opening import Extract

#: What cells may be told apart by; anything else is summed.
DIMENSIONS = ("site", "sex", "year")

#: Tables of the extract that hold each type of event; the others are proxies.
_TABLES_OF = {"incidence": ("tumours", "incidence_cells"), "death": ("deaths", "death_cells")}


@dataclass(frozen=True)
class Indicators:
    """A result table with what it takes to read it.

    Parameters
    ----------
    table : DataFrame
        The one result table, or that of a verb which has columns of its own.
    formula, source, exclusions, denominators : str
        What `explain` says.
    """

    table: pd.DataFrame
    formula: str
    source: str
    exclusions: str
    denominators: str

    def to_frame(self) -> pd.DataFrame:
        """Return the result table."""
        return self.table

    def explain(self) -> str:
        """Return the formula, its source, what was excluded, and which person-years were used."""
        return "\n".join(
            (
                f"Formula       {self.formula}",
                f"Source        {self.source}",
                f"Exclusions    {self.exclusions}",
                f"Denominators  {self.denominators}",
            )
        )

    def reliability(self, *, least_events: float = 10, most_rse: float = 30) -> pd.DataFrame:
        """Return the table with the relative standard error and whether each figure is reliable."""
        return league.reliability(self.table, least_events=least_events, most_rse=most_rse)

    def __len__(self) -> int:
        return len(self.table)

    def _repr_html_(self) -> str:
        shown = [
            "site",
            "sex",
            "geo_level",
            "geo_code",
            "period_from",
            "period_until",
            "age_from",
            "age_until",
        ]
        shown += ["indicator", "value", "lower", "upper", "events", "person_years", "status"]
        own = [name for name in self.table.columns if name not in RESULT_COLUMNS]
        here = [name for name in shown if name in self.table.columns] + own
        varying = [name for name in here if name == "value" or len(self.table[name].drop_duplicates()) > 1]
        caption = f"<p>{escape(self.formula)} — full figures, internal zone.</p>"
        return caption + str(self.table[varying].head(60).to_html(index=False, na_rep="—"))


class CellTable:
    """Cells with the indicators as verbs.

    Each verb returns `Indicators`; `to_frame` gives the cells themselves.
    """

    def __init__(self, parts: list[Cells], exclusions: str) -> None:
        self.parts = parts
        self._exclusions = exclusions

    def to_frame(self) -> pd.DataFrame:
        """Return the cells in long form: one row a stratum and age band, and one for unknown age."""
        return pd.concat([part.to_frame() for part in self.parts], ignore_index=True)

    def __len__(self) -> int:
        return sum(len(part) for part in self.parts)

    def _repr_html_(self) -> str:
        totals = pd.concat(
            [
                part.strata.assign(events=part.total_events, person_years=part.total_person_years)
                for part in self.parts
            ]
        )
        return f"<p>{len(self)} strata — full figures, internal zone.</p>" + str(
            totals.head(60).to_html(index=False)
        )

    def count(self) -> Indicators:
        """Return the number of events."""
        return self._indicators(
            [rates.counts(part) for part in self.parts], "events, unknown age included", "—"
        )

    def crude_rate(self, *, level: Level = 0.95, per: int = rates.PER) -> Indicators:
        """Return crude rates with exact limits."""
        tables = [rates.crude_rates(part, level=level, per=per) for part in self.parts]
        return self._indicators(
            tables,
            f"{per:,} x events / person-years; limits: exact Poisson",
            "Garwood 1936, Biometrika 28:437",
        )

    def age_specific_rate(
        self, ages: Sequence[int] = (0, 15, 50, 65, 75), *, level: Level = 0.95, per: int = rates.PER
    ) -> Indicators:
        """Return rates by age; `ages` are the starts of the bands, the last one open."""
        bands = BandSet.from_starts(ages)
        tables = [rates.age_specific_rates(part, bands, level=level, per=per) for part in self.parts]
        return self._indicators(
            tables,
            f"{per:,} x events / person-years by age; limits: exact Poisson",
            "Garwood 1936, Biometrika 28:437",
        )

    def asr(
        self,
        standard: str = "world",
        *,
        interval_method: str = "fay-feuer",
        level: Level = 0.95,
        per: int = rates.PER,
    ) -> Indicators:
        """Return directly standardised rates."""
        tables = [
            rates.standardised_rates(part, standard, interval_method=interval_method, level=level, per=per)
            for part in self.parts
        ]
        title = standard_named(standard).title("en")
        return self._indicators(
            tables,
            f"{per:,} x sum over ages of weight x events / person-years ({title}); limits: {interval_method}",
            f"{standard_named(standard).source}; Fay and Feuer 1997, Stat Med 16:791",
        )

    def sir(self, *, level: Level = 0.95) -> Indicators:
        """Return observed over expected events, against France or the pooled registries.

        Raises
        ------
        NotCovered
            K006, the cells hold no area that may serve as a reference.
        """
        tables = [table for part in self.parts if len(table := ratios.standardised_ratios(part, level=level))]
        if not tables:
            raise NotCovered("K006")
        return self._indicators(
            tables,
            "observed / expected events, the latter from the reference's age-specific rates; limits: exact",
            "Breslow and Day 1987, vol. II; Garwood 1936, Biometrika 28:437",
        )

    def cumulative_rate(self, *, until: int = 75, level: Level = 0.95) -> Indicators:
        """Return cumulative rates from birth to before `until`, per cent."""
        return self._verb(
            lambda part, by: lifetimes.cumulative_rate(part, by=by, until=until, level=level),
            "sum over ages of band width x events / person-years, in per cent; limits: fay-feuer",
            "Day 1987, IARC Sci Publ 95; Fay and Feuer 1997, Stat Med 16:791",
        )

    def cumulative_risk(self, *, until: int = 75, level: Level = 0.95) -> Indicators:
        """Return risks of the event from birth to before `until`, other deaths aside, per cent."""
        return self._verb(
            lambda part, by: lifetimes.cumulative_risk(part, by=by, until=until, level=level),
            "1 - exp(-cumulative rate), in per cent; limits: fay-feuer",
            "Day 1987, IARC Sci Publ 95; Fay and Feuer 1997, Stat Med 16:791",
        )

    def years_of_life_lost(self, *, until: int = 75, level: Level = 0.95) -> Indicators:
        """Return potential years of life lost before `until`."""
        return self._verb(
            lambda part, by: lifetimes.years_of_life_lost(part, by=by, until=until, level=level),
            f"sum over ages of deaths x years left before {until}; limits: fay-feuer",
            "Romeder and McWhinnie 1977, Int J Epidemiol 6:143",
        )

    def years_of_life_lost_rate(
        self, standard: str | None = None, *, until: int = 75, level: Level = 0.95, per: int = rates.PER
    ) -> Indicators:
        """Return potential years of life lost per person-years before `until`, crude or standardised."""
        return self._verb(
            lambda part, by: lifetimes.years_of_life_lost_rate(
                part, by=by, standard=standard, until=until, level=level, per=per
            ),
            f"{per:,} x years of life lost before {until} / person-years before {until}; limits: fay-feuer",
            "Romeder and McWhinnie 1977, Int J Epidemiol 6:143",
        )

    def ranks(
        self, standard: str = "world", *, level: Level = 0.95, draws: int = 4000, seed: int = 0
    ) -> Indicators:
        """Return standardised rates of areas with their rank, 1 the highest, and the limits of that rank.

        Areas are ranked within each site, sex, level of geography and period; take cells of areas that do
        not hold one another.
        """
        return self._verb(
            lambda part, by: league.ranks(
                part,
                by=[name for name in by if name != "geo_code"],
                standard=standard,
                level=level,
                draws=draws,
                seed=seed,
            ),
            f"rank of each of {draws} draws of the standardised rates; limits: quantiles of the ranks",
            "Goldstein and Spiegelhalter 1996, J R Stat Soc A 159:385",
        )

    def funnel(self, *, target: float = 1.0, level: float = 0.998, method: str = "exact") -> Indicators:
        """Return standardised ratios with the limits of a funnel around `target`.

        Each site, sex, level of geography and period is a funnel of its own.

        Raises
        ------
        NotCovered
            K006, the cells hold no area that may serve as a reference.
        """
        ratios_of_areas = self.sir().table
        ratios_of_areas = ratios_of_areas[ratios_of_areas["status"] == ESTIMATED]
        keys = ["indicator", "site", "sex", "geo_level", "period_from", "period_until"]
        keys += ["stratum_type", "stratum"]
        funnels = [
            league.funnel(own, target=target, level=level, method=method)
            for _, own in ratios_of_areas.groupby(keys, sort=True)
        ]
        return self._answer(
            pd.concat(funnels, ignore_index=True),
            f"observed / expected events against the Poisson quantiles around {target:g} ({method})",
            "Spiegelhalter 2005, Stat Med 24:1185",
        )

    def _verb(
        self, verb: Callable[[Cells, list[str]], pd.DataFrame], formula: str, source: str
    ) -> Indicators:
        """Return what a verb on tables says of the cells, told apart by all that tells their strata apart."""
        tables = []
        for part in self.parts:
            keys = [name for name in part.strata.columns if name != "source"]
            by = [name for name in keys if name == "geo_code" or len(part.strata[name].unique()) > 1]
            one = {name: part.strata[name].iloc[0] for name in keys if name not in by}
            tables.append(verb(part, by).assign(**one))
        return self._answer(pd.concat(tables, ignore_index=True), formula, source)

    def _indicators(self, tables: list[pd.DataFrame], formula: str, source: str) -> Indicators:
        return self._answer(as_result(pd.concat(tables, ignore_index=True)), formula, source)

    def _answer(self, table: pd.DataFrame, formula: str, source: str) -> Indicators:
        # Strata lie within one another (sexes, areas, periods): their sum would count people twice.
        person_years = np.concatenate([part.total_person_years for part in self.parts])
        levels = sorted({level for part in self.parts for level in part.strata["geo_level"]})
        return Indicators(
            table,
            formula,
            source,
            self._exclusions,
            f"from {person_years.min():,.0f} to {person_years.max():,.0f} person-years a stratum, "
            f"{len(self)} strata ({', '.join(levels)})",
        )


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

    Raises
    ------
    ExtractRefused, FileProblem
        As `rnc_epi.extracts.opening.open_extract`.
    """
    return OpenStudy(open_extract(path, **store_options))
