"""What the pages at the root say is so: files they name, commands they show, the study they give."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from rnc_epi.cli.main import build_app
from rnc_epi.vocabulary.study import read_study

PAGES = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md")
COMMANDS = typer.main.get_command(build_app("en")).commands  # type: ignore[attr-defined]


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_a_page_names_exists(page: str, project_root: Path) -> None:
    text = (project_root / page).read_text(encoding="utf-8")
    named = re.findall(r"`([\w./]+(?:\.(?:py|md|toml|sql)|/))`", text) + re.findall(r"\]\(([\w./-]+)\)", text)
    assert named
    within = (project_root, project_root / "rnc_epi")
    # What a run writes is named too.
    written = {"internal/"}
    assert [name for name in named if not any((root / name).exists() for root in within)
            and name not in written] == []  # fmt: skip


def test_every_command_of_the_front_page_exists_with_its_options(project_root: Path) -> None:
    text = (project_root / "README.md").read_text(encoding="utf-8")
    shown = re.findall(r"rnc-epi ([a-z]+)([^\n`#]*)", text)
    assert {name for name, _ in shown} <= set(COMMANDS)
    for name, words in shown:
        options = {option for parameter in COMMANDS[name].params for option in parameter.opts}
        assert set(re.findall(r"--[a-z-]+", words)) <= options, name
    assert set(COMMANDS) - {name for name, _ in shown} <= {"real"}


def test_every_make_target_that_a_page_names_exists(project_root: Path) -> None:
    makefile = (project_root / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"(?m)^([a-z-]+):", makefile))
    for page in ("README.md", "CONTRIBUTING.md"):
        text = (project_root / page).read_text(encoding="utf-8")
        named = set(re.findall(r"(?m)(?:^|`)make ([a-z-]+)", text))
        assert named
        assert named <= targets


def test_the_study_of_the_front_page_is_read(tmp_path: Path, project_root: Path) -> None:
    text = (project_root / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```toml\n(.*?)```", text, re.S)
    (tmp_path / "study.toml").write_text(block, encoding="utf-8")
    study, extract = read_study(tmp_path / "study.toml")
    assert extract == tmp_path / "extract.duckdb"
    assert study.calibration is not None
    assert study.small_areas is not None
    assert study.inequality is not None
