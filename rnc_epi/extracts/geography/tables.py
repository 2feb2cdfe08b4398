"""Names, codes and populations of the areas, and which area lies in which."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import Final

import pandas as pd
import pyarrow.parquet as pq

#: Edition of the codes (Code officiel géographique on 1 January 2026).
GEO_VINTAGE: Final = "cog2026"

#: Levels that have outlines.
OUTLINED_LEVELS: Final = ("region", "departement", "departement_sante", "zone")

#: Corsica is one area in health tables and two in the COG; a code alone is never a key.
CORSICA_HEALTH_CODE: Final = "20"
CORSICA_DEPARTEMENTS: Final = ("2A", "2B")


def _read(name: str) -> pd.DataFrame:
    """Return a packaged table, codes as text (``"01"`` stays ``"01"``), populations as integers."""
    # A caller may change its table: it is a copy of the one that was read.
    return _read_once(name).copy()


@cache
def _read_once(name: str) -> pd.DataFrame:
    with (files(__package__) / name).open(encoding="utf-8") as stream:
        frame = pd.read_csv(stream, dtype=str, keep_default_na=False)
    return frame.astype({column: "int64" for column in ("population", "zones") if column in frame})


def regions() -> pd.DataFrame:
    """Return the 18 régions.

    Returns
    -------
    DataFrame
        ``code, name_fr, name_en, kind`` (``metro`` or ``drom``), ``population`` (inhabitants), by code.

    Examples
    --------
    >>> regions().set_index("code").loc[["01", "53"], "name_en"].tolist()
    ['Guadeloupe', 'Brittany']
    """
    return _read("regions.csv")


def departements() -> pd.DataFrame:
    """Return the 101 départements, Corsica as ``2A`` and ``2B``.

    Returns
    -------
    DataFrame
        ``code, name_fr, name_en, region, kind`` (``metro`` or ``drom``), ``population`` (inhabitants, sum of
        the communes), ``zones`` (number of synthetic zones), by code.

    Examples
    --------
    >>> departements().set_index("code").loc["01", ["name_fr", "region"]].tolist()
    ['Ain', '84']
    """
    return _read("departements.csv")


def zones() -> pd.DataFrame:
    """Return the synthetic zones of the sample: 1 250 in the métropole, 52 overseas, each in one département.

    They are of the size of an EPCI and are not EPCI: neither their borders nor their populations are real.

    Returns
    -------
    DataFrame
        ``code`` (``Z01-001``), ``departement``, ``population`` (inhabitants), by code. Populations add up to
        those of the départements; the zone of rank k from the centre has a share proportional to 1 / k.

    Examples
    --------
    >>> zones().query("departement == '48'")["code"].tolist()
    ['Z48-001', 'Z48-002', 'Z48-003']
    """
    stored = BytesIO((files(__package__) / "zones_outlines.parquet").read_bytes())
    return pq.read_table(stored, columns=["code", "departement", "population"]).to_pandas()


def epci() -> pd.DataFrame:
    """Return the 1 255 intercommunal areas (EPCI à fiscalité propre) with their population.

    Returns
    -------
    DataFrame
        ``code, name_fr, kind`` (``CC``, ``CA``, ``CU``, ``METRO``, ``MET69``), ``population``, by code.

    Examples
    --------
    >>> len(epci())
    1255
    """
    return _read("epci.csv")


def epci_departements() -> pd.DataFrame:
    """Return the population of each EPCI in each département it touches: some EPCI cross a border.

    Returns
    -------
    DataFrame
        ``epci, departement, population``; one row for each pair with at least one commune.

    Examples
    --------
    >>> pieces = epci_departements()["epci"].value_counts()
    >>> bool((pieces > 1).any())
    True
    """
    return _read("epci_departements.csv")


def membership() -> pd.DataFrame:
    """Return which area lies in which, with the share of the child's population that does.

    Returns
    -------
    DataFrame
        ``child_level, child_code, child_vintage, parent_level, parent_code, parent_vintage, valid_from,
        valid_until`` (empty: always within this vintage), ``weight`` in (0, 1]. Children: ``departement`` (in
        ``region`` and ``departement_sante``), ``departement_sante`` (in ``region``), ``zone`` (in
        ``departement``) and ``epci`` (in ``departement``, weights below 1 where it crosses a border).

    Examples
    --------
    >>> rows = membership().query("parent_level == 'departement_sante' and parent_code == '20'")
    >>> rows["child_code"].tolist()
    ['2A', '2B']
    """
    departement = departements()
    health = health_code(departement["code"])
    pieces = epci_departements()
    share = pieces["population"] / pieces.groupby("epci")["population"].transform("sum")
    zone = zones()
    one = pd.Series(1.0, index=zone.index)  # long enough for every list of children wholly in one parent
    whole_health = pd.DataFrame({"code": health, "region": departement["region"]}).drop_duplicates()
    links = [
        ("departement", departement["code"], "region", departement["region"], one),
        ("departement", departement["code"], "departement_sante", health, one),
        ("departement_sante", whole_health["code"], "region", whole_health["region"], one),
        ("zone", zone["code"], "departement", zone["departement"], one),
        ("epci", pieces["epci"], "departement", pieces["departement"], share),
    ]
    frames = [
        pd.DataFrame(
            {
                "child_level": child_level,
                "child_code": child,
                "child_vintage": GEO_VINTAGE,
                "parent_level": parent_level,
                "parent_code": parent,
                "parent_vintage": GEO_VINTAGE,
                "valid_from": pd.array([pd.NA] * len(child), dtype="Int16"),
                "valid_until": pd.array([pd.NA] * len(child), dtype="Int16"),
                "weight": weight.loc[child.index].to_numpy(),
            }
        )
        for child_level, child, parent_level, parent, weight in links
    ]
    return pd.concat(frames, ignore_index=True)


def health_code(departement: pd.Series) -> pd.Series:
    """Return the ``departement_sante`` code of each département code: ``20`` for both halves of Corsica.

    Examples
    --------
    >>> health_code(pd.Series(["19", "2A", "2B"])).tolist()
    ['19', '20', '20']
    """
    return departement.mask(departement.isin(CORSICA_DEPARTEMENTS), CORSICA_HEALTH_CODE)
