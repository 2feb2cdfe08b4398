"""Write a release to be approved, and the internal zone beside it."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from rnc_epi import __version__
from rnc_epi.release.bytes_check import check_csv, check_parquet
from rnc_epi.release.dictionary import dictionary
from rnc_epi.release.folders import read_folder, write_folder
from rnc_epi.release.manifest import MANIFEST, manifest_bytes, pretty, release_id
from rnc_epi.release.metadata import disclosure_facts
from rnc_epi.release.outlines import outlines_geojson
from rnc_epi.release.public_accounting import public_accounting
from rnc_epi.release.table_files import csv_bytes, parquet_bytes
from rnc_epi.release.words import words
from rnc_epi.vocabulary.areas import AreaKey
from rnc_epi.vocabulary.errors import DisclosureRefused, FileProblem
from rnc_epi.vocabulary.releasable import Releasable

if TYPE_CHECKING:
    import pandas as pd

    from rnc_epi.vocabulary.hierarchy import Hierarchy
    from rnc_epi.vocabulary.policy import Policy


class Account(Protocol):
    """What is kept internally of a protection."""

    def as_dict(self) -> dict[str, Any]:
        """Return it in a form that JSON holds."""


def stage(
    releasables: Sequence[Releasable],
    *,
    policy: Policy,
    metadata: Mapping[str, Any],
    hierarchy: Hierarchy,
    areas: pd.DataFrame,
    accounting: pd.DataFrame,
    manifest_facts: Mapping[str, Any],
    out: Path,
    internal_tables: Mapping[str, pd.DataFrame] | None = None,
    protection: Account | None = None,
    formats: Sequence[str] = ("csv", "parquet"),
) -> Path:
    """Write ``out/staged/<id>/`` and ``out/internal/<id>/``; return the first.

    Parameters
    ----------
    releasables : sequence of Releasable
        Made by disclosure control under `policy`.
    policy : Policy
        Checked again on the bytes.
    metadata : mapping
        As `release_metadata` returns it; the rules of disclosure and the additive relations among published
        sites and areas are added.
    hierarchy : Hierarchy
        Which sites and areas are parts of which.
    areas : DataFrame
        ``geo_level, geo_code, geo_vintage, name_fr, name_en`` and, where there are some, ``outline`` (WKB)
        and ``inset``.
    accounting : DataFrame
        The ledger of rows, in full; its public form is written.
    manifest_facts : mapping
        ``extract_fingerprint`` and ``parameters``; ``seed`` if there is one.
    out : Path
        Folder that holds ``staged/`` and ``internal/``.
    internal_tables : mapping, optional
        Full tables by name, for the internal zone (mode 0700).
    protection : Account, optional
        The report of disclosure control, for the internal zone.
    formats : sequence
        ``"csv"``, ``"parquet"``, or both.

    Returns
    -------
    Path
        ``out/staged/<id>``, for :func:`publish`.

    Raises
    ------
    DisclosureRefused
        ``R001`` to ``R007``, the bytes break the policy; ``R008``, not a Releasable of this policy.
    FileProblem
        ``R010``, the release exists with another content; ``R016``, the disk refuses.
    """
    for releasable in releasables:
        made = isinstance(releasable, Releasable) and releasable.policy_fingerprint == policy.fingerprint()
        if not made:
            raise DisclosureRefused("R008", where=getattr(releasable, "name", type(releasable).__name__))
    identity = release_id(
        str(manifest_facts["extract_fingerprint"]), manifest_facts["parameters"], policy.fingerprint()
    )
    files = _public_files(releasables, policy, metadata, hierarchy, areas, accounting, formats, identity)
    files[MANIFEST] = manifest_bytes(identity, manifest_facts, policy, files)
    target = Path(out) / "staged" / identity
    if not target.exists():
        write_folder(target, files)
    elif read_folder(target) != files:
        raise FileProblem("R010", where=target.name)
    _write_internal(Path(out) / "internal" / identity, internal_tables or {}, protection, accounting)
    return target


def _public_files(
    releasables: Sequence[Releasable],
    policy: Policy,
    metadata: Mapping[str, Any],
    hierarchy: Hierarchy,
    areas: pd.DataFrame,
    accounting: pd.DataFrame,
    formats: Sequence[str],
    identity: str,
) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for releasable in releasables:
        if "csv" in formats:
            data = csv_bytes(releasable.table)
            check_csv(data, policy)
            files[f"{releasable.name}.csv"] = data
        if "parquet" in formats:
            data = parquet_bytes(releasable.table)
            check_parquet(data, policy)
            files[f"{releasable.name}.parquet"] = data
    main = releasables[0].table
    keys = ["geo_level", "geo_code", "geo_vintage"]
    found = {tuple(row) for row in main[keys].drop_duplicates().itertuples(index=False, name=None)}
    here = [tuple(row) in found for row in areas[keys].itertuples(index=False, name=None)]
    published = areas[here].sort_values(keys, kind="stable").reset_index(drop=True)
    facts = dict(metadata) | {
        "disclosure": disclosure_facts(policy),
        "hierarchy": hierarchy.restricted_to(set(main["site"]), {AreaKey(*area) for area in found}).as_dict(),
    }
    files["metadata.json"] = pretty(facts)
    files["areas.csv"] = csv_bytes(published[[*keys, "name_fr", "name_en"]])
    files["accounting_public.csv"] = csv_bytes(public_accounting(accounting, policy))
    if "outline" in published and published["outline"].notna().any():
        files["outlines.geojson"] = outlines_geojson(published)
    for language in ("fr", "en"):
        files[f"dictionary_{language}.csv"] = csv_bytes(dictionary(main, facts, language), mark=True)
    listed = sorted([*files, MANIFEST])
    for language in ("fr", "en"):
        files[f"README_{language}.txt"] = _readme(facts, identity, language, listed)
    return files


def _readme(facts: Mapping[str, Any], identity: str, language: str, files: Sequence[str]) -> bytes:
    said = words()
    title = str(facts["title"])
    meanings = [(name, said["file"].get(name, {}).get(language, "")) for name in files]
    text: str = said["readme"][language].format(
        title=title,
        rule="=" * len(title),
        files="\n".join(f"{name:<22}{meaning}".rstrip() for name, meaning in meanings),
        release_id=identity,
        version=__version__,
        synthetic=said["readme_synthetic"][language] if facts.get("synthetic") else "",
    )
    return text.encode()


def _write_internal(
    target: Path, tables: Mapping[str, pd.DataFrame], protection: Account | None, accounting: pd.DataFrame
) -> None:
    """Write full figures for those who may see them; a new run replaces what an earlier one left."""
    files = {"accounting.csv": csv_bytes(accounting)}
    for name, table in tables.items():
        sink = io.BytesIO()
        table.to_parquet(sink, index=False)
        files[f"{name}.parquet"] = sink.getvalue()
    if protection is not None:
        files["protection.json"] = pretty(protection.as_dict())
    target.parent.mkdir(parents=True, exist_ok=True)
    os.chmod(target.parent, 0o700)
    if target.exists():
        shutil.rmtree(target)
    write_folder(target, files, mode=0o700)
