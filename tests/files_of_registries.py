"""Small files as registries send them, whole and right; tests put one defect into each."""

from __future__ import annotations

from pathlib import Path

MAPPING = """
[source]
source = "registre"
title = "Registre d'essai"
kind = "registry"
licence = "essai"
synthetic = true

[format]
dates = "DD/MM/YYYY"
{format}

[geography]
levels = ["region", "departement"]

[tables.tumours]
death_date = "deces"

[tables.tumours.columns]
tumour_key = {{ from = "id_tumeur", take = "key" }}
person_key = {{ from = "id_patient", take = "key" }}
source = {{ value = "registre" }}
registry = {{ value = "isere" }}
sex = {{ from = "sexe", map = {{ H = 1, F = 2, "?" = 9 }} }}
age_years = "age"
year = {{ from = "diagnostic", take = "year" }}
month = {{ from = "diagnostic", take = "month" }}
topography = "topo"
morphology = "morpho"
behaviour = "comportement"
basis_of_diagnosis = "base"
geo_level = {{ value = "departement" }}
geo_code = {geo_code}
geo_vintage = {{ value = "cog2026" }}
vital_status = {{ from = "statut", map = {{ V = 0, D = 1 }} }}
follow_up_days = {{ from = "nouvelles", take = "days", since = "diagnostic" }}

[tables.person_years]
file = 2

[tables.person_years.columns]
source = {{ value = "registre" }}
sex = "sexe"
geo_level = {{ value = "departement" }}
geo_code = "dep"
geo_vintage = {{ value = "cog2026" }}
period_from = "annee"
period_until = {{ from = "annee", plus = 1 }}
age_from = {{ from = "classe", take = "band_from" }}
age_until = {{ from = "classe", take = "band_until" }}
age_status = {{ from = "classe", take = "band_status" }}
person_years = "pa"

[[rows.coverage]]
registry = "isere"
geo_level = "departement"
geo_code = "38"
geo_vintage = "cog2026"
site_group = "general"
age_from = 0
period_from = 2020
period_until = 2022
"""

HEADER = "id_tumeur;id_patient;sexe;age;diagnostic;topo;morpho;comportement;base;dep;statut;nouvelles;deces"


def tumour_lines(count: int = 240) -> list[str]:
    """Return the records of the tumour file, without its header."""
    lines = []
    for number in range(1, count + 1):
        age = 40 + number % 50
        day, month, year = 1 + number % 28, 1 + number % 12, 2020 + number % 2
        dead = number % 3 == 0
        news = f"{day:02d}/{month:02d}/{year + 1}"
        lines.append(
            f"T{number:05d};p{number:07x};{'H' if number % 2 else 'F'};{age};{day:02d}/{month:02d}/{year};"
            f"C34.{number % 4};8140;3;7;38;{'D' if dead else 'V'};{news};{news if dead else ''}"
        )
    return lines


def population_lines() -> list[str]:
    """Return the records of the population file, without its header."""
    bands = [f"{start}-{start + 4}" for start in range(0, 85, 5)] + ["85+"]
    return [
        f"38;{sex};{year};{band};{36_000 + 7 * place}.5"
        for sex in (1, 2)
        for year in (2020, 2021)
        for place, band in enumerate(bands)
    ]


def text(lines: list[str], header: str = HEADER) -> str:
    """Return a file of text."""
    return "\n".join([header, *lines]) + "\n"


def write(
    folder: Path,
    tumours: str | bytes | None = None,
    populations: str | None = None,
    *,
    form: str = "",
    geo_code: str = '"dep"',
    mapping: str = MAPPING,
) -> tuple[list[Path], Path]:
    """Write both files and the mapping; return the files and the mapping."""
    folder.mkdir(parents=True, exist_ok=True)
    content = text(tumour_lines()) if tumours is None else tumours
    first, second, third = folder / "tumeurs.csv", folder / "populations.csv", folder / "mapping.toml"
    first.write_bytes(content if isinstance(content, bytes) else content.encode())
    second.write_text(
        text(population_lines(), "dep;sexe;annee;classe;pa") if populations is None else populations
    )
    third.write_text(mapping.format(format=form, geo_code=geo_code))
    return [first, second], third
