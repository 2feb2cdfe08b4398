"""What the command line answers: exit codes, languages, no traceback for the user's mistakes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.extract_builder import minimal_tables, write_extract


def call(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "rnc_epi", *words], capture_output=True, text=True, check=False, timeout=300
    )


def test_the_help_speaks_french_by_default_and_english_on_request() -> None:
    assert "échantillon embarqué" in call("--help").stdout
    assert "embedded sample" in call("demo", "--help", "--lang", "en").stdout
    assert "embedded sample" in call("--lang", "en", "demo", "--help").stdout
    assert "embedded sample" in call("--lang=en", "--help").stdout


def test_the_version_is_printed() -> None:
    assert call("--version").stdout.strip() == "rnc-epi 0.1.0"


def test_a_word_that_is_no_command_is_a_usage_error() -> None:
    assert call("publishh").returncode == 2


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("check", "absent.duckdb"), 7, "D001"),
        (("run", "absent.toml", "--out", "o"), 7, "S024"),
        (("verify", "nowhere"), 7, "R015"),
        (("report", "nowhere"), 7, "J001"),
        (("sample", "--size", "enormous", "--out", "o.duckdb"), 8, "M005"),
        (("demo", "--lang", "de"), 2, "de"),
    ],
)
def test_a_users_mistake_has_its_code_and_no_traceback(
    words: tuple[str, ...], code: int, said: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "rnc_epi", *words], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == code, done.stderr
    # What `check` finds is its result, on standard output; elsewhere an error goes to standard error.
    assert said in (done.stdout if words[0] == "check" else done.stderr)
    assert "Traceback" not in done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_extract_is_checked_and_a_defect_refuses_it(tmp_path: Path) -> None:
    write_extract(tmp_path / "good.duckdb", minimal_tables())
    good = call("check", str(tmp_path / "good.duckdb"))
    assert good.returncode == 0
    assert "acceptée" in good.stdout
    tables = minimal_tables()
    tables["person_years"].loc[5, "person_years"] = -1
    write_extract(tmp_path / "bad.duckdb", tables)
    bad = call("check", str(tmp_path / "bad.duckdb"), "--lang", "en")
    assert bad.returncode == 3
    assert "D081" in bad.stdout
    assert "Traceback" not in bad.stderr


def test_quiet_prints_nothing_on_success(tmp_path: Path) -> None:
    done = call("sample", "--size", "small", "--out", str(tmp_path / "s.duckdb"), "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
