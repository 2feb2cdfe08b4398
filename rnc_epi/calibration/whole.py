"""Incidence of the whole country from registries that cover a part of it and correlates that cover it all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from rnc_epi.calibration.country import Country, area_draws
from rnc_epi.calibration.deprivation import GroupedStocks
from rnc_epi.calibration.learning import AREA_LEVEL
from rnc_epi.calibration.nesting import Nesting
from rnc_epi.calibration.pairs import INCIDENCE, Pairs
from rnc_epi.calibration.pooling import Stock, exclusions_table
from rnc_epi.vocabulary.draws import Draws
from rnc_epi.vocabulary.errors import InputError
from rnc_epi.vocabulary.hierarchy import Hierarchy
from rnc_epi.vocabulary.periods import Period
from rnc_epi.vocabulary.schemas import as_result
from rnc_epi.vocabulary.study_calibration import PROXY_EVENT, Calibration

if TYPE_CHECKING:
    from rnc_epi.cells.table import Cells


@dataclass(frozen=True)
class WholeCountry:
    """Incidence of areas, regions and the nation, and what it rests on.

    Attributes
    ----------
    results : DataFrame
        Rows of the one result table, full figures: what disclosure is given.
    grades : DataFrame
        One row a site, sex, period, correlate and level: spreads, errors, both grades, whether it is used,
        the optimism of having chosen it; or the code of what refused it. Internal.
    validation : DataFrame
        One row a site, sex, period, correlate and registry district: observed, predicted without. Internal.
    ratios : DataFrame
        The correlate per incident case by age. Internal.
    classical : DataFrame
        National cases by the ratio methods of earlier editions, beside the calibrated ones. Internal.
    slopes : DataFrame
        Slope of the ratio along deprivation with its test, where asked. Internal.
    exclusions : DataFrame
        Areas and pairs left out, each with its reason.
    """

    results: pd.DataFrame
    grades: pd.DataFrame
    validation: pd.DataFrame
    ratios: pd.DataFrame
    classical: pd.DataFrame
    slopes: pd.DataFrame
    exclusions: pd.DataFrame
    asked: Calibration = field(repr=False)
    countries: Mapping[tuple[str, int, Period], Country] = field(repr=False)

    def internal_tables(self) -> dict[str, pd.DataFrame]:
        """Return the tables that stay in the internal zone, by name."""
        return {
            "calibration_grades": self.grades,
            "calibration_validation": self.validation,
            "calibration_ratios": self.ratios,
            "calibration_classical": self.classical,
            "calibration_slopes": self.slopes,
            "calibration_exclusions": self.exclusions,
        }

    def draws(self, site: str, sex: int, period: Period | str | None = None) -> Draws:
        """Return joint predictive draws of the cases of every area; never released.

        Parameters
        ----------
        site : str
        sex : int
        period : Period or str, optional
            The only one there is, without it.

        Raises
        ------
        InputError
            W006, no estimate of this site, sex and period.
        """
        wanted = Period.parse(period) if isinstance(period, str) else period
        found = [key for key in self.countries if key[:2] == (site, sex) and wanted in (None, key[2])]
        if len(found) != 1:
            raise InputError("W006", found=f"{site}, {sex}, {wanted or '—'}")
        country = self.countries[found[0]]
        areas = country.panel.areas
        index = pd.DataFrame(
            {
                "event_type": INCIDENCE,
                "site": site,
                "sex": sex,
                "geo_level": [area.geo_level for area in areas],
                "geo_code": [area.geo_code for area in areas],
                "geo_vintage": [area.geo_vintage for area in areas],
                "period_from": found[0][2].period_from,
                "period_until": found[0][2].period_until,
                "age_from": self.asked.age_from,
                "age_until": pd.array([pd.NA] * len(areas), dtype="Int64"),
            }
        )
        values = area_draws(country, self.asked)
        name = country.choice(AREA_LEVEL).name
        return Draws(index, values, "events", "prediction", country.seed(self.asked), f"calibrated-{name}")


def whole_country(
    incidence: Cells | Sequence[Cells],
    proxies: Cells | Sequence[Cells],
    asked: Calibration | None = None,
    *,
    hierarchy: Hierarchy | None = None,
    person_years: Cells | Sequence[Cells] | None = None,
    groups: tuple[Sequence[Cells], Sequence[Cells]] | None = None,
) -> WholeCountry:
    """Estimate incidence for every area that has a correlate, for regions and for the nation.

    For each site, sex and period: the ratio of each correlate to incidence is learned on the registry
    districts, judged on districts left out, graded; the best one that may be published (or a combination,
    where it predicts unseen districts better) gives every area, the regions and the nation. What may not be
    published is a row that says so. National incidence is also estimated from registries alone, by year.

    Parameters
    ----------
    incidence : Cells or sequence of Cells
        Event type ``incidence``, at the level of the registry districts; single years for the national
        model.
    proxies : Cells or sequence of Cells
        Event types ``proxy_A``, ``proxy_H``, ``proxy_HA``, ``proxy_M``: at the level of the registry
        districts and at that of the areas, with person-years.
    asked : Calibration, optional
        The section [calibration] of the study file.
    hierarchy : Hierarchy, optional
        Which areas make up each region and the nation; without it there are areas alone.
    person_years : Cells or sequence of Cells, optional
        Cells of any event that state the nation's person-years by year (deaths do).
    groups : (incidence, proxies), optional
        The same by group of deprivation, for a ratio that has a slope along it (`deprivation_term`).

    Returns
    -------
    WholeCountry
        ``results`` in the form of the one result table (cases, rates per person-years, 95 % prediction
        limits), and the internal tables beside it.

    Raises
    ------
    InputError
        ``W001`` no correlate; ``W002`` no period that registries and correlates share; ``W003``, ``W004``
        ages that cannot be mapped; ``W010`` cells by stratum; ``W012`` a deprivation term without cells by
        group.

    References
    ----------
    .. [1] Chatignoux E, et al. For a sound use of health care data in epidemiology: evaluation of a
       calibration model for count data. Biostatistics 2019;20:452-67. doi:10.1093/biostatistics/kxy012
    """
    asked = Calibration() if asked is None else asked
    if asked.deprivation_term and groups is None:
        raise InputError("W012")
    grouped = GroupedStocks.of(*groups) if asked.deprivation_term and groups is not None else None
    registry, correlates = Stock(_tables(incidence)), Stock(_tables(proxies))
    people = Stock([*_tables(person_years), *correlates.tables, *registry.tables])
    nesting = Nesting.of(hierarchy or Hierarchy(), asked.geo_level)
    work = Pairs(asked, registry, correlates, people, nesting, grouped)
    names = [
        name
        for name in asked.proxies
        if any(correlates.sites(PROXY_EVENT + name, sex, asked.geo_level) for sex in asked.sexes)
    ]
    if not names:
        raise InputError("W001", expected=", ".join(asked.proxies), where=asked.geo_level)
    pairs = work.pairs(names)
    if not pairs:
        raise InputError("W002", where=asked.learning_level)
    for site, sex, held in pairs:
        work.estimate(site, sex, held)
    rows = [part for part in work.rows if len(part)]
    tables: dict[str, Any] = {
        name: pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
        for name, parts in work.tables.items()
    }
    return WholeCountry(
        results=as_result(pd.concat(rows, ignore_index=True) if rows else pd.DataFrame()),
        exclusions=exclusions_table(work.left_out),
        asked=asked,
        countries=work.countries,
        **tables,
    )


def _tables(cells: Cells | Sequence[Cells] | None) -> list[Cells]:
    if cells is None:
        return []
    return list(cells) if isinstance(cells, Sequence) else [cells]
