"""Defects of an extract, each as the statements that put it into the valid one of `tests.extract_builder`."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from rnc_epi.extracts.contract_checks.findings import Fate

#: Values that no message may quote; statements put them where a name or a code should be.
CANARIES: Final = ("Jeanne Dupont", "j.dupont@chu.fr", "2550814168025", "255081416802538")
_NAME, _MAIL, _NIR13, _NIR15 = CANARIES
assert int(_NIR15[13:]) == 97 - int(_NIR13) % 97
#: Number 2550820168025 with 2A for 19: its remainder by 97 gives the key.
NIR_OF_CORSICA: Final = "255082A168025" + f"{97 - 2550819168025 % 97:02d}"


def require_no_canary(text: str) -> None:
    """Require that a text quotes none of these values."""
    for canary in (*CANARIES, NIR_OF_CORSICA):
        assert canary.lower() not in text.lower()


def changed_copy(valid: Path, folder: Path, *statements: str) -> Path:
    """Return a copy of the valid extract after the statements."""
    path = Path(shutil.copy(valid, folder / "x.duckdb"))
    with duckdb.connect(str(path)) as writer:
        for statement in statements:
            writer.execute(statement)
    return path


@dataclass(frozen=True)
class Defect:
    """A code, what becomes of the extract or row, the table that is named, and how to make the defect."""

    code: str
    fate: Fate
    name: str
    table: str
    statements: tuple[str, ...]
    rows: int | None = None

    @property
    def label(self) -> str:
        return f"{self.code} {self.name}"


def _make(fate: Fate, code: str, name: str, table: str, *statements: str, rows: int | None = None) -> Defect:
    return Defect(code, fate, name, table, statements, rows)


def _refuse(code: str, name: str, table: str, *statements: str) -> Defect:
    return _make(Fate.REFUSE, code, name, table, *statements)


def _quarantine(code: str, name: str, table: str, *statements: str, rows: int = 1) -> Defect:
    return _make(Fate.QUARANTINE, code, name, table, *statements, rows=rows)


_CELL = "SELECT source, registry, '{site}', {sex}, geo_level, geo_code, geo_vintage, {start}, {until}, 60, 65, 'known', {events} FROM incidence_cells WHERE site = 'colorectum' AND sex = 1 AND period_from = 2016 AND age_from = 60"  # noqa: E501


def _new_cell(
    site: str = "colorectum", sex: int = 1, start: int = 2016, until: int = 2017, events: int = 3
) -> str:
    return "INSERT INTO incidence_cells " + _CELL.format(
        site=site, sex=sex, start=start, until=until, events=events
    )


_A_CELL = "site = 'colorectum' AND sex = 1 AND geo_code = '14' AND period_from = 2016 AND age_from = 60"
_AN_AREA = "INSERT INTO areas SELECT 'departement', '{}', 'cog2026', 'x', 'x', NULL, NULL, NULL"
_KEYS_AS_TEXT = "ALTER TABLE tumours ALTER person_key TYPE VARCHAR"

_SECOND_SOURCE = "INSERT INTO sources SELECT * REPLACE ('second' AS source) FROM sources LIMIT 1"
_COMMUNE = "INSERT INTO areas SELECT 'commune', '{}', 'cog2026', 'x', 'x', NULL, NULL, NULL"
_INSIDE = (
    "INSERT INTO membership SELECT 'commune', '{}', 'cog2026', 'departement', '{}', 'cog2026', NULL, NULL, 1"
)
_AT_HOME = "UPDATE tumours SET geo_level = 'commune', geo_code = '{}' WHERE tumour_key = {}"
_NEIGHBOURS = (
    "CREATE TABLE adjacency (geo_level VARCHAR, geo_code VARCHAR, geo_vintage VARCHAR, "
    "neighbour_code VARCHAR)"
)

_DEATHS = (
    "CREATE TABLE deaths AS SELECT tumour_key AS death_key, 'cepidc' AS source, sex, age_years, year, "
    "'C18.7' AS cause_icd10, geo_level, geo_code, geo_vintage FROM tumours"
)
_CAUSES = "UPDATE death_cells SET icd10 = 'C18', site = NULL WHERE site = 'colorectum'"

DEFECTS: Final = (
    # Structure
    _refuse("D003", "a required table has no row", "coverage", "DELETE FROM coverage"),
    _refuse("D101", "a required table is absent", "person_years", "DROP TABLE person_years"),
    _refuse("D102", "no event", "_",
            *(f"DELETE FROM {t}" for t in ("tumours", "incidence_cells", "death_cells"))),
    _refuse("D007", "a column is absent", "tumours", "ALTER TABLE tumours DROP COLUMN stage"),
    _refuse("D007", "a column is misspelt", "areas", "ALTER TABLE areas RENAME geo_code TO geo_cod"),
    _refuse("D009", "first names", "tumours", "ALTER TABLE tumours ADD COLUMN prenom VARCHAR"),
    _refuse("D009", "birth dates, in an added table", "notes",
            "CREATE TABLE notes AS SELECT 1 AS \"Date Naissance\""),
    _refuse("D010", "fractional events", "death_cells", "ALTER TABLE death_cells ALTER events TYPE DOUBLE"),
    _refuse("D010", "person-years in floating point", "person_years",
            "ALTER TABLE person_years ALTER person_years TYPE DOUBLE"),
    _refuse("D010", "codes of areas as numbers", "areas", "ALTER TABLE areas ADD COLUMN n INTEGER",
            "ALTER TABLE areas DROP COLUMN geo_code", "ALTER TABLE areas RENAME n TO geo_code"),
    _refuse("D010", "a year that does not fit", "tumours", "ALTER TABLE tumours ALTER year TYPE BIGINT",
            "UPDATE tumours SET year = 70000 WHERE tumour_key = 1"),
    _refuse("D010", "a count beyond reason", "incidence_cells",
            f"UPDATE incidence_cells SET events = 9000000000000000000 WHERE {_A_CELL}"),
    _refuse("D019", "not a number", "membership",
            "UPDATE membership SET weight = 'nan' WHERE child_code = '01'"),
    _refuse("D019", "infinity", "membership", "UPDATE membership SET weight = 'inf' WHERE child_code = '01'"),
    _make(Fate.WARN, "D125", "a column that nobody knows", "tumours",
            "ALTER TABLE tumours ADD COLUMN remark TEXT"),
    _make(Fate.WARN, "D106", "a table that nobody knows", "notes", "CREATE TABLE notes AS SELECT 1 AS a"),
    # Identity
    _refuse("D021", "a tumour twice", "tumours",
            "INSERT INTO tumours SELECT * FROM tumours WHERE tumour_key = 1"),
    _refuse("D022", "a tumour twice, of two years", "tumours",
            "INSERT INTO tumours SELECT * REPLACE (2018 AS year) FROM tumours WHERE tumour_key = 1"),
    _refuse("D022", "a cell twice with other events", "incidence_cells", _new_cell(events=1)),
    _refuse("D021", "a cell of unknown age twice", "death_cells",
            "INSERT INTO death_cells SELECT * FROM death_cells"
            " WHERE age_status = 'unknown' AND geo_code = '01'"),
    _refuse("D021", "an area twice", "areas", "INSERT INTO areas SELECT * FROM areas WHERE geo_code = '01'"),
    _quarantine("D025", "no person key", "tumours",
            "UPDATE tumours SET person_key = NULL WHERE tumour_key = 1"),
    _make(Fate.WARN, "D108", "a source without person keys", "tumours",
            "UPDATE tumours SET person_key = NULL"),
    _refuse("D026", "a social security number", "tumours",
            f"UPDATE tumours SET person_key = {_NIR13} WHERE tumour_key = 1"),
    _refuse("D026", "a social security number with its key", "tumours",
            f"UPDATE tumours SET person_key = {_NIR15} WHERE tumour_key = 1"),
    _refuse("D026", "a social security number as text", "tumours", _KEYS_AS_TEXT,
            f"UPDATE tumours SET person_key = '{_NIR13}' WHERE tumour_key = 1"),
    _refuse("D026", "a social security number of Corsica", "tumours", _KEYS_AS_TEXT,
            f"UPDATE tumours SET person_key = '{NIR_OF_CORSICA}' WHERE tumour_key = 1"),
    _refuse("D027", "a name", "tumours", _KEYS_AS_TEXT,
            f"UPDATE tumours SET person_key = '{_NAME}' WHERE tumour_key = 1"),
    _refuse("D027", "an e-mail address", "tumours", _KEYS_AS_TEXT,
            f"UPDATE tumours SET person_key = '{_MAIL}' WHERE tumour_key = 1"),
    _refuse("D028", "one person for all tumours", "tumours", "UPDATE tumours SET person_key = 7"),
    _refuse("D029", "a year from two deliveries", "tumours", _SECOND_SOURCE,
            "UPDATE tumours SET source = 'second' WHERE year = 2017 AND tumour_key % 2 = 0"),
    _refuse("D029", "cells of a year from two deliveries", "incidence_cells", _SECOND_SOURCE,
            "UPDATE incidence_cells SET source = 'second' WHERE period_from = 2017 AND age_from >= 60"),
    # Dates
    _quarantine("D031", "a thirteenth month", "tumours",
                "UPDATE tumours SET month = 13 WHERE tumour_key = 1"),
    _refuse("D033", "a year of two digits", "tumours",
            "UPDATE tumours SET year = 17 WHERE tumour_key = 1"),
    _refuse("D033", "a period of two digits", "person_years",
            "UPDATE person_years SET period_from = 16 WHERE period_from = 2016 AND geo_code = '01'"),
    _refuse("D034", "a year that counts days since 1900", "tumours",
            "UPDATE tumours SET year = 31000 WHERE tumour_key = 1"),
    _refuse("D034", "the last small number", "tumours",
            "UPDATE tumours SET year = 32767 WHERE tumour_key = 1"),
    _refuse("D034", "a period at the last small number", "person_years",
            "UPDATE person_years SET period_from = 32766, period_until = 32767 "
            "WHERE geo_code = '01' AND period_from = 2018"),
    _refuse("D114", "a period from the last small number to before the first year", "person_years",
            "UPDATE person_years SET period_from = 32767, period_until = -32768 "
            "WHERE geo_code = '01' AND period_from = 2018"),
    _quarantine("D040", "a follow-up that ends before it begins", "tumours",
                "UPDATE tumours SET follow_up_days = -3 WHERE tumour_key = 1"),
    _quarantine("D041", "a death before the diagnosis", "tumours",
                "UPDATE tumours SET follow_up_days = -3, vital_status = 1 WHERE tumour_key = 1"),
    _make(Fate.WARN, "D044", "all in June", "tumours",
          "UPDATE tumours SET month = 6 WHERE tumour_key % 4 <> 0", rows=None),
    _refuse("D084", "a year of tumours that was not loaded", "tumours",
            "DELETE FROM tumours WHERE year = 2017"),
    _refuse("D084", "a year of cells that was not loaded", "incidence_cells",
            "DELETE FROM incidence_cells WHERE period_from = 2017"),
    _refuse("D084", "a year of person-years loaded as zeros", "person_years",
            "UPDATE person_years SET person_years = 0 WHERE period_from = 2018",
            *(f"DELETE FROM {t} WHERE {y} = 2018" for t, y in (("tumours", "year"),
              ("incidence_cells", "period_from"), ("death_cells", "period_from")))),
    _make(Fate.WARN, "D140", "three times the cells of a year", "death_cells",
          "INSERT INTO person_years SELECT * REPLACE (period_from + 3 AS period_from, "
          "period_until + 3 AS period_until) FROM person_years",
          "INSERT INTO death_cells SELECT * REPLACE (period_from + 3 AS period_from, "
          "period_until + 3 AS period_until) FROM death_cells",
          "UPDATE death_cells SET events = 3 * events WHERE period_from = 2018", rows=0),
    # Ages, years, sex, site of rows
    _quarantine("D037", "a negative age", "tumours",
            "UPDATE tumours SET age_years = -2 WHERE tumour_key = 1"),
    *(_make(Fate.WARN, "D038", f"an unknown age as {age}", "tumours",
            f"UPDATE tumours SET age_years = {age} WHERE tumour_key = 1", rows=1)
      for age in (-1, -9, 999, 9999)),
    _quarantine("D037", "an age of 121", "tumours",
            "UPDATE tumours SET age_years = 121 WHERE tumour_key = 1"),
    _make(Fate.WARN, "D134", "an age of 106", "tumours",
            "UPDATE tumours SET age_years = 106 WHERE tumour_key = 1",
          rows=1),
    _quarantine("D039", "a year to come", "tumours", "UPDATE tumours SET year = 2030 WHERE tumour_key = 1"),
    _quarantine("D039", "a cell of other years", "incidence_cells", _new_cell(start=2019, until=2020)),
    _refuse("D047", "an unknown sex code", "tumours", "UPDATE tumours SET sex = 3 WHERE tumour_key = 1"),
    _refuse("D047", "sex in letters", "tumours", "ALTER TABLE tumours ALTER sex TYPE VARCHAR",
            "UPDATE tumours SET sex = 'F' WHERE sex = '2'"),
    _refuse("D047", "both sexes in cells", "incidence_cells",
            f"UPDATE incidence_cells SET sex = 0 WHERE {_A_CELL}"),
    _refuse("D047", "person-years of unknown sex", "person_years",
            "UPDATE person_years SET sex = 9 WHERE geo_code = '01' AND sex = 1"),
    _quarantine("D048", "sex 9", "tumours", "UPDATE tumours SET sex = 9 WHERE tumour_key = 1"),
    _quarantine("D048", "cells of sex 9", "incidence_cells", _new_cell(sex=9)),
    _quarantine("D049", "the prostate of a woman", "tumours",
                "UPDATE tumours SET sex = 2 WHERE tumour_key = (SELECT min(tumour_key) FROM tumours "
                "WHERE topography = 'C61.9')"),
    _quarantine("D049", "the uterus of a man", "tumours",
                "UPDATE tumours SET topography = 'C54.1', sex = 1 WHERE tumour_key = 1"),
    _quarantine("D049", "cells of prostate in women", "incidence_cells", _new_cell("prostate", 2)),
    _make(Fate.NORMALISE, "D116", "a zero that is structural", "incidence_cells",
            _new_cell("prostate", 2, events=0),
          rows=1),
    _make(Fate.NORMALISE, "D018", "a stage that is not available", "tumours",
          "UPDATE tumours SET stage = ' na ' WHERE tumour_key = 1", rows=1),
    _make(Fate.NORMALISE, "D018", "a morphology that is a dot", "tumours",
          "UPDATE tumours SET morphology = '.' WHERE tumour_key = 1", rows=1),
    _make(Fate.NORMALISE, "D058", "topographies in other spellings", "tumours",
          *(f"UPDATE tumours SET topography = '{written}' WHERE tumour_key = {key}"
            for key, written in enumerate(("c61", "C619", "C61 ", "C61.", "c 61.9"), start=1)), rows=5),
    _make(Fate.NORMALISE, "D058", "a morphology with its letter", "tumours",
          "UPDATE tumours SET morphology = 'M8140' WHERE tumour_key = 1", rows=1),
    _quarantine("D051", "a topography between two others", "tumours",
                "UPDATE tumours SET topography = 'C27.9' WHERE tumour_key = 1"),
    _quarantine("D051", "a topography that is a name", "tumours",
                f"UPDATE tumours SET topography = '{_NAME}' WHERE tumour_key = 1"),
    _quarantine("D052", "a morphology out of range", "tumours",
                "UPDATE tumours SET morphology = '7999' WHERE tumour_key = 1"),
    _quarantine("D054", "a behaviour of 4", "tumours",
                "UPDATE tumours SET behaviour = 4 WHERE tumour_key = 1"),
    *(_refuse("D057", f"{code} of ICD-10", "tumours",
              f"UPDATE tumours SET topography = '{code}' WHERE tumour_key = 1")
      for code in ("C43.5", "C81.9", "D45.9", "c920")),
    _quarantine("D061", "a death certificate with survival", "tumours",
                "UPDATE tumours SET basis_of_diagnosis = 0 WHERE tumour_key = 1"),
    _make(Fate.WARN, "D139", "a basis of diagnosis of 3", "tumours",
          "UPDATE tumours SET basis_of_diagnosis = 3 WHERE tumour_key = 1", rows=1),
    _make(Fate.WARN, "D139", "a vital status of 2", "tumours",
          "UPDATE tumours SET vital_status = 2 WHERE tumour_key = 1", rows=1),
    # Areas
    _refuse("D067", "an edition of the geographic code to come", "areas",
            "INSERT INTO areas SELECT * REPLACE ('cog2199' AS geo_vintage) FROM areas WHERE geo_code = '01'"),
    _refuse("D070", "scientific notation", "tumours",
            "UPDATE tumours SET geo_code = '2E10' WHERE tumour_key = 1"),
    _refuse("D071", "Paris and its arrondissements", "tumours", _COMMUNE.format("75056"),
            _COMMUNE.format("75113"), *(_INSIDE.format(code, "38") for code in ("75056", "75113")),
            *(_AT_HOME.format(code, key) for key, code in enumerate(("75056", "75113"), start=1))),
    _refuse("D073", "postcodes for communes", "tumours", _COMMUNE.format("38185"),
            _INSIDE.format("38185", "38"),
            "UPDATE tumours SET geo_level = 'commune', geo_code = '38000' WHERE tumour_key <= 60"),
    _quarantine("D075", "a resident of another country", "tumours", _AT_HOME.format("99109", 1)),
    _make(Fate.WARN, "D076", "an island", "adjacency", _NEIGHBOURS,
          "INSERT INTO adjacency VALUES ('departement', '01', 'cog2026', '38')", rows=1),
    _make(Fate.WARN, "D077", "two pieces of a map", "adjacency", _NEIGHBOURS, _AN_AREA.format("15"),
          "INSERT INTO adjacency VALUES ('departement', '01', 'cog2026', '38'), "
          "('departement', '14', 'cog2026', '15')", rows=2),
    _refuse("D119", "a neighbour that nobody knows", "adjacency", _NEIGHBOURS,
            "INSERT INTO adjacency VALUES ('departement', '01', 'cog2026', '99')"),
    _refuse("D078", "a hole in the map", "areas",
            "UPDATE areas SET outline = '\\x01'::BLOB WHERE geo_code = '01'"),
    _make(Fate.WARN, "D079", "areas without a score", "deprivation",
          "CREATE TABLE deprivation AS SELECT 'fdep' AS \"index\", '2015' AS vintage, geo_level, geo_code, "
          "geo_vintage, 1.5::DOUBLE AS score, 'more_deprived' AS higher_is FROM areas WHERE geo_code = '01'",
          rows=2),
    _refuse("D083", "an open band of 95 beside one of 85", "person_years",
            "INSERT INTO person_years SELECT * REPLACE (95 AS age_from) FROM person_years "
            "WHERE geo_code = '01' AND sex = 1 AND age_until IS NULL",
            "UPDATE person_years SET age_until = 95 "
            "WHERE geo_code = '01' AND sex = 1 AND age_from = 85"),
    _quarantine("D065", "an area that areas lacks", "tumours",
                f"UPDATE tumours SET geo_code = '{_NAME}' WHERE tumour_key = 1"),
    _quarantine("D065", "a code of another vintage", "incidence_cells", _new_cell(events=2),
                "UPDATE incidence_cells SET geo_vintage = 'cog2020' WHERE rowid = "
                "(SELECT max(rowid) FROM incidence_cells)"),
    _refuse("D068", "a leading zero lost", "death_cells",
            "UPDATE death_cells SET geo_code = '1' WHERE geo_code = '01'"),
    _refuse("D068", "a decimal point gained", "tumours",
            "UPDATE tumours SET geo_code = '38.0' WHERE tumour_key = 1"),
    _refuse("D068", "a leading zero lost in coverage", "coverage", _AN_AREA.format("05"),
            "UPDATE coverage SET geo_code = '5' WHERE registry = 'isere'"),
    *(_refuse("D069", f"Corsica as {code}", "tumours", _AN_AREA.format(area),
              f"UPDATE tumours SET geo_code = '{code}' WHERE tumour_key = 1")
      for code, area in (("20", "2A"), ("2.0", "2A"), ("20004", "2A004"))),
    _make(Fate.EXCLUDE, "D131", "a code out of scope", "tumours",
          "UPDATE tumours SET geo_code = '975' WHERE tumour_key = 1", rows=1),
    _make(Fate.EXCLUDE, "D131", "many rows out of scope are no quarantine", "death_cells",
          "UPDATE death_cells SET geo_code = '97' WHERE geo_code = '01'", rows=None),
    _make(Fate.EXCLUDE, "D132", "overseas without person-years", "tumours",
          "UPDATE tumours SET geo_code = '974' WHERE tumour_key <= 100", rows=100),
    _make(Fate.EXCLUDE, "D133", "an area without person-years", "death_cells",
          "DELETE FROM person_years WHERE geo_code = '01'", rows=None),
    _refuse("D119", "coverage of an unknown area", "coverage",
            f"UPDATE coverage SET geo_code = '{_NAME}' WHERE registry = 'isere'"),
    _refuse("D119", "membership of an unknown area", "membership",
            "UPDATE membership SET parent_code = '99' WHERE child_code = '01'"),
    _refuse("D119", "person-years of an unknown area", "person_years",
            "UPDATE person_years SET geo_code = '99' WHERE geo_code = '01'"),
    _refuse("D119", "scope of an unknown level", "cells_scope",
            "UPDATE cells_scope SET geo_level = 'epci' WHERE site = 'prostate'"),
    # Denominators
    _refuse("D080", "cases where person-years are zero", "tumours",
            "UPDATE person_years SET person_years = 0 WHERE geo_code = '38' AND period_from = 2016"),
    _refuse("D080", "events of cells where person-years are zero", "death_cells",
            "UPDATE person_years SET person_years = 0 WHERE geo_code = '01' AND age_from = 80 AND sex = 1"),
    _refuse("D081", "negative events", "death_cells", f"UPDATE death_cells SET events = -1 WHERE {_A_CELL}"),
    _refuse("D081", "negative person-years", "person_years",
            "UPDATE person_years SET person_years = -1 WHERE geo_code = '14' AND age_from = 0"),
    _refuse("D081", "a negative population", "areas",
            "UPDATE areas SET population = -1 WHERE geo_code = '14'"),
    _refuse("D082", "an age band absent", "person_years",
            "DELETE FROM person_years"
            " WHERE geo_code = '01' AND sex = 1 AND period_from = 2017 AND age_from = 40"),
    _refuse("D082", "the last band absent", "person_years",
            "DELETE FROM person_years"
            " WHERE geo_code = '01' AND sex = 1 AND period_from = 2017 AND age_from = 85"),
    _refuse("D082", "the first band absent", "person_years",
            "DELETE FROM person_years"
            " WHERE geo_code = '01' AND sex = 1 AND period_from = 2017 AND age_from = 0"),
    _refuse("D082", "a sex absent", "person_years",
            "DELETE FROM person_years WHERE geo_code = '01' AND sex = 2"),
    _refuse("D082", "a year absent, where rows are", "tumours",
            "DELETE FROM person_years WHERE geo_code = '38' AND period_from = 2017"),
    _refuse("D082", "a year absent, where cells are", "death_cells",
            "DELETE FROM person_years WHERE geo_code = '01' AND period_from = 2017"),
    _refuse("D082", "old ages absent everywhere", "tumours",
            "DELETE FROM person_years WHERE geo_code = '38' AND age_from = 85"),
    # Magnitudes
    _refuse("D141", "more person-years than any country has", "person_years",
            "UPDATE person_years SET person_years = 100000000.000001 "
            "WHERE geo_code = '01' AND sex = 1 AND period_from = 2017 AND age_from = 40"),
    # 18 bands and two sexes, up from the year before and down to the year after.
    _make(Fate.WARN, "D142", "ten times the person-years of a year", "person_years",
          "UPDATE person_years SET person_years = 10 * person_years "
          "WHERE geo_code = '38' AND period_from = 2017", rows=72),
    _make(Fate.WARN, "D142", "a band of a year that is zero", "person_years",
          "UPDATE person_years SET person_years = 0 "
          "WHERE geo_code = '14' AND sex = 2 AND period_from = 2018 AND age_from = 0", rows=1),
    _make(Fate.WARN, "D143", "a population given in tens", "person_years",
          "UPDATE areas SET population = 130000 WHERE geo_code = '38'", rows=3),
    _make(Fate.WARN, "D143", "person-years given in tens", "person_years",
          "UPDATE person_years SET person_years = person_years / 10 WHERE geo_code = '01'", rows=3),
    _refuse("D144", "more cases than person-years", "tumours",
            "UPDATE person_years SET person_years = person_years / 100000 WHERE geo_code = '38'"),
    _refuse("D144", "more deaths in a cell than person-years", "death_cells",
            "UPDATE death_cells SET events = 40000 WHERE geo_code = '01' AND site = 'colorectum' "
            "AND sex = 1 AND period_from = 2016 AND age_from = 60"),
    # Values
    _quarantine("D107", "no area", "tumours", "UPDATE tumours SET geo_code = NULL WHERE tumour_key = 1"),
    _quarantine("D107", "no year", "tumours", "UPDATE tumours SET year = NULL WHERE tumour_key = 1"),
    _refuse("D107", "no site in a cell", "incidence_cells",
            f"UPDATE incidence_cells SET site = NULL WHERE {_A_CELL}"),
    _make(Fate.REFUSE, "D109", "too much quarantine", "tumours",
            "UPDATE tumours SET sex = 9 WHERE tumour_key <= 27",
          rows=27),
    _refuse("D109", "too much quarantine by events of few cells", "incidence_cells",
            _new_cell(sex=9, events=16)),
    _refuse("D110", "an invented status of age", "death_cells",
            f"UPDATE death_cells SET age_status = '{_NAME}' WHERE {_A_CELL}"),
    _refuse("D110", "a known age without ages", "death_cells",
            "UPDATE death_cells SET age_status = 'known' WHERE age_status = 'unknown'"),
    _refuse("D111", "an empty age band", "person_years",
            "UPDATE person_years SET age_until = 40 WHERE age_from = 40"),
    _refuse("D111", "coverage of no age", "coverage", "UPDATE coverage SET age_until = 0"),
    _refuse("D112", "overlapping age bands", "incidence_cells",
            f"UPDATE incidence_cells SET age_until = 70 WHERE {_A_CELL}"),
    _refuse("D112", "an open band beside others", "person_years",
            "UPDATE person_years SET age_until = NULL WHERE age_from = 75 AND geo_code = '01'"),
    _refuse("D113", "a pooled period beside its years", "incidence_cells", _new_cell(start=2016, until=2019)),
    _refuse("D114", "an empty period", "death_cells",
            f"UPDATE death_cells SET period_until = 2016 WHERE {_A_CELL}"),
    _refuse("D115", "an unknown site", "incidence_cells", _new_cell(_NAME)),
    _refuse("D115", "an unknown site in a scope", "cells_scope",
            "UPDATE cells_scope SET site = 'colo-rectum' WHERE site = 'colorectum'"),
    _refuse("D117", "a site and a cause at once", "death_cells",
            f"UPDATE death_cells SET icd10 = 'C18' WHERE {_A_CELL}"),
    _refuse("D117", "neither a site nor a cause", "death_cells",
            f"UPDATE death_cells SET site = NULL WHERE {_A_CELL}"),
    _refuse("D118", "cells of a registry that hands over rows", "incidence_cells", _new_cell(events=2),
            "UPDATE incidence_cells SET registry = 'isere'"
            " WHERE rowid = (SELECT max(rowid) FROM incidence_cells)"),
    _refuse("D120", "a scope for a table that has none", "cells_scope",
            "UPDATE cells_scope SET table_name = 'areas' WHERE site = 'prostate'"),
    _refuse("D121", "a source without declaration", "tumours",
            f"UPDATE tumours SET source = '{_NAME}' WHERE tumour_key = 1"),
    _refuse("D122", "a registry without coverage", "tumours",
            f"UPDATE tumours SET registry = '{_NAME}' WHERE tumour_key = 1"),
    _refuse("D123", "a kind of source that nobody knows", "sources", "UPDATE sources SET kind = 'other'"),
    _refuse("D124", "a weight in percent", "membership", "UPDATE membership SET weight = 100"),
    _refuse("D123", "breaks of definition that are no years", "sources",
            "UPDATE sources SET definition_break_years = 'vers 2010' WHERE source = 'cepidc'"),
    _refuse("D114", "a membership that never holds", "membership",
            "UPDATE membership SET valid_from = 2018, valid_until = 2016 WHERE child_code = '01'"),
    _refuse("D113", "a membership twice at one time", "membership",
            "INSERT INTO membership SELECT * REPLACE (2017 AS valid_from) FROM membership"
            " WHERE child_code = '01'"),
    _refuse("D146", "a region inside its département", "membership",
            "INSERT INTO membership SELECT parent_level, parent_code, parent_vintage, child_level, "
            "child_code, child_vintage, NULL, NULL, 1 FROM membership WHERE parent_level = 'region'"),
    _refuse("D146", "an area inside itself", "membership",
            "INSERT INTO membership SELECT child_level, child_code, child_vintage, child_level, "
            "child_code, child_vintage, NULL, NULL, 1 FROM membership WHERE parent_level = 'region'"),
    _refuse("D147", "an outline that is no geometry", "areas",
            f"UPDATE areas SET outline = '{_NAME}'::BLOB WHERE geo_level = 'departement'"),
    _refuse("D147", "an outline that is a point", "areas",
            "UPDATE areas SET outline = unhex('0101000000000000000000F03F0000000000000040')"),
    _refuse("D147", "an inset in words", "areas",
            f"UPDATE areas SET inset = '{_NAME}' WHERE geo_code = '01'"),
    # Causes of death
    _quarantine("D145", "a cause of ICD-9", "deaths", _DEATHS,
                "UPDATE deaths SET cause_icd10 = '162.9' WHERE death_key = 1"),
    _refuse("D145", "a cause in words, in a cell", "death_cells", _CAUSES,
            "UPDATE death_cells SET icd10 = 'poumon' WHERE geo_code = '38' AND icd10 = 'C18'"),
    _quarantine("D049", "a death of a woman from cancer of the prostate", "deaths", _DEATHS,
                "UPDATE deaths SET cause_icd10 = 'c61 ' WHERE death_key = "
                "(SELECT min(death_key) FROM deaths WHERE sex = 2)"),
    _quarantine("D049", "a death of a man from cancer of the cervix, in a cell", "death_cells",
                "UPDATE death_cells SET icd10 = 'c53.9', site = NULL WHERE site = 'colorectum' AND sex = 1 "
                "AND geo_code = '01' AND period_from = 2016 AND age_from = 60"),
)  # fmt: skip
