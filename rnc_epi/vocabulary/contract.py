"""The extract: the tables of the DuckDB file, their columns and types, and which the corridor needs.

The declaration is data; ``extracts`` compiles it into checks and the sample generator writes to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

#: DuckDB types that a column may have, the first being the one that the package writes.
TYPES: Final[dict[str, tuple[str, ...]]] = {
    "text": ("VARCHAR",),
    "count": ("BIGINT", "INTEGER", "UBIGINT", "UINTEGER", "SMALLINT", "USMALLINT", "HUGEINT"),
    "key": ("BIGINT", "INTEGER", "UBIGINT", "UINTEGER", "HUGEINT", "UHUGEINT"),
    "small": ("SMALLINT", "TINYINT", "INTEGER", "BIGINT", "USMALLINT", "UTINYINT", "UINTEGER"),
    "person_years": ("DECIMAL(18,6)",),
    "number": ("DOUBLE", "FLOAT", "DECIMAL(18,6)"),
    "flag": ("BOOLEAN",),
    "bytes": ("BLOB",),
    "text_list": ("VARCHAR",),
}


@dataclass(frozen=True)
class Column:
    """A column: its name, its kind (a key of `TYPES`), and whether null is allowed."""

    name: str
    kind: str
    nullable: bool = False


@dataclass(frozen=True)
class Table:
    """A table of the extract: its columns, its key, and whether the corridor cannot do without it."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    required: bool = False
    rows_of_persons: bool = False

    @property
    def column_names(self) -> tuple[str, ...]:
        """Return the names of the columns, in order."""
        return tuple(column.name for column in self.columns)


def _text(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, "text") for name in names)


_AREA = _text("geo_level", "geo_code", "geo_vintage")
_AREA_KEY = ("geo_level", "geo_code", "geo_vintage")
_PERIOD = (Column("period_from", "small"), Column("period_until", "small"))
_AGES = (
    Column("age_from", "small", nullable=True),
    Column("age_until", "small", nullable=True),
    Column("age_status", "text"),
)
_SEX = (Column("sex", "small"),)
_EVENTS = (Column("events", "count"),)

