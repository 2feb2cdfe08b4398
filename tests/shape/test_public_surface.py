"""What users see: public names, a quick import, the wheel that the tests run against."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import rnc_epi
from tests.extract_builder import minimal_tables, write_extract

STUDY = """schema = 1
title = "Plain"
extract = "x.duckdb"
[select]
sites = ["pancreas"]
events = ["death"]
"""


def test_every_public_name_exists_and_is_marked_stable_or_experimental() -> None:
    for name in rnc_epi.__all__:
        assert getattr(rnc_epi, name) is not None
        assert (name in rnc_epi.STABLE) != (name in rnc_epi.EXPERIMENTAL)


def test_importing_the_package_loads_no_heavy_library() -> None:
    # A quarter of a second is the promise; a time would depend on the machine, what is loaded does not.
    heavy = "{'numpy','pandas','scipy','duckdb','matplotlib','geopandas','numba','pydantic','statsmodels'}"
    code = f"import sys, rnc_epi; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_run_without_chapters_loads_neither_their_rooms_nor_the_compiler(tmp_path: Path) -> None:
    write_extract(tmp_path / "x.duckdb", minimal_tables())
    (tmp_path / "study.toml").write_text(STUDY)
    heavy = "{'numba', 'rnc_epi.calibration', 'rnc_epi.smallarea', 'rnc_epi.inequality'}"
    code = (
        "import sys; from rnc_epi.cli import main\n"
        "try: main(['run', 'study.toml', '--out', 'out', '--quiet'])\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        f"print('rnc_epi.flow' in sys.modules, sorted({heavy} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines()[-1:] == ["True []"], done.stderr[-2000:]
    assert (tmp_path / "out" / "staged").is_dir()


def test_the_tests_run_against_the_installed_wheel_where_that_is_asked(project_root: Path) -> None:
    if os.environ.get("RNC_EPI_TEST_WHEEL"):
        assert project_root not in Path(rnc_epi.__file__).resolve().parents or ".venv" in rnc_epi.__file__
