"""A release is whole, the same at each run, checked on its bytes, approved, and verified to the last bit."""

from __future__ import annotations

import dataclasses
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from release_builder import LEDGER, staged

from rnc_epi.release import publish, verify
from rnc_epi.release.folders import write_folder
from rnc_epi.release.table_files import csv_bytes
from rnc_epi.vocabulary.errors import DisclosureRefused, FileProblem, StudyFileError, VerificationFailed
from rnc_epi.vocabulary.policy import Policy
from rnc_epi.vocabulary.release_files import read_release, read_results_csv

FILES = {
    "MANIFEST.json", "README_en.txt", "README_fr.txt", "accounting_public.csv", "areas.csv",
    "dictionary_en.csv", "dictionary_fr.csv", "indicators.csv", "indicators.parquet", "metadata.json",
    "outlines.geojson",
}  # fmt: skip


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_staged_release_holds_every_promised_file(stage_to, tmp_path):
    folder = stage_to(tmp_path)
    assert folder.parent == tmp_path / "staged"
    assert set(contents(folder)) == FILES
    assert verify(folder).files == len(FILES) - 1


def test_two_runs_write_the_same_bytes(stage_to, tmp_path):
    first, second = stage_to(tmp_path / "a"), stage_to(tmp_path / "b")
    assert first.name == second.name
    assert contents(first) == contents(second)


@pytest.mark.slow
def test_clock_locale_and_hash_seed_change_no_byte(stage_to, tmp_path):
    here = Path(__file__).parent
    code = (
        "import sys, pathlib; sys.path.insert(0, sys.argv[1])\n"
        "from dataclasses import replace\n"
        "from result_builder import study\nfrom release_builder import staged\n"
        "from rnc_epi.disclosure import load_policy, protect\n"
        "from rnc_epi.vocabulary.policy import PlanRule\n"
        "made = study(sites=4, departements=12, regions=3, years=(2016, 2018),\n"
        "             pooled=((2016, 2018),), national=700)\n"
        "policy = load_policy()\n"
        "rules = tuple(rule for rule in policy.plan if rule.geo_level != 'departement')\n"
        "policy = replace(policy, plan=(*rules, PlanRule('departement', 2, age_detail=False)))\n"
        "out, report = protect(made.results, made.hierarchy, policy)\n"
        "staged(made, pathlib.Path(sys.argv[2]), releasable=out, policy=policy, protection=report)\n"
    )
    other = os.environ | {"TZ": "Pacific/Auckland", "LC_ALL": "fr_FR.UTF-8", "PYTHONHASHSEED": "77"}
    other |= {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"}
    subprocess.run([sys.executable, "-c", code, str(here), str(tmp_path / "b")], check=True, env=other)
    first = stage_to(tmp_path / "a")
    assert contents(first) == contents(tmp_path / "b" / "staged" / first.name)


def test_csv_and_parquet_say_the_same_and_codes_keep_their_zeros(stage_to, tmp_path, protected):
    folder = stage_to(tmp_path)
    read = read_release(folder)
    pd.testing.assert_frame_equal(read.indicators, read_results_csv(folder / "indicators.csv"))
    pd.testing.assert_frame_equal(read.indicators, protected[0].table)
    assert "01" in set(read.indicators["geo_code"])
    assert b"\r" not in (folder / "indicators.csv").read_bytes()


def test_the_dictionary_explains_every_column_and_every_code(stage_to, tmp_path):
    read = read_release(stage_to(tmp_path))
    for language in ("fr", "en"):
        table = read.dictionary[language]
        assert set(table["column"]) == set(read.indicators.columns)
        for column in ("indicator", "status", "method", "interval_kind", "event_type", "sex", "site"):
            codes = set(read.indicators[column].astype(str))
            assert codes <= set(table[table["column"] == column]["code"])
        assert (table[table["code"] != ""]["label"] != "").all()


def test_outlines_are_drawn_where_maps_show_them(stage_to, tmp_path):
    features = json.loads((stage_to(tmp_path) / "outlines.geojson").read_text())["features"]
    inset = [feature for feature in features if feature["properties"]["inset"]]
    assert len(inset) == 1
    # A square of side 10 km at half scale, moved by 200 m.
    heights = {corner[1] for corner in inset[0]["geometry"]["coordinates"][0]}
    assert heights == {200.0, 5200.0}


def test_the_public_accounting_shows_no_small_number(stage_to, tmp_path):
    table = read_release(stage_to(tmp_path)).accounting
    assert table.set_index("fate")["rows"].to_dict() == {
        "used": "9000",
        "excluded": ">=11",
        "quarantined": "<11",
    }


def test_the_internal_zone_is_closed_to_others(stage_to, tmp_path):
    folder = stage_to(tmp_path)
    internal = tmp_path / "internal" / folder.name
    assert stat.S_IMODE(internal.stat().st_mode) == 0o700
    assert {path.name for path in internal.iterdir()} == {
        "accounting.csv",
        "protection.json",
        "results.parquet",
    }


def test_staging_again_changes_nothing_and_another_content_is_refused(stage_to, tmp_path):
    folder = stage_to(tmp_path)
    assert stage_to(tmp_path) == folder
    with pytest.raises(FileProblem, match="R010"):
        stage_to(tmp_path, accounting=LEDGER.assign(rows=[9001, 40, 3]))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"status": "not_published"}, "R001"),
        ({"events": 4.0}, "R002"),
        ({"site": "=1+1"}, "R003"),
        ({"reason": "primary"}, "R005"),
        ({"geo_level": "commune"}, "R006"),
        ({"events": np.nan}, "R007"),
    ],
)
def test_the_writer_refuses_bytes_that_break_the_policy(stage_to, tmp_path, protected, change, code):
    table = protected[0].table.copy()
    row = table.index[(table["status"] == "published") & (table["events"] >= 11)][0]
    for name, value in change.items():
        table.loc[row, name] = value
    with pytest.raises(DisclosureRefused, match=code):
        stage_to(tmp_path, releasable=dataclasses.replace(protected[0], table=table))
    assert not (tmp_path / "staged").exists()