TABLES: Final[dict[str, Table]] = {
    table.name: table
    for table in (
        Table(
            "sources",
            (
                *_text("source", "title", "kind", "licence"),
                Column("synthetic", "flag"),
                Column("altered", "text", nullable=True),
                Column("disclosure_threshold", "small"),
                Column("definition_break_years", "text_list", nullable=True),
            ),
            key=("source",),
            required=True,
        ),
        Table(
            "tumours",
            (
                Column("tumour_key", "key"),
                Column("person_key", "key", nullable=True),
                *_text("source", "registry"),
                *_SEX,
                Column("age_years", "small", nullable=True),
                Column("year", "small"),
                Column("month", "small", nullable=True),
                *_text("topography", "morphology"),
                Column("behaviour", "small"),
                Column("basis_of_diagnosis", "small", nullable=True),
                Column("stage", "text", nullable=True),
                *_AREA,
                Column("vital_status", "small", nullable=True),
                Column("follow_up_days", "count", nullable=True),
            ),
            key=("tumour_key",),
            rows_of_persons=True,
        ),
        Table(
            "incidence_cells",
            (*_text("source", "registry", "site"), *_SEX, *_AREA, *_PERIOD, *_AGES, *_EVENTS),
            key=(
                "source",
                "registry",
                "site",
                "sex",
                *_AREA_KEY,
                "period_from",
                "period_until",
                "age_from",
                "age_until",
                "age_status",
            ),
        ),
        Table(
            "death_cells",
            (
                *_text("source"),
                Column("site", "text", nullable=True),
                Column("icd10", "text", nullable=True),
                *_SEX,
                *_AREA,
                *_PERIOD,
                *_AGES,
                *_EVENTS,
            ),
            key=(
                "source",
                "site",
                "icd10",
                "sex",
                *_AREA_KEY,
                "period_from",
                "period_until",
                "age_from",
                "age_until",
                "age_status",
            ),
        ),
        Table(
            "deaths",
            (
                Column("death_key", "key"),
                *_text("source"),
                *_SEX,
                Column("age_years", "small", nullable=True),
                Column("year", "small"),
                *_text("cause_icd10"),
                *_AREA,
            ),
            key=("death_key",),
            rows_of_persons=True,
        ),
        Table(
            "snds_cases",
            (
                Column("case_key", "key"),
                Column("person_key", "key", nullable=True),
                *_text("source", "algorithm", "site"),
                *_SEX,
                Column("age_years", "small", nullable=True),
                Column("year", "small"),
                *_AREA,
                Column("linked_tumour_key", "key", nullable=True),
                Column("link_probability", "number", nullable=True),
            ),
            key=("case_key",),
            rows_of_persons=True,
        ),
        Table(
            "proxy_cells",
            (*_text("source", "proxy", "site"), *_SEX, *_AREA, *_PERIOD, *_AGES, *_EVENTS),
            key=(
                "source",
                "proxy",
                "site",
                "sex",
                *_AREA_KEY,
                "period_from",
                "period_until",
                "age_from",
                "age_until",
                "age_status",
            ),
        ),
        Table(
            "person_years",
            (*_text("source"), *_SEX, *_AREA, *_PERIOD, *_AGES, Column("person_years", "person_years")),
            key=(
                "source",
                "sex",
                *_AREA_KEY,
                "period_from",
                "period_until",
                "age_from",
                "age_until",
                "age_status",
            ),
            required=True,
        ),
        Table(
            "areas",
            (
                *_AREA,
                *_text("name_fr", "name_en"),
                Column("population", "count", nullable=True),
                Column("outline", "bytes", nullable=True),
                Column("inset", "text", nullable=True),
            ),
            key=_AREA_KEY,
            required=True,
        ),
        Table(
            "membership",
            (
                *_text(
                    "child_level",
                    "child_code",
                    "child_vintage",
                    "parent_level",
                    "parent_code",
                    "parent_vintage",
                ),
                Column("valid_from", "small", nullable=True),
                Column("valid_until", "small", nullable=True),
                Column("weight", "number"),
            ),
            key=(
                "child_level",
                "child_code",
                "child_vintage",
                "parent_level",
                "parent_code",
                "parent_vintage",
                "valid_from",
            ),
            required=True,
        ),
        Table(
            "coverage",
            (
                *_text("registry"),
                *_AREA,
                *_text("site_group"),
                Column("age_from", "small"),
                Column("age_until", "small", nullable=True),
                *_PERIOD,
            ),
            key=("registry", *_AREA_KEY, "site_group", "age_from", "period_from"),
            required=True,
        ),
        Table(
            "cells_scope",
            (
                *_text("table_name", "source"),
                *_text("site"),
                *_SEX,
                *_text("geo_level"),
                *_PERIOD,
                Column("age_from", "small"),
                Column("age_until", "small", nullable=True),
            ),
            key=(
                "table_name",
                "source",
                "site",
                "sex",
                "geo_level",
                "period_from",
                "period_until",
                "age_from",
            ),
        ),
        Table(
            "adjacency",
            (*_AREA, *_text("neighbour_code")),
            key=(*_AREA_KEY, "neighbour_code"),
        ),
        Table(
            "deprivation",
            (
                *_text("index", "vintage"),
                *_AREA,
                Column("score", "number", nullable=True),
                *_text("higher_is"),
            ),
            key=("index", "vintage", *_AREA_KEY),
        ),
        Table(
            "life_tables",
            (
                *_AREA,
                *_SEX,
                Column("age_years", "small"),
                Column("year", "small"),
                *_text("stratum"),
                Column("hazard", "number"),
            ),
            key=(*_AREA_KEY, "sex", "age_years", "year", "stratum"),
        ),
    )
}

#: At least one of these must be there: an extract without events says nothing.
EVENT_TABLES: Final = ("tumours", "incidence_cells", "death_cells", "deaths")

SOURCE_KINDS: Final = ("registry", "snds", "deaths", "census", "published")
SITE_GROUP_ALL: Final = "general"
