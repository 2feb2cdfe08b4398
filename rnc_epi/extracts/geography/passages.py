"""From one edition of the geographic code to another: mergers, divisions, changed codes.

Counts are carried exactly through mergers and changed codes. A divided area has no exact answer: its counts
are refused unless weights are declared, and then carried in proportion.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.resources import files
from typing import Final

import numpy as np
import pandas as pd

from rnc_epi.vocabulary.errors import InputError

COLUMNS: Final = ("geo_level", "code_from", "code_to", "year", "weight")
#: Editions of the communes whose changes the packaged table dates.
FIRST_DATED: Final = 2019
#: Weights are shares: they may miss one by this, the rounding of four digits in a few parts.
_TOLERANCE: Final = 1e-3


def passages() -> pd.DataFrame:
    """Return the packaged passages, from the lists of the Code officiel géographique.

    Returns
    -------
    DataFrame
        ``geo_level, code_from, code_to, year, kind, weight``: `year` is the first edition (1 January) that
        has the new code; every part of a changed area has a row, its own code included. Communes that were
        gone before 2019 have the year 2019 and the kind ``merged_before``: when they went is not known here,
        and communes divided before 2019 are not known at all. No weight is packaged, so that no division can
        be carried with this table alone.

    Examples
    --------
    >>> table = passages()
    >>> table.loc[table["code_to"].eq("44") & table["geo_level"].eq("region"), "code_from"].tolist()
    ['21', '41', '42']
    """
    table = _packaged()
    table = table[table["kind"] != "arrondissement"].reset_index(drop=True)
    return table.assign(year=table["year"].astype("int64"), weight=np.nan)


def _packaged() -> pd.DataFrame:
    with (files(__package__) / "passages.csv.gz").open("rb") as stream:
        return pd.read_csv(stream, compression="gzip", dtype=str, keep_default_na=False)


def read_passages(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Return a user's table of passages (CSV), checked; it may stand beside the packaged one or replace it.

    Parameters
    ----------
    path : path
        A CSV file with the columns of :func:`passages`, all read as text.

    Returns
    -------
    DataFrame
        As for :func:`checked_passages`.

    Raises
    ------
    InputError
        ``G004`` columns, codes, years or weights that cannot be used.

    Examples
    --------
    >>> from io import StringIO
    >>> lines = "geo_level,code_from,code_to,year,weight" + chr(10) + "commune,01002,01001,2024," + chr(10)
    >>> read_passages(StringIO(lines))["code_to"].tolist()
    ['01001']
    """
    return checked_passages(pd.read_csv(path, dtype=str, keep_default_na=False))


