"""Which releases went out before: those of an output folder, and of the output folders beside it."""

from __future__ import annotations

import json
from pathlib import Path

from rnc_epi.release.manifest import MANIFEST


def released_before(out: str | Path, release_id: str) -> tuple[Path, ...]:
    """Return the published releases with which a new one will be read, each once, by name.

    A reader has them all. A study written to another output folder, under another standard or selection,
    speaks of the same persons: folders that lie beside this one are looked into as well.

    Parameters
    ----------
    out : path
        Output folder of the new release.
    release_id : str
        The new release, which is not its own predecessor.
    """
    root = Path(out).resolve()
    found: dict[str, Path] = {}
    for folder in (root, *sorted(place for place in root.parent.iterdir() if place.is_dir())):
        for manifest in sorted((folder / "releases").glob(f"*/{MANIFEST}")):
            try:
                name = str(json.loads(manifest.read_bytes())["release_id"])
            except (OSError, ValueError, KeyError, TypeError):
                # What cannot be read is no release; `verify` says so of a damaged one.
                continue
            found.setdefault(name, manifest.parent)
    found.pop(release_id, None)
    return tuple(found[name] for name in sorted(found))
