"""Publish a staged release: a person approves it, and readers see the new one whole or the old one."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import Final

from rnc_epi.release.folders import force, read_folder, write_folder
from rnc_epi.release.manifest import APPROVAL, MANIFEST, pretty
from rnc_epi.release.verifying import verify
from rnc_epi.vocabulary.errors import FileProblem, StudyFileError

_READ_ONLY_FILE: Final = 0o444
_READ_ONLY_FOLDER: Final = 0o555
_LONGEST_NAME: Final = 200


def publish(out: str | Path, *, approve: str, release_id: str | None = None) -> Path:
    """Publish the staged release of a folder; return its folder under ``out/releases``.

    Parameters
    ----------
    out : path
        Folder that holds ``staged/``.
    approve : str
        Name of the person who approves; written in ``APPROVAL.json`` with the hash of the manifest.
    release_id : str, optional
        Which one, where several are staged.

    Returns
    -------
    Path
        ``out/releases/<id>``, read-only; ``out/current`` points to it.

    Raises
    ------
    FileProblem
        ``R011`` nothing is staged, ``R012`` several are, ``R013`` it is published with another content.
    StudyFileError
        ``R014``, nobody approves.
    VerificationFailed
        The staged files are not what their manifest says.

    Examples
    --------
    Nobody approves:

    >>> try:
    ...     publish("out", approve=" ")
    ... except StudyFileError as problem:
    ...     problem.code
    'R014'
    """
    root = Path(out)
    name = approve.strip()
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise StudyFileError("R014")
    staged = staged_release(root, release_id)
    verify(staged)
    files = read_folder(staged)
    target = root / "releases" / staged.name
    if not target.exists():
        manifest_hash = hashlib.sha256(files[MANIFEST]).hexdigest()
        approval = {"approved_by": name, "release_id": staged.name, "manifest_sha256": manifest_hash}
        write_folder(target, files | {APPROVAL: pretty(approval)})
        for file in target.iterdir():
            file.chmod(_READ_ONLY_FILE)
        target.chmod(_READ_ONLY_FOLDER)
    else:
        # Published before: the same content is a repetition, and who approved it first stands.
        before = read_folder(target)
        before.pop(APPROVAL, None)
        if before != files:
            raise FileProblem("R013", where=staged.name)
    _point(root, target)
    shutil.rmtree(staged)
    return target


def staged_release(root: Path, release_id: str | None = None) -> Path:
    """Return the folder of the staged release, or of one of several.

    Parameters
    ----------
    root : Path
        Folder that holds ``staged/``.
    release_id : str, optional
        Which one, where several are staged.

    Returns
    -------
    Path

    Raises
    ------
    FileProblem
        ``R011`` nothing is staged, ``R012`` several are.

    Examples
    --------
    >>> try:
    ...     staged_release(Path("no/such/folder"))
    ... except FileProblem as problem:
    ...     problem.code
    'R011'
    """
    folder = root / "staged"
    found = sorted(path for path in folder.glob("rnc-*") if path.is_dir()) if folder.is_dir() else []
    if release_id is not None:
        found = [path for path in found if path.name == release_id]
    if not found:
        raise FileProblem("R011", where=str(root))
    if len(found) > 1:
        raise FileProblem("R012", found=", ".join(path.name for path in found))
    return found[0]


def _point(root: Path, target: Path) -> None:
    """Make ``current`` name a release, in one step."""
    current, beside = root / "current", root / f".current.{os.getpid()}.tmp"
    beside.unlink(missing_ok=True)
    try:
        beside.symlink_to(Path("releases") / target.name, target_is_directory=True)
    except OSError:
        # Windows without the right to make links: a copy, which is whole but not swapped in one step.
        shutil.copytree(target, beside)
        if current.exists():
            shutil.rmtree(current)
    os.replace(beside, current)
    force(root)
