"""What the command line answers: exit codes, languages, no traceback for the user's mistakes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from rnc_epi.cli.main import main
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


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", "S.toml"), "Erreur : l'option --out manque."),
        (("run",), "Erreur : l'argument STUDY.toml manque."),
        (("runn",), "Erreur : la commande runn n'existe pas."),
        (("sample", "--outt", "x"), "Erreur : l'option --outt n'existe pas."),
        (("check", "x.duckdb", "--threads", "a"), "un nombre entier est attendu."),
        (("check", "x.duckdb", "--today", "hier"), "une date AAAA-MM-JJ est attendue, trouvé hier."),
        (("--lang", "de", "check", "x"), "Erreur : valeur impossible pour --lang : de (fr, en)"),
        (("run", "S.toml", "--out", ""), "Erreur : un des mots de la commande est vide"),
    ],
)
def test_a_misspelt_command_is_answered_in_french_and_writes_nothing(
    words: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as left:
        main(list(words))
    told = capfd.readouterr()
    assert (left.value.code, told.out) == (2, "")
    assert said in told.err
    assert not re.search(r"Usage: |Error: |Try '|Missing|Invalid|[{}]", told.err)
    assert list(tmp_path.iterdir()) == []


def test_the_help_of_a_command_is_french_throughout_and_its_arguments_are_no_choices(capfd) -> None:
    with pytest.raises(SystemExit) as left:
        main(["quality", "--help"])
    told = capfd.readouterr()
    assert (left.value.code, told.err) == (0, "")
    assert told.out.startswith("Usage : rnc-epi quality [OPTIONS] EXTRACT\n")
    assert "Afficher cette aide et terminer." in told.out
    assert "[par défaut : fr]" in told.out
    assert not re.search(r"Usage: |Options:|Show this|\[default|\[required|[{}]", told.out)
    # Every option says what it is for.
    assert not re.search(r"^  --[\w-]+ <\w+> *$", told.out, flags=re.MULTILINE)


@pytest.mark.parametrize("where", [".", "no/such/folder/q.csv"])
def test_a_table_that_cannot_be_written_is_refused_before_the_extract_is_opened(
    where: str, tmp_path: Path, capfd
) -> None:
    with pytest.raises(SystemExit) as left:
        main(["quality", str(tmp_path / "absent.duckdb"), "--csv", str(tmp_path / where)])
    assert left.value.code == 7
    assert capfd.readouterr().err.startswith("F004")


def test_english_stays_the_english_of_the_library(capfd) -> None:
    with pytest.raises(SystemExit):
        main(["--lang", "en", "run", "S.toml"])
    assert "Error: Missing option '--out'." in capfd.readouterr().err


def test_an_interrupted_command_says_so_and_has_the_code_of_an_interruption(monkeypatch, capfd) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("rnc_epi.extracts.check_report.check_extract", stopped)
    with pytest.raises(SystemExit) as left:
        main(["check", "x.duckdb", "--quiet"])
    assert left.value.code == 130
    assert capfd.readouterr().err.strip() == "Interrompu : rien n'a été publié."


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of a POSIX shell")
@pytest.mark.parametrize("words", [("check", "absent.duckdb"), ("run", "--help")])
def test_a_reader_that_left_is_no_fault_of_the_program(words: tuple[str, ...], tmp_path: Path) -> None:
    done = subprocess.Popen(
        [sys.executable, "-m", "rnc_epi", *words], cwd=tmp_path,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert done.stdout is not None
    done.stdout.close()
    assert done.stderr is not None
    told = done.stderr.read()
    done.stderr.close()
    assert (done.wait(timeout=120), told) == (141, "")


def test_an_export_goes_to_no_file_and_no_public_folder_and_leaves_nothing_where_it_fails(
    tmp_path: Path,
) -> None:
    extract = write_extract(tmp_path / "x.duckdb", minimal_tables())
    public = tmp_path / "releases" / "rnc-1"
    public.mkdir(parents=True)
    (public / "MANIFEST.json").write_text("{}")
    for out, code in ((extract, "R018"), (public, "R017"), (public.parent / "new", "R017")):
        done = call("export", str(extract), "--out", str(out))
        assert (done.returncode, done.stderr[:4]) == (7, code)
    done = call("import", "csv", str(extract), "--out", str(public / "y.duckdb"))
    assert (done.returncode, done.stderr[:4]) == (7, "R017")
    assert call("export", str(tmp_path / "absent.duckdb"), "--out", str(tmp_path / "o")).returncode == 7
    assert sorted(path.name for path in tmp_path.iterdir()) == ["releases", "x.duckdb"]
    assert [path.name for path in public.iterdir()] == ["MANIFEST.json"]


def test_too_little_memory_is_not_a_damaged_extract(tmp_path: Path) -> None:
    extract = write_extract(tmp_path / "x.duckdb", minimal_tables())
    done = call("check", str(extract), "--memory-limit", "1KB")
    assert done.returncode == 7
    assert "D128" in done.stdout
