"""A run on the command line: persons who opposed are taken out, old extracts refused, the trail kept."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from rnc_epi.cli.main import main
from rnc_epi.extracts.fingerprint import write_manifest
from rnc_epi.release.audit_trail import verify_trail
from tests.extract_builder import minimal_tables, write_extract

STUDY = """schema = 1
title = "Essai"
extract = "x.duckdb"
[select]
sites = ["colorectum"]
geo_levels = ["region"]
pooled = ["2016-2018"]
[outputs]
formats = ["csv"]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tables = minimal_tables()
    tables["sources"]["synthetic"] = False
    path = write_extract(tmp_path / "x.duckdb", tables)
    write_manifest(path, created=date(2025, 3, 1), kind="pseudonymised")
    (tmp_path / "study.toml").write_text(STUDY)
    return tmp_path


def call(*words: object) -> int:
    """Return the exit code of a command, run in this process."""
    with pytest.raises(SystemExit) as end:
        main([str(word) for word in words])
    return int(end.value.code or 0)


def run(folder: Path, *words: object) -> int:
    return call("run", folder / "study.toml", "--out", folder / "out", "--threads", 1, *words)


def test_a_run_without_a_person_and_one_with_her_are_told_apart_and_both_are_in_the_trail(folder):
    assert run(folder) == 0
    requests = folder / "requests.csv"
    requests.write_text("person_key,kind,date\n500004,opposition,2026-01-05\n")
    assert run(folder, "--oppositions", requests) == 0
    lines = verify_trail(folder / "out").lines
    assert [line["action"] for line in lines] == ["run", "run"]
    assert lines[0]["release_id"] != lines[1]["release_id"]
    assert lines[0]["study_sha256"] == lines[1]["study_sha256"]
    for line in lines:
        staged = folder / "out" / "staged" / line["release_id"]
        assert set(line["outputs"]) == {path.name for path in staged.iterdir()}
        # Neither who ran it nor when is in the release.
        text = "".join(path.read_text() for path in staged.iterdir())
        assert line["who"] not in json.loads((staged / "MANIFEST.json").read_text()).values()
        assert line["when"] not in text
        assert "500004" not in text
    ledger = (folder / "out" / "staged" / lines[1]["release_id"] / "accounting_public.csv").read_text()
    assert "opposition,<11,<11" in ledger


def test_the_day_is_declared_to_judge_an_old_extract(folder, capsys):
    assert run(folder, "--today", "2046-01-01") == 3
    assert "B010" in capsys.readouterr().err
    # Whoever declares a day is known to have done so.
    (line,) = verify_trail(folder / "out").lines
    assert (line["outcome"], line["judged_on"]) == ("B010", "2046-01-01")
    for day, code in (("2045-03-01", 0), ("2045-03-02", 3), ("01/03/2045", 2)):
        assert call("check", folder / "x.duckdb", "--today", day) == code


def test_the_study_may_name_the_list_and_the_option_wins_over_it(folder, capsys):
    (folder / "requests.csv").write_text("person_key,kind,date\n500004,opposition,2026-01-05\n")
    (folder / "study.toml").write_text('oppositions = "requests.csv"\n' + STUDY)
    assert run(folder) == 0
    assert "--oppositions" not in capsys.readouterr().out
    other = folder / "others.csv"
    other.write_text("person_key,kind,date\n500004,rectification,2026-01-05\n")
    assert run(folder, "--oppositions", other) == 0
    assert "--oppositions" in capsys.readouterr().out
    lines = verify_trail(folder / "out").lines
    # The path of the list is no part of what the study asks, and the release does not name it.
    assert lines[0]["study_sha256"] == lines[1]["study_sha256"]
    ledgers = [
        (folder / "out" / "staged" / line["release_id"] / "accounting_public.csv").read_text()
        for line in lines
    ]
    assert ("opposition" in ledgers[0], "rectification" in ledgers[0]) == (True, False)
    assert ("opposition" in ledgers[1], "rectification" in ledgers[1]) == (False, True)
    for line in lines:
        staged = folder / "out" / "staged" / line["release_id"]
        assert "requests.csv" not in "".join(path.read_text() for path in staged.iterdir())


