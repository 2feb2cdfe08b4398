"""What users see: public names, a quick import, the wheel that the tests run against."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import rnc_epi


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


def test_the_tests_run_against_the_installed_wheel_where_that_is_asked(project_root: Path) -> None:
    if os.environ.get("RNC_EPI_TEST_WHEEL"):
        assert project_root not in Path(rnc_epi.__file__).resolve().parents or ".venv" in rnc_epi.__file__
