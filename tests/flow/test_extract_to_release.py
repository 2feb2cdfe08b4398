"""A small extract goes all the way: staged, published, verified; the same bytes twice; nothing half done."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from rnc_epi.attack import attack_release
from rnc_epi.flow import run
from rnc_epi.release import publish, verify
from rnc_epi.vocabulary.errors import (
    ExtractRefused,
    FileProblem,
    NotCovered,
    StudyFileError,
    VerificationFailed,
)
from rnc_epi.vocabulary.schemas import RESULT_COLUMNS, RESULT_KEY
from tests.extract_builder import minimal_tables, write_extract

STUDY = """
schema = 1
title = "Essai"
extract = "x.duckdb"

[select]
sites = ["colorectum", "pancreas", "prostate"]
pooled = ["2016-2018"]
years = [2016, 2017, 2018]

[rates]
standards = ["world", "esp2013"]
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    write_extract(folder / "x.duckdb", minimal_tables())
    (folder / "STUDY.toml").write_text(STUDY, encoding="utf-8")
    return folder / "STUDY.toml"


@pytest.fixture(scope="module")
def staged(study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(study, tmp_path_factory.mktemp("out"), threads=1)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_release_holds_the_result_table_with_its_key(staged: Path) -> None:
    table = pd.read_parquet(staged / "indicators.parquet")
    assert list(table.columns) == list(RESULT_COLUMNS)
    assert not table.duplicated(list(RESULT_KEY)).any()
    assert set(table["status"]) <= {"published", "not_published", "not_estimable"}
    assert set(table["reason"]) == {"_"}


def test_protected_rows_carry_no_number_and_no_small_count_is_shown(staged: Path) -> None:
    table = pd.read_parquet(staged / "indicators.parquet")
    hidden = table[table["status"] != "published"]
    assert hidden[["value", "lower", "upper", "se", "events", "expected"]].isna().all().all()
    shown = table.loc[table["status"] == "published", "events"].dropna()
    assert not shown.between(1, 10).any()


def test_an_attacker_who_reads_the_files_finds_no_protected_count(staged: Path) -> None:
    assert attack_release(staged).safe


def test_incidence_of_the_nation_is_not_estimable_from_registries_and_the_pooled_zone_is_offered(
    staged: Path,
) -> None:
    table = pd.read_parquet(staged / "indicators.parquet")
    nation = table[(table["geo_level"] == "france_hexagonale") & (table["event_type"] == "incidence")]
    pooled = table[(table["geo_level"] == "registry_zone") & (table["geo_code"] == "ALL")]
    assert set(nation["status"]) == {"not_estimable"}
    assert "published" in set(pooled["status"])


@pytest.mark.parametrize(
    ("threads", "zone", "locale"), [(2, "Pacific/Auckland", "C"), (1, "UTC", "fr_FR.UTF-8")]
)
def test_two_runs_give_the_same_bytes(
    study: Path, staged: Path, tmp_path: Path, threads: int, zone: str, locale: str
) -> None:
    code = "import sys; from rnc_epi.flow import run; print(run(*sys.argv[1:3], threads=int(sys.argv[3])))"
    environment = {**os.environ, "TZ": zone, "LC_ALL": locale, "PYTHONHASHSEED": str(threads)}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(study), str(tmp_path), str(threads)],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    again = Path(done.stdout.strip().splitlines()[-1])
    assert again.name == staged.name
    assert contents(again) == contents(staged)


