"""Write a checked extract in the layout of the ENCR-JRC call: incidence, population and mortality files."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from typing import Final

import pandas as pd

from rnc_epi.extracts.opening import Extract, open_extract
from rnc_epi.vocabulary.ages import AgeBand
from rnc_epi.vocabulary.errors import ExtractRefused, FileProblem

#: The three files, in the order in which `import_files` takes them back.
FILES: Final = ("incidence.csv", "population.csv", "mortality.csv")
_INCIDENCE: Final = """
    SELECT person_key AS "PAT", tumour_key AS "TUM", sex AS "Sex", coalesce(age_years, 999) AS "Age",
        geo_code AS "GEO", coalesce(month, 99) AS "MoI", year AS "YoI",
        coalesce(basis_of_diagnosis, 9) AS "BoD", replace(topography, '.', '') AS "Topo",
        morphology AS "Morpho", behaviour AS "Beh",
        CASE vital_status WHEN 0 THEN 1 WHEN 1 THEN 2 ELSE 9 END AS "Vit_stat",
        coalesce(follow_up_days, 99999) AS "Surv_time"
    FROM usable_tumours
"""
_POPULATION: Final = """
    SELECT p.period_from AS "Year", p.period_until, p.sex AS "Sex", p.age_from, p.age_until, p.age_status,
        p.geo_code AS "GEO", CAST(p.person_years AS VARCHAR) AS "Population"
    FROM usable_person_years AS p
    SEMI JOIN usable_tumours AS t
        ON t.geo_level = p.geo_level AND t.geo_code = p.geo_code AND t.geo_vintage = p.geo_vintage
"""
_MORTALITY: Final = """
    SELECT d.period_from AS "Year", d.period_until, d.sex AS "Sex", d.age_from, d.age_until, d.age_status,
        d.geo_code AS "GEO", d.icd10 AS "ICD", d.events AS "Deaths"
    FROM usable_death_cells AS d
    SEMI JOIN usable_tumours AS t
        ON t.geo_level = d.geo_level AND t.geo_code = d.geo_code AND t.geo_vintage = d.geo_vintage
    WHERE d.icd10 IS NOT NULL
"""


def export_encr(
    extract: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    oppositions: str | os.PathLike[str] | None = None,
    today: date | None = None,
) -> tuple[Path, ...]:
    """Write the usable tumours of an extract, their populations and their deaths by cause.

    The files hold one line a person: they belong to the internal zone. Deaths by site have no cause to give
    and are left out.

    Parameters
    ----------
    extract : path
    folder : path
        New files are written in it; none may exist.
    oppositions, today
        As `open_extract` takes them: the rows of persons of the list are not written.

    Returns
    -------
    tuple of paths
        Those of `FILES` that have a line: semicolons, UTF-8, in the order of the columns.

    Raises
    ------
    ExtractRefused
        H130, the extract has no tumours, or population and deaths by periods longer than a year.
    FileProblem
        F001, a file exists; F004, the folder cannot be made. Nothing is written then.
    """
    target = Path(folder)
    with open_extract(extract, oppositions=oppositions, today=today) as opened:
        if "tumours" not in opened.tables:
            raise ExtractRefused("H130", where=opened.path.name)
        frames = [opened.store.read(_INCIDENCE, order_by=["TUM"])]
        frames += [_by_year(opened, table, select) for table, select in (
            ("person_years", _POPULATION), ("death_cells", _MORTALITY),
        )]  # fmt: skip
    made = {target / name: frame for name, frame in zip(FILES, frames, strict=True) if not frame.empty}
    for path in made:
        if path.exists():
            raise FileProblem("F001", where=path.name)
    try:
        target.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as problem:
        raise FileProblem("F004", where=str(folder), found=type(problem).__name__) from problem
    written = []
    for path, frame in made.items():
        frame.to_csv(path, sep=";", index=False, encoding="utf-8", lineterminator="\n")
        os.chmod(path, 0o600)
        written.append(path)
    return tuple(written)


def _by_year(opened: Extract, table: str, select: str) -> pd.DataFrame:
    if table not in opened.tables:
        return pd.DataFrame()
    frame = opened.store.read(select, order_by=["Year", "GEO", "Sex", "age_from"])
    if (frame["period_until"] != frame["Year"] + 1).any():
        raise ExtractRefused("H130", where=opened.path.name)
    labels = [
        "999" if status == "unknown" else AgeBand(int(start), None if pd.isna(end) else int(end)).label()
        for start, end, status in zip(frame["age_from"], frame["age_until"], frame["age_status"], strict=True)
    ]
    frame.insert(3, "Age", labels)
    return frame.drop(columns=["period_until", "age_from", "age_until", "age_status"])
