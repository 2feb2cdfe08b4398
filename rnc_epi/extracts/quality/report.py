"""The report on the quality of an extract: indicators by registry and year, for insiders or for all."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pandas as pd

from rnc_epi.extracts.quality.comparison import COLUMNS as COMPARED
from rnc_epi.extracts.quality.comparison import compared
from rnc_epi.extracts.quality.completeness import completeness
from rnc_epi.extracts.quality.counts import ALL_CANCERS, count
from rnc_epi.extracts.quality.public import HIDDEN, public_form
from rnc_epi.extracts.quality.rules import BLOCK, action_for, broken_rules, comparing
from rnc_epi.extracts.quality.shares import COLUMNS as SHARE_COLUMNS
from rnc_epi.extracts.quality.shares import KEYS, OK, rolled_up, shares
from rnc_epi.vocabulary.errors import render
from rnc_epi.vocabulary.sexes import Sex
from rnc_epi.vocabulary.sites import site

if TYPE_CHECKING:
    from rnc_epi.extracts.opening import Extract


@dataclass(frozen=True)
class QualityReport:
    """The indicators of quality of an extract, and what the declared rules say of them.

    Attributes
    ----------
    file : str
        Name of the extract, without its folder.
    indicators : DataFrame
        Internal: exact numerators and denominators, limits, comparison with the other registries.
    actions : DataFrame
        Columns ``registry, site, sex, period_from, period_until, action, code, indicator, value, limit``.
    places : DataFrame
        ``registry, geo_level, geo_code, geo_vintage``: the areas that hold a case of each registry.
    sites : mapping of str to frozenset of str
        The sites that each registry has.
    """

    file: str
    indicators: pd.DataFrame
    actions: pd.DataFrame
    places: pd.DataFrame = field(default_factory=pd.DataFrame)
    sites: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def frame(self, *, public: bool = False) -> pd.DataFrame:
        """Return the indicators; the public form holds no count of 1 to 10 persons, nor gives one back."""
        return public_form(self.indicators) if public else self.indicators.copy()

    def action(
        self,
        registry: str,
        site_slug: str,
        sex: int,
        period_from: int,
        period_until: int,
        *,
        by_stage: bool = False,
    ) -> tuple[str | None, tuple[str, ...]]:
        """Return ``"flag"``, ``"block"`` or None for some numbers, with the codes of the rules."""
        years = (period_from, period_until)
        return action_for(self.actions, registry, site_slug, sex, *years, by_stage=by_stage)

    def text(self, language: str = "fr", *, public: bool = False) -> str:
        """Return the report as plain text: a table a registry, then what the rules say.

        Parameters
        ----------
        language : {"fr", "en"}
        public : bool
            Small counts and what gives them back are hidden, and the rules say no number.
        """
        table = self.frame(public=public)
        lines = [f"{self.file} — {said('title', language)}"]
        for registry in sorted(table["registry"].unique()):
            lines += ["", f"{said('registry', language)} {registry}", ""]
            lines += _lines(table[table["registry"] == registry], language, public)
            lines += _messages(self.actions, registry, language, public, table)
        if table.empty:
            lines += ["", said("nothing", language)]
        return "\n".join(lines) + "\n"


def quality_report(extract: Extract) -> QualityReport:
    """Judge the quality of the data of each registry in an open extract.

    Shares (microscopically verified, death certificate only, primary site unknown, unspecified morphology,
    stage missing, age unknown), completeness (M:I and what it says beside survival, stability of the years,
    rates of children, the curve of the old, the last year, timeliness), each beside the other registries;
    then the rules of ``rules.toml``.

    Parameters
    ----------
    extract : Extract
        From :func:`rnc_epi.extracts.opening.open_extract`; its incident cases, deaths and person-years are
        read.

    Returns
    -------
    QualityReport
        One row a registry, site, sex, period and indicator (shares between 0 and 1, ratios), and the rules
        of ``rules.toml`` that are broken.

    References
    ----------
    .. [1] Bray F, Parkin DM. Eur J Cancer 2009;45:747-755. doi:10.1016/j.ejca.2008.11.032
    .. [2] Parkin DM, Bray F. Eur J Cancer 2009;45:756-764. doi:10.1016/j.ejca.2008.11.033
    """
    counts = count(extract)
    if counts.cases.empty:
        empty = pd.DataFrame(columns=[*SHARE_COLUMNS, *COMPARED])
        return QualityReport(extract.path.name, empty, broken_rules(empty))
    sums = rolled_up(counts)
    table = pd.concat([shares(sums), completeness(counts)], ignore_index=True)
    numbers = ("part", "whole", "value", "lower", "upper")
    whole = ("sex", "period_from", "period_until")
    table = table.astype(dict.fromkeys(numbers, "float64") | dict.fromkeys(whole, "int64"))
    table = compared(table.sort_values(list(KEYS), ignore_index=True))
    sites = {
        str(name): frozenset(slugs) for name, slugs in counts.cases.groupby("registry", sort=True)["site"]
    }
    return QualityReport(extract.path.name, table, broken_rules(table), counts.places, sites)


@cache
def _texts() -> dict[str, dict[str, str]]:
    text = (files("rnc_epi.extracts.quality") / "texts.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def said(key: str, language: str) -> str:
    """Return a text of the report.

    Examples
    --------
    >>> said("microscopically_verified", "fr")
    'Vérification microscopique (%)'
    """
    return _texts()[key][language]


def _lines(table: pd.DataFrame, language: str, public: bool) -> list[str]:
    """Return one line an indicator and site of all years, with its years behind for all cancers."""
    lines = []
    for indicator in [key for key in _texts() if key in set(table["indicator"])]:
        mine = table[table["indicator"] == indicator]
        lines.append(said(indicator, language))
        single = mine["period_until"] - mine["period_from"] == 1
        of_all = mine["site"] == ALL_CANCERS
        shown = pd.concat([mine[of_all & single & (mine["sex"] == 0)], mine[~single & _mixed(mine)]])
        told = shown[shown["status"].isin([OK, HIDDEN])]
        if told.empty:
            lines.append(f"  {said(shown['status'].iloc[0], language)}")
        for row in told.itertuples(index=False):
            lines.append(f"  {_place(row, language)} : {_value(row, language, public)}")
    return lines


def _mixed(table: pd.DataFrame) -> pd.Series:
    return (table["sex"] == 0) | table["site"].map(lambda slug: len(site(slug).sexes) == 1)


def _place(row: Any, language: str) -> str:
    years = (
        str(row.period_from)
        if row.period_until - row.period_from == 1
        else f"{row.period_from}-{row.period_until - 1}"
    )
    return f"{years} {site(row.site).name(language)}"


def _value(row: Any, language: str, public: bool) -> str:
    if row.status != OK:
        return said(row.status, language)
    decimals = 1 if row.unit == "percent" and not public else {"percent": 0, "years": 0}.get(row.unit, 2)
    number = _number(row.value, decimals, language)
    if public or row.unit == "years":
        return number
    limits = f"[{_number(row.lower, decimals, language)} ; {_number(row.upper, decimals, language)}]"
    return (
        f"{number} {limits}, {said('others', language)} {_number(row.others, decimals, language)}"
        if (not pd.isna(row.others))
        else f"{number} {limits}"
    )


def _number(value: float, decimals: int, language: str) -> str:
    text = f"{value:.{decimals}f}"
    return text.replace(".", ",") if language == "fr" else text


def _messages(
    actions: pd.DataFrame, registry: str, language: str, public: bool, table: pd.DataFrame
) -> list[str]:
    lines = []
    for row in actions[actions["registry"] == registry].itertuples(index=False):
        if public and _is_hidden(row, table):
            continue
        both = Sex(int(row.sex)) is Sex.BOTH or len(site(row.site).sexes) == 1
        of_sex = "" if both else f", {Sex(int(row.sex)).label(language)}"
        facts = {
            "registry": registry,
            "site": site(row.site).name(language) + of_sex,
            "years": f"{row.period_from}-{row.period_until - 1}",
            "indicator": said(row.indicator, language),
            "found": said("not_told", language) if public else _number(row.value, 2, language),
            "limit": _number(row.limit, 2, language),
        }
        word = said(BLOCK if row.action == BLOCK else "flag", language)
        lines.append(f"{word} — {render(row.code, language, facts)}")
    return ["", *lines] if lines else []


def _is_hidden(row: Any, table: pd.DataFrame) -> bool:
    """Tell whether the public form hides what a rule was broken by: then the rule is not told either.

    So it is with a sex that is not shown, and with a comparison where one of those compared is hidden.
    """
    mine = table[
        (table["indicator"] == row.indicator)
        & (table["registry"] == row.registry)
        & (table["period_from"] == row.period_from)
        & (table["period_until"] == row.period_until)
        & (table["site"] == row.site)
        & table["status"].eq(OK)
    ]
    if row.code in comparing():
        mine = mine[mine["differs"].fillna(False).to_numpy(dtype=bool)]
    return not mine["sex"].eq(int(row.sex)).any()
