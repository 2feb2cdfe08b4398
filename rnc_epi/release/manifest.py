"""The manifest of a release: what it is, what made it, and the hash of every file."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from rnc_epi import __version__
from rnc_epi.vocabulary.policy import Policy
from rnc_epi.vocabulary.schemas import SCHEMA_VERSION

MANIFEST: Final = "MANIFEST.json"
APPROVAL: Final = "APPROVAL.json"
#: Packages whose versions decide numbers or bytes.
_PACKAGES: Final = ("duckdb", "numpy", "numba", "pandas", "pyarrow", "scipy", "shapely")


def release_id(extract_hash: str, parameters: Mapping[str, Any], policy_fingerprint: str) -> str:
    """Return the name of a release: the same inputs have the same name.

    Examples
    --------
    >>> release_id("e", {"a": 1}, "p") == release_id("e", {"a": 1}, "p")
    True
    >>> release_id("e", {"a": 1}, "p") == release_id("e", {"a": 2}, "p")
    False
    """
    stated = {
        "extract": extract_hash,
        "parameters": parameters,
        "policy": policy_fingerprint,
        "package": __version__,
        "result_schema": SCHEMA_VERSION,
    }
    return "rnc-" + hashlib.sha256(_canonical(stated)).hexdigest()[:12]


def manifest_bytes(
    identity: str, facts: Mapping[str, Any], policy: Policy, files: Mapping[str, bytes]
) -> bytes:
    """Return the manifest of the files of a release."""
    stated = {
        "manifest_schema": 1,
        "release_id": identity,
        "package": {"name": "rnc_epi", "version": __version__},
        "result_schema": SCHEMA_VERSION,
        "extract_hash": facts["extract_fingerprint"],
        "parameters": facts["parameters"],
        "seed": facts.get("seed"),
        "policy": {
            "name": policy.name,
            "threshold": policy.threshold,
            "source_thresholds": dict(sorted(policy.source_thresholds.items())),
            "fingerprint": policy.fingerprint(),
        },
        "made_with": {
            "python": platform.python_version(),
            "platform": f"{platform.system()} {platform.machine()}",
            "packages": {name: _installed(name) for name in _PACKAGES},
        },
        "files": {name: file_facts(name, files[name]) for name in sorted(files)},
    }
    return pretty(stated)


def file_facts(name: str, data: bytes) -> dict[str, Any]:
    """Return the hash, the size and, of a table, the rows of a file."""
    return {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data), "rows": rows_of(name, data)}


def rows_of(name: str, data: bytes) -> int | None:
    """Return the rows of a table file, its header apart; None for what is not a table."""
    if name.endswith(".csv"):
        return max(0, sum(1 for _ in csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""))) - 1)
    if name.endswith(".parquet"):
        import pyarrow.parquet as pq

        return int(pq.ParquetFile(io.BytesIO(data)).metadata.num_rows)
    if name.endswith(".geojson"):
        return len(json.loads(data)["features"])
    return None


def pretty(stated: Mapping[str, Any]) -> bytes:
    """Return JSON that people read, sorted, the same at each run."""
    return (json.dumps(stated, sort_keys=True, ensure_ascii=False, indent=2) + "\n").encode()


def _canonical(stated: Mapping[str, Any]) -> bytes:
    return json.dumps(stated, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
