"""Recompute everything that a manifest says of a release."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnc_epi.release.manifest import APPROVAL, MANIFEST, file_facts, release_id
from rnc_epi.vocabulary.errors import FileProblem, VerificationFailed


@dataclass(frozen=True)
class Verification:
    """What was verified.

    Parameters
    ----------
    release_id : str
    files : int
        Files whose hash, size and rows agree with the manifest.
    approved_by : str or None
        None for a staged release.
    """

    release_id: str
    files: int
    approved_by: str | None


def verify(path: str | Path) -> Verification:
    """Verify a release, or the current release of an output folder.

    Parameters
    ----------
    path : path
        Folder of a release, staged or published, or the output folder whose ``current`` it is.

    Returns
    -------
    Verification
        Its number, the files that agree with the manifest, and who approved it.

    Raises
    ------
    FileProblem
        ``R015``, neither.
    VerificationFailed
        ``R020`` the manifest cannot be read, ``R021`` a file is missing, ``R022`` a file is not in the
        manifest, ``R023`` a file was changed, ``R024`` the name does not follow from the content,
        ``R025`` the approval is of another manifest.

    Examples
    --------
    >>> try:
    ...     verify("no/such/folder")
    ... except FileProblem as problem:
    ...     problem.code
    'R015'
    """
    folder = next(
        (place for place in (Path(path), Path(path) / "current") if (place / MANIFEST).is_file()), None
    )
    if folder is None:
        raise FileProblem("R015", where=str(path))
    folder = folder.resolve()
    manifest, manifest_hash = _manifest(folder)
    stated: dict[str, Any] = manifest["files"]
    present = {entry.name for entry in folder.iterdir()} - {MANIFEST, APPROVAL}
    for name in sorted(set(stated) - present):
        raise VerificationFailed("R021", where=name)
    for name in sorted(present - set(stated)):
        raise VerificationFailed("R022", where=name)
    for name in sorted(stated):
        data = (folder / name).read_bytes()
        # The hash comes first: rows are counted only in bytes that are those of the manifest.
        if (
            hashlib.sha256(data).hexdigest() != stated[name]["sha256"]
            or file_facts(name, data) != stated[name]
        ):
            raise VerificationFailed("R023", where=name)
    expected = release_id(manifest["extract_hash"], manifest["parameters"], manifest["policy"]["fingerprint"])
    if manifest["release_id"] != expected or folder.name != expected:
        raise VerificationFailed("R024", found=folder.name, expected=expected)
    approved_by = None
    if (folder / APPROVAL).exists():
        approved_by = _approved_by(folder, manifest_hash)
    return Verification(expected, len(stated), approved_by)


def _manifest(folder: Path) -> tuple[dict[str, Any], str]:
    data = (folder / MANIFEST).read_bytes()
    try:
        manifest = json.loads(data)
        complete = {"files", "extract_hash", "parameters", "policy", "release_id"} <= set(manifest)
    except (ValueError, TypeError):
        complete = False
    if not complete or not isinstance(manifest["files"], dict):
        raise VerificationFailed("R020")
    return manifest, hashlib.sha256(data).hexdigest()


def _approved_by(folder: Path, manifest_hash: str) -> str:
    try:
        approval = json.loads((folder / APPROVAL).read_bytes())
        agrees = approval["manifest_sha256"] == manifest_hash and approval["release_id"] == folder.name
        name = str(approval["approved_by"])
    except (ValueError, TypeError, KeyError):
        agrees = False
    if not agrees:
        raise VerificationFailed("R025")
    return name
