"""The audit trail tells who ran what on what, and any change of what it told."""

from __future__ import annotations

import errno
import hashlib
import json
import multiprocessing
import os
import pwd
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from rnc_epi.release import audit_trail
from rnc_epi.release.audit_trail import (
    FIELDS,
    append_to_trail,
    record_run,
    require_trail,
    study_hash,
    verify_trail,
)
from rnc_epi.release.manifest import MANIFEST
from rnc_epi.vocabulary.errors import FileProblem, VerificationFailed


def trail_of(folder: Path, lines: int = 4) -> Path:
    for number in range(lines):
        append_to_trail(
            folder / "internal", action="run", outcome="done", study_sha256=f"{number:064x}",
            extract_sha256="e" * 64, outputs={"indicators.csv": "a" * 64},
        )  # fmt: skip
    return folder / "internal" / "audit.jsonl"


def broken_line(path: Path) -> int:
    with pytest.raises(VerificationFailed) as caught:
        verify_trail(path)
    assert caught.value.code == "B043"
    return int(caught.value.facts["line"])


def test_each_line_says_who_when_what_on_what_and_no_count(tmp_path):
    east = timezone(timedelta(hours=13))
    append_to_trail(
        tmp_path / "internal", action="run", outcome="done", study_sha256="1" * 64, extract_sha256="2" * 64,
        release_id="rnc-1", outputs={"b.csv": "4" * 64, "a.csv": "3" * 64}, who="marie",
        judged_on=date(2045, 3, 1), when=datetime(2026, 11, 22, 9, 0, tzinfo=east),
    )  # fmt: skip
    (line,) = verify_trail(tmp_path).lines
    assert tuple(line) == FIELDS
    assert line["when"] == "2026-11-21T20:00:00Z"
    assert (line["who"], line["action"], line["outcome"], line["line"]) == ("marie", "run", "done", 1)
    assert list(line["outputs"]) == ["a.csv", "b.csv"]
    assert line["previous_sha256"] == "0" * 64
    assert line["judged_on"] == "2045-03-01"
    assert {type(value) for value in line.values()} == {int, str, dict}
    assert (tmp_path / "internal").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "internal" / "audit.jsonl").stat().st_mode & 0o777 == 0o600


def test_who_and_when_are_those_of_the_session_by_default(tmp_path, monkeypatch):
    # The owner of the process, not the name that anyone may give in a variable.
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "paul")
    before = datetime.now(UTC).replace(microsecond=0)
    (line,) = verify_trail(trail_of(tmp_path, 1)).lines
    assert line["who"] == pwd.getpwuid(os.getuid()).pw_name != "paul"
    assert before <= datetime.fromisoformat(line["when"]) <= datetime.now(UTC)


def test_a_trail_that_nobody_touched_is_whole_whichever_way_it_is_named(tmp_path):
    file = trail_of(tmp_path)
    heads = {verify_trail(path).head for path in (file, file.parent, tmp_path)}
    assert len(heads) == 1
    assert [line["line"] for line in verify_trail(file).lines] == [1, 2, 3, 4]


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_any_edited_line_is_named(number, tmp_path):
    file = trail_of(tmp_path)
    lines = file.read_text().splitlines(keepends=True)
    lines[number - 1] = lines[number - 1].replace('"done"', '"DONE"')
    file.write_text("".join(lines))
    # The line after an edited one no longer follows it; the last is held by the head.
    assert broken_line(file) == min(number + 1, 4)


def test_every_changed_byte_is_noticed(tmp_path):
    file = trail_of(tmp_path, 2)
    data = file.read_bytes()
    for at in range(0, len(data), 7):
        changed = bytearray(data)
        changed[at] ^= 1
        file.write_bytes(changed)
        assert broken_line(file) in (1, 2, 3)
    file.write_bytes(data)
    assert len(verify_trail(file).lines) == 2