def checked_passages(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of passages with its types, or refuse it.

    Parameters
    ----------
    table : DataFrame
        `COLUMNS` and possibly others. An empty `weight` is unknown.

    Returns
    -------
    DataFrame
        `year` whole, `weight` a share between 0 and 1, NaN where unknown.

    Raises
    ------
    InputError
        ``G004`` columns, codes, years or weights that cannot be used, rows given twice, weights of an area
        that do not sum to 1.

    Examples
    --------
    >>> table = pd.DataFrame({"geo_level": "commune", "code_from": ["01002"], "code_to": "01001",
    ...     "year": "2024", "weight": ""})
    >>> checked_passages(table)["year"].tolist()
    [2024]
    """
    missing = [name for name in COLUMNS if name not in table.columns]
    if missing:
        raise InputError("G004", found="columns " + ", ".join(missing), rows=len(table), example="_")
    year = pd.to_numeric(table["year"], errors="coerce")
    weight = pd.to_numeric(table["weight"], errors="coerce").astype("float64")
    empty = table["weight"].isna() | table["weight"].astype(str).str.strip().isin(["", "nan"])
    for found, wrong in (
        ("code", table[["geo_level", "code_from", "code_to"]].isna().any(axis=1) | table["code_from"].eq("")),
        ("year", ~year.between(1943, 2999) | (year % 1 != 0)),
        ("weight", (weight.isna() & ~empty) | (weight < 0) | (weight > 1)),
        ("repeated row", table.duplicated(["geo_level", "code_from", "code_to", "year"])),
    ):
        if wrong.any():
            example = str(table.loc[wrong, "code_from"].iloc[0])
            raise InputError("G004", found=found, rows=int(wrong.sum()), example=example)
    table = table.assign(year=year.astype("int64"), weight=weight)
    known = table[table["weight"].notna()]
    shares = known.groupby(["geo_level", "code_from", "year"])["weight"].sum()
    off = shares[(shares - 1).abs() > _TOLERANCE]
    if len(off):
        raise InputError("G004", found="weights do not sum to 1", rows=len(off), example=off.index[0][1])
    return table.reset_index(drop=True)


def correspondence(
    codes: Sequence[str],
    *,
    from_year: int,
    to_year: int,
    geo_level: str = "commune",
    table: pd.DataFrame | None = None,
    known: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Return where the areas of one edition are in another, with the share of each that is there.

    Parameters
    ----------
    codes : sequence of str
        Codes of the edition `from_year`, each once or more.
    from_year, to_year : int
        Editions (1 January). Going back, mergers are the divisions.
    geo_level : str
    table : DataFrame, optional
        `checked_passages` of your own; the packaged one by default.
    known : sequence of str, optional
        Every code of the edition `to_year`: codes that end elsewhere are refused.

    Returns
    -------
    DataFrame
        ``code_from, code_to, weight``; weights of a code sum to 1.

    Raises
    ------
    InputError
        G005 a divided area without weights, G006 years that the packaged table does not date, G007 codes
        that end in no area of the edition `to_year`.

    Examples
    --------
    >>> correspondence(["42", "41", "11"], from_year=2012, to_year=2020, geo_level="region")
      code_from code_to  weight
    0        11      11     1.0
    1        41      44     1.0
    2        42      44     1.0
    """
    if table is None:
        if (
            geo_level == "commune"
            and from_year < FIRST_DATED
            and to_year < FIRST_DATED
            and from_year != to_year
        ):
            raise InputError("G006", where=f"{from_year}-{to_year}", expected=FIRST_DATED)
        if geo_level == "commune" and to_year < FIRST_DATED < from_year:
            raise InputError("G006", where=f"{from_year}-{to_year}", expected=FIRST_DATED)
        table = passages()
    first, last = min(from_year, to_year), max(from_year, to_year)
    events = table[(table["geo_level"] == geo_level) & table["year"].gt(first) & table["year"].le(last)]
    backwards = to_year < from_year
    if backwards:
        # What is a share of the older area is none of the newer: weights do not go back.
        events = events.rename(columns={"code_from": "code_to", "code_to": "code_from"})
        events = events.assign(weight=np.nan)
    found = pd.DataFrame({"code_from": sorted(set(codes))})
    found = found.assign(code_to=found["code_from"], weight=1.0)
    for _, of_year in sorted(events.groupby("year"), reverse=backwards):
        found = _step(found, of_year, f"{from_year} - {to_year}")
    found = found.groupby(["code_from", "code_to"], as_index=False)["weight"].sum()
    if known is not None:
        lost = found.loc[~found["code_to"].isin(list(known)), "code_from"]
        if len(lost):
            raise InputError("G007", rows=lost.nunique(), where=to_year, example=lost.iloc[0])
    return found


def _step(found: pd.DataFrame, events: pd.DataFrame, where: str) -> pd.DataFrame:
    """Return a correspondence after the passages of one year."""
    moves = events[["code_from", "code_to", "weight"]].rename(
        columns={"code_from": "at", "code_to": "next", "weight": "share"}
    )
    parts = moves.groupby("at")["next"].transform("size")
    moves = moves.assign(share=moves["share"].where(parts > 1, 1.0))
    joined = found.merge(moves, left_on="code_to", right_on="at", how="left")
    divided = joined["at"].notna() & joined["share"].isna()
    if divided.any():
        codes = joined.loc[divided, "code_from"]
        raise InputError("G005", rows=codes.nunique(), where=where, example=codes.iloc[0])
    moved = joined["at"].notna()
    return joined.assign(
        code_to=joined["next"].where(moved, joined["code_to"]),
        weight=joined["weight"] * joined["share"].where(moved, 1.0),
    )[["code_from", "code_to", "weight"]]


def carry(
    counts: pd.DataFrame, found: pd.DataFrame, *, values: Sequence[str] = ("events",), to_vintage: str
) -> pd.DataFrame:
    """Return counts in the areas of another edition: sums over what was merged.

    Parameters
    ----------
    counts : DataFrame
        ``geo_code, geo_vintage``, any other columns that tell strata apart, and the `values`.
    found : DataFrame
        `correspondence` of its codes.
    values : sequence of str
        Columns of counts or person-years. Whole numbers stay whole where nothing is divided.
    to_vintage : str
        Written to `geo_vintage`.

    Returns
    -------
    DataFrame
        The columns of `counts`, one row a stratum and area of the new edition.

    Raises
    ------
    InputError
        ``G007`` a code that the correspondence does not have.

    Examples
    --------
    >>> counts = pd.DataFrame({"geo_code": ["41", "42"], "geo_vintage": "cog2012", "events": [5, 7]})
    >>> found = correspondence(["41", "42"], from_year=2012, to_year=2020, geo_level="region")
    >>> carry(counts, found, to_vintage="cog2020")
      geo_code geo_vintage  events
    0       44     cog2020      12
    """
    lost = ~counts["geo_code"].isin(found["code_from"])
    if lost.any():
        example = counts.loc[lost, "geo_code"].iloc[0]
        raise InputError(
            "G007", rows=counts.loc[lost, "geo_code"].nunique(), where=to_vintage, example=example
        )
    joined = counts.merge(found, left_on="geo_code", right_on="code_from", how="left")
    whole = bool((found["weight"] == 1).all())
    for name in values:
        # Of two parts of one area each has its share; where all is whole, integers are left alone.
        if not whole:
            joined[name] = joined[name] * joined["weight"]
    joined = joined.assign(geo_code=joined["code_to"], geo_vintage=to_vintage)
    keys = [name for name in counts.columns if name not in values]
    carried = joined.groupby(keys, as_index=False, dropna=False, observed=True)[list(values)].sum()
    return carried[list(counts.columns)]


def passage_links(found: pd.DataFrame, *, geo_level: str, from_vintage: str, to_vintage: str) -> pd.DataFrame:
    """Return a correspondence as rows of the contract's `membership`: an area in one of another edition.

    Parameters
    ----------
    found : DataFrame
        From :func:`correspondence`.
    geo_level : str
        Of both editions.
    from_vintage, to_vintage : str
        Editions of the codes, such as ``"cog2012"``.

    Returns
    -------
    DataFrame
        In the columns of the contract's `membership`, one row a part of an area.

    Examples
    --------
    >>> found = correspondence(["42"], from_year=2012, to_year=2020, geo_level="region")
    >>> links = passage_links(found, geo_level="region", from_vintage="cog2012", to_vintage="cog2020")
    >>> links[["child_code", "parent_code", "weight"]].values.tolist()
    [['42', '44', 1.0]]
    """
    return pd.DataFrame(
        {
            "child_level": geo_level,
            "child_code": found["code_from"].to_numpy(),
            "child_vintage": from_vintage,
            "parent_level": geo_level,
            "parent_code": found["code_to"].to_numpy(),
            "parent_vintage": to_vintage,
            "valid_from": pd.array([pd.NA] * len(found), dtype="Int16"),
            "valid_until": pd.array([pd.NA] * len(found), dtype="Int16"),
            "weight": found["weight"].to_numpy(),
        }
    )


def municipal_arrondissements() -> dict[str, str]:
    """Return the commune of each municipal arrondissement of Paris, Lyon and Marseille.

    Returns
    -------
    dict of str to str
        Code of the commune by code of its arrondissement.

    Examples
    --------
    >>> found = municipal_arrondissements()
    >>> len(found), found["75120"], found["69381"], found["13216"]
    (45, '75056', '69123', '13055')
    """
    table = _packaged()
    inside = table[table["kind"] == "arrondissement"]
    return dict(zip(inside["code_from"], inside["code_to"], strict=True))


def whole_communes(codes: pd.Series) -> pd.Series:
    """Return codes of communes, those of municipal arrondissements replaced by Paris, Lyon or Marseille.

    Parameters
    ----------
    codes : Series of str
        Codes of communes and municipal arrondissements.

    Returns
    -------
    Series of str
        In the order given.

    Raises
    ------
    InputError
        ``G008`` a commune comes both whole and by arrondissement.

    Examples
    --------
    >>> whole_communes(pd.Series(["75101", "01001"])).tolist()
    ['75056', '01001']
    """
    inside = codes.map(municipal_arrondissements())
    both = sorted(set(inside.dropna()) & set(codes))
    if both:
        raise InputError("G008", where=", ".join(both))
    return inside.where(inside.notna(), codes)


def corsican_codes(codes: pd.Series, known: Sequence[str]) -> pd.Series:
    """Return codes of communes, those of Corsica before 1976 (``20004``) as they are since (``2A004``).

    Parameters
    ----------
    codes : Series of str
        Codes of communes.
    known : sequence of str
        Today's codes: three digits are used once in Corsica, so that they tell which half is meant.

    Returns
    -------
    Series of str
        In the order given.

    Raises
    ------
    InputError
        ``G007`` an old code that neither half has.

    Examples
    --------
    >>> corsican_codes(pd.Series(["20004", "20033", "01001"]), ["2A004", "2B033"]).tolist()
    ['2A004', '2B033', '01001']
    """
    old = codes.str.fullmatch(r"20[0-9]{3}")
    of_number = {code[2:]: code for code in known if code[:2] in ("2A", "2B") and len(code) == 5}
    now = codes.str[2:].map(of_number)
    lost = codes[old & now.isna()]
    if len(lost):
        raise InputError("G007", rows=lost.nunique(), where="2A, 2B", example=lost.iloc[0])
    return codes.where(~old, now)
