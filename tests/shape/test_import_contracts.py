"""The walls of the house hold: each import contract is kept, and fails when an import breaks it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def lint_imports(project: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(project)}
    command = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command; lint_imports_command()",
    ]
    return subprocess.run(
        [*command, "--no-cache"], cwd=project, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, project_root: Path) -> Path:
    copy = tmp_path_factory.mktemp("project")
    shutil.copytree(project_root / "rnc_epi", copy / "rnc_epi", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(project_root / "pyproject.toml", copy)
    return copy


def test_every_contract_is_kept(project: Path) -> None:
    done = lint_imports(project)
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("maths/standardise.py", "import rnc_epi.cells.table", "imports run one way"),
        ("indicators/rates.py", "import rnc_epi.disclosure.protect", "imports run one way"),
        ("maths/standardise.py", "import pandas", "formulas and words"),
        ("indicators/rates.py", "import duckdb", "only the store opens a database"),
        ("report/texts.py", "import rnc_epi.store.connection", "only extracts and cells reach the store"),
        ("indicators/rates.py", "import matplotlib", "only the report draws"),
        ("attack/__init__.py", "import rnc_epi.maths.standardise", "the attacker knows the words"),
    ],
)
def test_an_import_through_a_wall_breaks_its_contract(
    project: Path, module: str, line: str, contract: str
) -> None:
    target = project / "rnc_epi" / module
    original = target.read_text()
    target.write_text(original + f"\n{line}\n")
    try:
        done = lint_imports(project)
    finally:
        target.write_text(original)
    assert done.returncode != 0
    assert contract in done.stdout.partition("Broken contracts")[2], done.stdout[-2000:]
