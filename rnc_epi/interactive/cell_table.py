"""Cells with the indicators as verbs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from rnc_epi.cells.table import Cells
from rnc_epi.indicators import league, lifetimes, rates, ratios
from rnc_epi.indicators.levels import Level
from rnc_epi.interactive.explained import Indicators
from rnc_epi.vocabulary.ages import BandSet
from rnc_epi.vocabulary.errors import NotCovered
from rnc_epi.vocabulary.schemas import ESTIMATED, as_result
from rnc_epi.vocabulary.standards import standard as standard_named


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

    def funnel(self, *, target: float = 1.0, level: Level = 0.998, method: str = "exact") -> Indicators:
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