def test_a_published_release_verifies_and_a_changed_one_does_not(study: Path, tmp_path: Path) -> None:
    run(study, tmp_path)
    published = publish(tmp_path, approve="Jeanne Martin")
    assert verify(tmp_path).approved_by == "Jeanne Martin"
    assert verify(published).files > 5
    target = published / "indicators.csv"
    published.chmod(0o755)
    target.chmod(0o644)
    data = bytearray(target.read_bytes())
    data[len(data) // 2] ^= 1
    target.write_bytes(bytes(data))
    with pytest.raises(VerificationFailed):
        verify(published)


def test_the_internal_zone_is_closed_to_others_and_accounts_for_every_row(
    study: Path, tmp_path: Path
) -> None:
    staged = run(study, tmp_path)
    internal = tmp_path / "internal" / staged.name
    assert internal.stat().st_mode & 0o077 == 0
    ledger = pd.read_csv(next(internal.glob("accounting*")))
    tumours = ledger[ledger["table_name"] == "tumours"]
    # What the codes set aside does not reach the cells; the others are each accounted for there.
    set_aside = tumours[(tumours["step"] == "classification") & (tumours["fate"] != "used")]
    in_cells = tumours[tumours["step"] == "cells"]
    assert set_aside["rows"].sum() + in_cells["rows"].sum() == len(minimal_tables()["tumours"])


def test_the_manifest_names_what_decides_the_numbers_and_no_path(staged: Path, study: Path) -> None:
    manifest = json.loads((staged / "MANIFEST.json").read_text(encoding="utf-8"))
    text = json.dumps(manifest)
    assert str(study.parent) not in text
    assert "x.duckdb" not in text
    assert "2016-2018" in text


def test_a_refused_extract_leaves_nothing_behind_but_the_line_of_its_run(tmp_path: Path) -> None:
    tables = minimal_tables()
    tables["death_cells"].loc[0, "events"] = -3
    write_extract(tmp_path / "x.duckdb", tables)
    (tmp_path / "STUDY.toml").write_text(STUDY, encoding="utf-8")
    with pytest.raises(ExtractRefused) as refusal:
        run(tmp_path / "STUDY.toml", tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"internal"}
    left = sorted(path.name for path in (tmp_path / "out" / "internal").iterdir())
    assert all(name.startswith("audit.") for name in left)
    lines = (tmp_path / "out" / "internal" / "audit.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["outcome"] for line in lines] == [refusal.value.code]


def test_a_study_without_its_extract_or_with_an_unknown_site_says_so(study: Path, tmp_path: Path) -> None:
    alone = tmp_path / "STUDY.toml"
    alone.write_text(STUDY.replace("x.duckdb", "absent.duckdb"), encoding="utf-8")
    with pytest.raises(FileProblem):
        run(alone, tmp_path / "out")
    alone.write_text(STUDY.replace("[rates]", "[rate]"), encoding="utf-8")
    with pytest.raises(StudyFileError, match="rates"):
        run(alone, tmp_path / "out")


@pytest.mark.parametrize(
    ("change", "code", "named"),
    [
        (("years = [2016, 2017, 2018]", "years = [2016, 1990]"), "K012", "1990"),
        (('pooled = ["2016-2018"]', 'pooled = ["2016-2018", "1990-1994"]'), "K012", "1990-1994"),
        (("years = [2016", 'geo_levels = ["regoin"]\nyears = [2016'), "K011", "regoin"),
    ],
)
def test_a_year_a_period_or_a_level_that_gives_nothing_is_named(
    study: Path, tmp_path: Path, change: tuple[str, str], code: str, named: str
) -> None:
    other = study.parent / f"{named}.toml"
    other.write_text(STUDY.replace(*change), encoding="utf-8")
    with pytest.raises(NotCovered) as refusal:
        run(other, tmp_path / "out", threads=1)
    assert refusal.value.code == code
    assert refusal.value.facts["found"] == named


def test_ratios_keep_their_reference_where_it_is_not_shown(study: Path, tmp_path: Path) -> None:
    levels = "region", "france_hexagonale"
    found = {}
    for number, shown in enumerate((levels, levels[:1])):
        other = study.parent / f"levels_{number}.toml"
        asked = ", ".join(f'"{level}"' for level in shown)
        text = STUDY.replace("years = [2016, 2017, 2018]", f"geo_levels = [{asked}]")
        other.write_text(text, encoding="utf-8")
        staged = run(other, tmp_path / f"out{number}", threads=1)
        rows = pd.read_parquet(next((tmp_path / f"out{number}").glob("internal/*/results.parquet")))
        assert set(pd.read_parquet(staged / "indicators.parquet")["geo_level"]) <= set(shown)
        found[number] = rows[rows["indicator"].isin(("sir", "smr")) & rows["geo_level"].eq("region")]
    assert len(found[1])
    columns = ["site", "sex", "geo_code", "period_from", "indicator", "value", "comparator"]
    assert found[0][columns].reset_index(drop=True).equals(found[1][columns].reset_index(drop=True))


def test_full_figures_are_never_written_among_releases_nor_below_a_file(study: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    staged = run(study, out, threads=1)
    (tmp_path / "file").write_text("", encoding="utf-8")
    places = {
        staged: "R017",
        staged / "deeper": "R017",
        staged.parent / "other": "R017",
        tmp_path / "file": "R018",
        tmp_path / "file" / "below": "R018",
    }
    for place, code in places.items():
        with pytest.raises(FileProblem) as refusal:
            run(study, place, threads=1)
        assert refusal.value.code == code
    assert not list(staged.rglob("internal*"))