@pytest.mark.parametrize(("gone", "named"), [(0, 1), (1, 2), (2, 3), (3, 4)])
def test_a_line_that_was_taken_out_is_named(gone, named, tmp_path):
    file = trail_of(tmp_path)
    lines = file.read_text().splitlines(keepends=True)
    del lines[gone]
    file.write_text("".join(lines))
    # A head one line late is that of a run that was cut short; here it is one line early.
    assert broken_line(file) == named


def test_lines_in_another_order_are_named(tmp_path):
    file = trail_of(tmp_path)
    lines = file.read_text().splitlines(keepends=True)
    lines[1], lines[2] = lines[2], lines[1]
    file.write_text("".join(lines))
    assert broken_line(file) == 2


def test_an_added_line_or_space_is_named(tmp_path):
    file = trail_of(tmp_path)
    text = file.read_text()
    lines = text.splitlines(keepends=True)
    file.write_text(text + lines[-1])
    assert broken_line(file) == 5
    file.write_text(text.replace(",", ", ", 1))
    assert broken_line(file) == 1


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.6, 0.99])
def test_a_trail_that_was_cut_is_noticed_and_not_continued(kept, tmp_path):
    file = trail_of(tmp_path)
    data = file.read_bytes()
    file.write_bytes(data[: int(kept * len(data))])
    broken_line(file)
    with pytest.raises(FileProblem) as caught:
        trail_of(tmp_path, 1)
    assert caught.value.code == "B041"


def test_a_trail_that_was_removed_is_missed(tmp_path):
    file = trail_of(tmp_path)
    file.unlink()
    assert broken_line(tmp_path) == 1
    with pytest.raises(FileProblem) as caught:
        trail_of(tmp_path, 1)
    assert caught.value.code == "B041"


def test_without_its_head_a_trail_is_not_believed(tmp_path):
    file = trail_of(tmp_path)
    file.with_name("audit.head").unlink()
    assert broken_line(file) == 5


def test_a_trail_rewritten_whole_is_betrayed_by_a_hash_noted_elsewhere(tmp_path):
    noted = verify_trail(trail_of(tmp_path)).head
    assert verify_trail(trail_of(tmp_path, 2), expect=noted).head != noted
    forged = tmp_path / "other" / "internal" / "audit.jsonl"
    for _ in range(6):
        append_to_trail(forged.parent, action="run", outcome="done", who="somebody else")
    assert len(verify_trail(forged).lines) == 6
    with pytest.raises(VerificationFailed):
        verify_trail(forged, expect=noted)


def test_a_run_that_died_before_the_head_was_written_leaves_a_trail_that_goes_on(tmp_path):
    file = trail_of(tmp_path, 2)
    head = file.with_name("audit.head").read_bytes()
    trail_of(tmp_path, 1)
    file.with_name("audit.head").write_bytes(head)
    assert len(verify_trail(file).lines) == 3
    trail_of(tmp_path, 1)
    assert len(verify_trail(file).lines) == 4


def _append(folder: str) -> None:
    for _ in range(5):
        append_to_trail(folder, action="run", outcome="done")


def test_runs_at_the_same_time_write_one_after_the_other(tmp_path):
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_append, args=(str(tmp_path / "internal"),)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [line["line"] for line in verify_trail(tmp_path).lines] == list(range(1, 21))


def test_a_run_does_not_wait_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(audit_trail, "PATIENCE", 0.1)
    (tmp_path / "internal").mkdir()
    with audit_trail._alone(tmp_path / "internal"), pytest.raises(FileProblem) as caught:
        append_to_trail(tmp_path / "internal", action="run", outcome="done")
    assert caught.value.code == "B040"


