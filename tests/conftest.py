"""What every test may ask for: where the reference data lie, and a skip that says so without them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def shared_root() -> Path:
    """Return the folder of real data and reference results (``RNC_EPI_SHARED``, default ``../shared``)."""
    return Path(os.environ.get("RNC_EPI_SHARED", ROOT.parent / "shared"))


@pytest.fixture(scope="session")
def shared():
    """Return a function that gives a path under the reference folder, or skips with the reason."""
    root = shared_root()

    def path(relative: str) -> Path:
        found = root / relative
        if not found.exists():
            if os.environ.get("RNC_EPI_REQUIRE_SHARED"):
                pytest.fail(f"reference file {relative} is required and absent")
            pytest.skip(f"reference file {relative} is absent (RNC_EPI_SHARED)")
        return found

    return path


@pytest.fixture(scope="session")
def project_root() -> Path:
    """Return the folder of the checkout."""
    return ROOT
