"""The command `sample` as it is typed: help, refusals with a code, nothing left behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnc_epi.cli.main import main


def typed(*words: str) -> int:
    """Return the exit code of the command."""
    with pytest.raises(SystemExit) as left:
        main(["sample", *words])
    return int(left.value.code or 0)


@pytest.mark.parametrize(("language", "word"), [("fr", "décès"), ("en", "deaths")])
def test_the_help_names_every_option_in_the_language_asked_for(
    capsys: pytest.CaptureFixture[str], language: str, word: str
) -> None:
    assert typed("--help", "--lang", language) == 0
    shown = capsys.readouterr().out
    for option in ("--size", "--seed", "--region", "--deaths", "--defects", "--refusals", "--geography"):
        assert option in shown
    assert word in shown.lower()


COMMUNES = "commune,name,epci,departement,population,x_lambert93_m,y_lambert93_m"
ODD = {
    "a negative rate": (("--defects", "-0.1"), "M004"),
    "a rate above one": (("--defects", "7"), "M004"),
    "a rate that is no number": (("--defects", "nan"), "M004"),
    "a seed below zero": (("--seed", "-1"), "M004"),
    "refusals of nothing": (("--refusals",), "M004"),
    "an unknown size": (("--size", "gigantic"), "M005"),
    "an unknown region": (("--size", "regional", "--region", "00"), "M005"),
    "a region without registry": (("--size", "regional", "--region", "94"), "M005"),
    "a region of the nation": (("--size", "national", "--region", "75"), "M005"),
    "deaths by commune of the small sample": (("--deaths", "commune"), "M005"),
    "deaths by street": (("--size", "regional", "--deaths", "street"), "M005"),
    "a geography for the small sample": (("--geography", "{folder}/c.csv"), "M005"),
    "neighbours of nobody": (("--size", "regional", "--neighbours", "{folder}/c.csv"), "M005"),
    "a geography that is not there": (("--size", "regional", "--geography", "{folder}/none.csv"), "G001"),
    "a geography that is a folder": (("--size", "regional", "--geography", "{folder}"), "G001"),
    "a geography without a column": (("--size", "regional", "--geography", "{folder}/c.csv"), "G002"),
}


@pytest.mark.parametrize(("words", "code"), ODD.values(), ids=ODD.keys())
@pytest.mark.parametrize("language", ["fr", "en"])
def test_odd_arguments_get_a_code_and_no_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: str, language: str
) -> None:
    (tmp_path / "c.csv").write_text(f"{COMMUNES}\n14001,A,E,14,100,1,1\n", encoding="utf-8")
    out = tmp_path / "out" / "s.duckdb"
    given = [word.format(folder=tmp_path) for word in words]
    assert typed("--out", str(out), "--lang", language, *given) not in (0, 1)
    shown = capsys.readouterr()
    assert code in shown.err
    assert "Traceback" not in shown.err + shown.out
    assert not out.parent.exists()


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="a folder in which nobody may write")
def test_a_folder_in_which_nobody_may_write_is_said_before_anything_is_drawn(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def drawn(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr("rnc_epi.extracts.sample.draw_sample", drawn)
    assert typed("--out", "/proc/s.duckdb", "--size", "national") not in (0, 1)
    assert "F004" in capsys.readouterr().err


@pytest.mark.parametrize("size", ["small", "national"])
def test_a_file_that_cannot_be_written_is_said_before_anything_is_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], size: str
) -> None:
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    assert typed("--out", str(tmp_path / "file" / "s.duckdb"), "--size", size) not in (0, 1)
    assert "F004" in capsys.readouterr().err
    assert (tmp_path / "file").read_text(encoding="utf-8") == "no folder"