def test_a_table_protected_under_another_policy_is_refused(stage_to, tmp_path, protected):
    with pytest.raises(DisclosureRefused, match="R008"):
        stage_to(tmp_path, policy=Policy("other"))
    with pytest.raises(DisclosureRefused, match="R008"):
        stage_to(tmp_path, releasable=type("Table", (), {"name": "x", "table": protected[0].table})())


def test_a_refused_disk_leaves_nothing_half_written(tmp_path, monkeypatch):
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("rnc_epi.release.folders.os.fsync", full)
    with pytest.raises(FileProblem, match="R016"):
        write_folder(tmp_path / "x", {"a": b"1"})
    assert list(tmp_path.iterdir()) == []


def test_publishing_makes_a_read_only_release_and_points_to_it(stage_to, tmp_path):
    folder = stage_to(tmp_path)
    published = publish(tmp_path, approve="Une Épidémiologiste")
    assert published == tmp_path / "releases" / folder.name
    assert (tmp_path / "current").resolve() == published
    assert not folder.exists()
    assert verify(tmp_path).approved_by == "Une Épidémiologiste"
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o444 for path in published.iterdir())


def test_publishing_the_same_twice_is_a_repetition(stage_to, tmp_path):
    stage_to(tmp_path)
    first = publish(tmp_path, approve="A")
    stage_to(tmp_path)
    assert publish(tmp_path, approve="B") == first
    assert verify(first).approved_by == "A"


def test_publishing_needs_a_name_and_one_staged_release(
    stage_to, tmp_path, small_study, plan_policy, protected
):
    with pytest.raises(FileProblem, match="R011"):
        publish(tmp_path, approve="A")
    stage_to(tmp_path)
    with pytest.raises(StudyFileError, match="R014"):
        publish(tmp_path, approve="  ")
    facts = {"extract_fingerprint": "1" * 64, "parameters": {}}
    staged(small_study, tmp_path, releasable=protected[0], policy=plan_policy, protection=protected[1],
           manifest_facts=facts)  # fmt: skip
    with pytest.raises(FileProblem, match="R012"):
        publish(tmp_path, approve="A")


def test_verification_finds_any_flipped_bit(stage_to, tmp_path):
    folder = stage_to(tmp_path)
    rng = np.random.default_rng(5)
    for name in sorted(FILES - {"MANIFEST.json"}):
        data = (folder / name).read_bytes()
        at = int(rng.integers(len(data)))
        changed = bytearray(data)
        changed[at] ^= 1 << int(rng.integers(8))
        (folder / name).write_bytes(bytes(changed))
        with pytest.raises(VerificationFailed, match="R023"):
            verify(folder)
        (folder / name).write_bytes(data)
    verify(folder)


def test_verification_finds_missing_added_and_renamed(stage_to, tmp_path):
    folder = stage_to(tmp_path)
    (folder / "notes.txt").write_text("x")
    with pytest.raises(VerificationFailed, match="R022"):
        verify(folder)
    (folder / "notes.txt").unlink()
    data = (folder / "areas.csv").read_bytes()
    (folder / "areas.csv").unlink()
    with pytest.raises(VerificationFailed, match="R021"):
        verify(folder)
    (folder / "areas.csv").write_bytes(data)
    moved = folder.rename(folder.with_name("rnc-000000000000"))
    with pytest.raises(VerificationFailed, match="R024"):
        verify(moved)
    (moved / "MANIFEST.json").write_text("{")
    with pytest.raises(VerificationFailed, match="R020"):
        verify(moved)
    with pytest.raises(FileProblem, match="R015"):
        verify(tmp_path / "nowhere")


def test_an_approval_of_another_manifest_is_refused(stage_to, tmp_path):
    stage_to(tmp_path)
    published = publish(tmp_path, approve="A")
    approval = json.loads((published / "APPROVAL.json").read_text()) | {"manifest_sha256": "0"}
    (published / "APPROVAL.json").chmod(0o644)
    (published / "APPROVAL.json").write_text(json.dumps(approval))
    with pytest.raises(VerificationFailed, match="R025"):
        verify(published)


def test_text_that_a_spreadsheet_would_run_is_refused():
    for text in ("=1", "+1", "-1", "@x", "\tx"):
        with pytest.raises(DisclosureRefused, match="R003"):
            csv_bytes(pd.DataFrame({"a": [text]}))
    assert csv_bytes(pd.DataFrame({"a": [-1.5]})) == b"a\n-1.5\n"
