"""Folders written whole or not at all: beside, forced to the disk, then renamed."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from rnc_epi.vocabulary.errors import FileProblem


def write_folder(target: Path, files: Mapping[str, bytes], *, mode: int = 0o755) -> None:
    """Write a folder of files as one step: readers see all of it or nothing.

    Raises
    ------
    FileProblem
        ``R010`` the folder exists, ``R016`` the disk refuses.
    """
    if target.exists():
        raise FileProblem("R010", where=target.name)
    beside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if beside.exists():
            shutil.rmtree(beside)
        beside.mkdir(mode=mode)
        for name in sorted(files):
            with (beside / name).open("wb") as file:
                file.write(files[name])
                file.flush()
                os.fsync(file.fileno())
        force(beside)
        beside.rename(target)
        force(target.parent)
    except OSError as problem:
        shutil.rmtree(beside, ignore_errors=True)
        raise FileProblem(
            "R016", where=target.name, found=problem.strerror or type(problem).__name__
        ) from None
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise


def require_output_folder(out: Path) -> None:
    """Refuse a folder that cannot take the results of a run, before anything is computed.

    Raises
    ------
    FileProblem
        ``R017`` it lies within the public zone, where full figures must not be written; ``R018`` it is a
        file, or lies below one; ``R016`` it cannot be written to.
    """
    place = Path(out).resolve()
    for folder in (place, *place.parents):
        public = folder.name in ("releases", "staged") and any(folder.glob("*/MANIFEST.json"))
        if public or (folder / "MANIFEST.json").is_file():
            raise FileProblem("R017", where=str(out))
    existing = next(folder for folder in (place, *place.parents) if folder.exists())
    if not existing.is_dir():
        raise FileProblem("R018", where=str(out), found=existing.name)
    if not os.access(existing, os.W_OK | os.X_OK):
        raise FileProblem("R016", where=str(out), found=os.strerror(errno.EACCES))


def read_folder(folder: Path) -> dict[str, bytes]:
    """Return every file of a flat folder by name."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


def force(folder: Path) -> None:
    """Force the entries of a folder to the disk, where the system can."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
