"""Prove that the tests can fail: apply each listed mutation to a copy of the package and expect a failure.

Run it as ``python tests/mutations/run.py [LIST.toml …]``; without arguments every list beside this file runs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def survivors(lists: list[Path]) -> list[str]:
    """Return a line for each mutation that its tests did not notice, or that could not be applied."""
    failures = []
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "project"
        shutil.copytree(
            ROOT,
            copy,
            ignore=shutil.ignore_patterns(".venv", ".git", "dist", "out", "__pycache__", ".*_cache"),
        )
        shared = Path(os.environ.get("RNC_EPI_SHARED", ROOT.parent / "shared")).resolve()
        environment = {**os.environ, "PYTHONPATH": str(copy), "RNC_EPI_SHARED": str(shared)}
        environment.pop("RNC_EPI_TEST_WHEEL", None)
        for listed in lists:
            for number, mutation in enumerate(tomllib.loads(listed.read_text())["mutation"], start=1):
                name = f"{listed.stem} {number} ({mutation['why']})"
                target = copy / mutation["file"]
                original = target.read_text()
                if original.count(mutation["find"]) != 1:
                    failures.append(f"{name}: the text to replace is not there exactly once")
                    continue
                target.write_text(original.replace(mutation["find"], mutation["replace"]))
                try:
                    done = subprocess.run(
                        [sys.executable, "-m", "pytest", "-q", "-x", *mutation["tests"]],
                        cwd=copy, env=environment, capture_output=True, text=True, check=False,
                    )  # fmt: skip
                finally:
                    target.write_text(original)
                noticed = done.returncode == 1
                print(f"{'noticed ' if noticed else 'SURVIVED'}  {name}", flush=True)
                if not noticed:
                    failures.append(f"{name}: pytest exit {done.returncode}")
    return failures


if __name__ == "__main__":
    chosen = [Path(argument) for argument in sys.argv[1:]] or sorted(Path(__file__).parent.glob("*.toml"))
    left = survivors(chosen)
    print(f"{len(left)} mutation(s) unnoticed")
    for line in left:
        print("  " + line)
    sys.exit(1 if left else 0)