def test_the_line_of_a_release_is_taken_from_its_manifest(tmp_path):
    staged = tmp_path / "staged" / "rnc-1"
    staged.mkdir(parents=True)
    manifest = {"release_id": "rnc-1", "extract_hash": "e" * 64,
                "files": {"indicators.csv": {"sha256": "a" * 64, "bytes": 3, "rows": 12}}}  # fmt: skip
    (staged / MANIFEST).write_text(json.dumps(manifest))
    record_run(tmp_path / "internal", staged, study={"title": "t"}, who="marie")
    (line,) = verify_trail(tmp_path).lines
    assert (line["release_id"], line["extract_sha256"]) == ("rnc-1", "e" * 64)
    assert line["study_sha256"] == study_hash({"title": "t"})
    assert set(line["outputs"]) == {"indicators.csv", MANIFEST}
    assert "12" not in json.dumps({key: line[key] for key in ("action", "outcome", "release_id")})


def test_the_command_says_that_a_trail_is_whole_or_names_the_line(tmp_path):
    def audit(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "rnc_epi", "audit", *words], capture_output=True, text=True, check=False
        )

    file = trail_of(tmp_path)
    done = audit(str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert "4 lignes" in done.stdout
    assert verify_trail(file).head in done.stdout
    file.write_text(file.read_text().replace("e" * 64, "f" * 64, 1))
    broken = audit(str(tmp_path), "--lang", "en")
    assert broken.returncode == 6
    assert "broken at line 2" in broken.stderr
    assert audit(str(tmp_path / "nowhere")).returncode == 7


def test_where_there_is_no_trail_that_is_said(tmp_path):
    with pytest.raises(FileProblem) as caught:
        verify_trail(tmp_path)
    assert caught.value.code == "B042"


def test_a_trail_that_was_begun_before_lines_told_the_day_goes_on(tmp_path):
    file = trail_of(tmp_path, 1)
    (line,) = verify_trail(file).lines
    older = {name: value for name, value in line.items() if name != "judged_on"} | {"schema": 1}
    data = (json.dumps(older, ensure_ascii=False, separators=(",", ":")) + "\n").encode()
    file.write_bytes(data)
    file.with_name("audit.head").write_text(f"1 {hashlib.sha256(data).hexdigest()}\n")
    trail_of(tmp_path, 2)
    assert [line["schema"] for line in verify_trail(file).lines] == [1, 2, 2]


def test_a_line_that_does_not_fit_on_the_disk_leaves_the_trail_as_it_was(tmp_path, monkeypatch):
    file = trail_of(tmp_path, 2)
    before, write = file.read_bytes(), os.write

    def full(handle, data):
        if len(data) < 100:
            raise OSError(errno.ENOSPC, "no room")
        return write(handle, data[:50])

    monkeypatch.setattr(audit_trail.os, "write", full)
    with pytest.raises(FileProblem) as caught:
        trail_of(tmp_path, 1)
    monkeypatch.undo()
    assert caught.value.code == "B044"
    assert file.read_bytes() == before
    trail_of(tmp_path, 1)
    assert len(verify_trail(file).lines) == 3


def test_a_zone_that_cannot_be_written_is_an_error_with_a_code(tmp_path):
    # A file where the folder should be: no rights are needed to refuse it, and root is refused too.
    (tmp_path / "internal").write_text("")
    for act in (lambda: trail_of(tmp_path, 1), lambda: require_trail(tmp_path / "internal")):
        with pytest.raises(FileProblem) as caught:
            act()
        assert caught.value.code == "B044"


def test_a_run_does_not_begin_on_a_trail_that_cannot_be_trusted(tmp_path):
    file = trail_of(tmp_path)
    require_trail(file.parent)
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(FileProblem) as caught:
        require_trail(file.parent)
    assert caught.value.code == "B041"


@pytest.mark.parametrize(
    ("trail", "head"),
    [(b"", "-1 " + "0" * 64), (b"[" * 200_000, "1 " + "0" * 64), (b'{"schema":1}\n', "1 " + "0" * 64),
     (b'{"schema":[]}\n', "1 " + "0" * 64), (b'"\\ud800"\n', "1 0")],
)  # fmt: skip
def test_whatever_stands_in_its_place_is_a_broken_trail_and_no_fault(trail, head, tmp_path):
    (tmp_path / "audit.jsonl").write_bytes(trail)
    (tmp_path / "audit.head").write_text(head)
    broken_line(tmp_path)
