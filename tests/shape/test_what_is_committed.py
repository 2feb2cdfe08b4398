"""No machine path, no index address, no names that say nothing, no data beyond what is allowed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

SKIPPED = {".git", ".venv", "dist", "build", "out", "__pycache__", ".hypothesis", ".ipynb_checkpoints"}
SKIPPED |= {".ruff_cache", ".mypy_cache", ".import_linter_cache", ".pytest_cache", "staged"}
TEXTS = {".py", ".toml", ".md", ".sql", ".lock", ".cff", ".ipynb", ".csv", ".json", ".yml", ".txt", ""}
#: Together at most 15 MB, no file over 8 MB.
LARGEST_FILE, ALL_DATA = 8_000_000, 15_000_000


def files(root: Path) -> Iterator[Path]:
    for path in sorted(root.rglob("*")):
        if path.is_file() and not SKIPPED.intersection(path.relative_to(root).parts):
            yield path


def test_no_machine_path_and_no_package_address_is_written_anywhere(project_root: Path) -> None:
    roots = "|".join(("work", "root", "farm"))
    forbidden = re.compile(
        rf"(^|[^A-Za-z0-9_./-])/({roots})/|https?://[^ ]+\.(whl|tar\.gz|tgz)|--(extra-)?index-url"
    )
    found = []
    for path in files(project_root):
        if path.suffix in TEXTS and path.name != Path(__file__).name:
            for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
                if forbidden.search(line):
                    found.append(f"{path.relative_to(project_root)}:{number}")
    assert found == []


def test_modules_are_named_after_a_subject(project_root: Path) -> None:
    empty_names = {"utils", "util", "helpers", "helper", "misc", "common", "base", "core", "tools", "v2"}
    assert [p.name for p in files(project_root / "rnc_epi") if p.stem in empty_names] == []


def test_data_stay_within_their_limits(project_root: Path) -> None:
    data = {".duckdb", ".parquet", ".csv", ".gz", ".geojson", ".npz", ".json"}
    sizes = {path: path.stat().st_size for path in files(project_root) if path.suffix in data}
    assert max(sizes.values()) <= LARGEST_FILE
    assert sum(sizes.values()) <= ALL_DATA


def test_the_lock_names_versions_and_hashes_and_no_address(project_root: Path) -> None:
    lines = (project_root / "requirements.lock").read_text().splitlines()
    pinned = [line for line in lines if line and not line.startswith((" ", "#"))]
    assert len(pinned) > 100
    assert all(re.match(r"[a-z0-9][a-z0-9._-]*(\[[a-z,]+\])?==[0-9]", line) for line in pinned)
    assert sum("--hash=sha256:" in line for line in lines) >= len(pinned)