def test_a_list_that_the_study_names_and_that_is_not_there_stops_the_run(folder, capsys):
    (folder / "study.toml").write_text('oppositions = "none.csv"\n' + STUDY)
    assert run(folder) != 0
    assert "B020" in capsys.readouterr().err


def test_an_edition_that_gives_away_the_person_of_the_list_of_the_study_is_not_published(folder, capsys):
    assert run(folder) == 0
    (first,) = [line["release_id"] for line in verify_trail(folder / "out").lines]
    assert call("publish", folder / "out", "--approve", first) == 0
    (folder / "requests.csv").write_text("person_key,kind,date\n500004,opposition,2026-01-05\n")
    (folder / "study.toml").write_text('oppositions = "requests.csv"\n' + STUDY)
    assert run(folder) == 0
    second = verify_trail(folder / "out").lines[-1]["release_id"]
    capsys.readouterr()
    assert call("publish", folder / "out", "--approve", second) != 0
    assert "B030" in capsys.readouterr().err


def test_quality_and_files_are_made_without_the_persons_of_a_list_and_within_the_term(folder, capsys):
    requests = folder / "requests.csv"
    keys = [500_000 + key for key in range(1, 401)]
    requests.write_text("person_key,kind,date\n" + "".join(f"{key},opposition,2026-01-05\n" for key in keys))
    given = (folder / "x.duckdb", "--oppositions", requests)
    assert call("quality", *given, "--csv", folder / "without.csv") == 0
    assert call("quality", folder / "x.duckdb", "--csv", folder / "with.csv") == 0

    def cases(name: str) -> float:
        table = pd.read_csv(folder / name)
        mine = table[
            table["indicator"].eq("unknown_age") & table["sex"].eq(0) & table["registry"].eq("isere")
        ]
        return float(mine.loc[mine["period_until"] - mine["period_from"] > 1, "whole"].iloc[0])

    assert cases("with.csv") - cases("without.csv") == 400
    assert call("export", *given, "--out", folder / "encr") == 0
    persons = set(pd.read_csv(folder / "encr" / "incidence.csv", sep=";")["PAT"])
    assert not persons & set(keys)
    assert len(persons) > 4_000
    assert str(keys[0]) not in capsys.readouterr().out
    for command in ("quality", "export"):
        words = (folder / "x.duckdb", "--today", "2046-01-01")
        assert call(command, *words, *(("--out", folder / "late") if command == "export" else ())) == 3
    assert "B010" in capsys.readouterr().err


def test_quality_sets_aside_what_a_run_sets_aside(folder):
    # Ten melanomas of bone: codes that contradict each other are set aside by a run before it judges.
    connection = duckdb.connect(folder / "x.duckdb")
    connection.execute("UPDATE tumours SET topography = 'C40.0', morphology = '8720' WHERE tumour_key <= 10")
    connection.close()
    (folder / "EXTRACT.json").unlink()
    assert call("quality", folder / "x.duckdb", "--csv", folder / "q.csv") == 0
    table = pd.read_csv(folder / "q.csv")
    mine = table[(table["indicator"] == "unknown_age") & (table["registry"] == "isere") & (table["sex"] == 0)]
    # Carcinomas of the prostate under 15 years, of which the small extract has some, are set aside too.
    tumours = minimal_tables()["tumours"].iloc[10:]
    children = tumours["topography"].eq("C61.9") & tumours["age_years"].lt(15)
    assert mine["whole"].max() == len(tumours) - children.sum()


def test_a_run_that_nobody_foresaw_the_end_of_leaves_its_line_too(folder, monkeypatch):
    def broken(*_, **__):
        raise MemoryError

    monkeypatch.setattr("rnc_epi.flow.compute", broken)
    assert run(folder) == 1
    (line,) = verify_trail(folder / "out").lines
    assert (line["outcome"], line["release_id"], line["judged_on"]) == ("MemoryError", None, None)


def test_a_run_that_could_leave_no_line_is_not_made(folder, capsys):
    assert run(folder) == 0
    trail = folder / "out" / "internal" / "audit.jsonl"
    trail.write_bytes(trail.read_bytes()[:-5])
    for staged in (folder / "out" / "staged").iterdir():
        shutil.rmtree(staged)
    assert run(folder) == 7
    assert "B041" in capsys.readouterr().err
    assert not list((folder / "out" / "staged").iterdir())
