"""Read a published release: what the report draws and what an attacker sees, and nothing else."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnc_epi.vocabulary.errors import FileProblem
from rnc_epi.vocabulary.hierarchy import Hierarchy
from rnc_epi.vocabulary.schemas import RESULT_COLUMNS, TEXT

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class ReleaseFiles:
    """A release as read.

    Parameters
    ----------
    path : Path
        Its folder.
    release_id : str
    indicators : DataFrame
        The one result table, in its types.
    areas : DataFrame
        ``geo_level, geo_code, geo_vintage, name_fr, name_en``.
    accounting : DataFrame
        The public row accounting; all text.
    metadata, manifest : dict
    dictionary : dict
        Language to DataFrame ``column, type, code, label, definition``.
    hierarchy : Hierarchy
    outlines : Path or None
        GeoJSON for display, if the release holds some.
    """

    path: Path
    release_id: str
    indicators: pd.DataFrame
    areas: pd.DataFrame
    accounting: pd.DataFrame
    metadata: dict[str, Any]
    manifest: dict[str, Any]
    dictionary: dict[str, pd.DataFrame]
    hierarchy: Hierarchy
    outlines: Path | None


def read_release(path: str | Path) -> ReleaseFiles:
    """Read a release, or the current release of an output folder.

    Parameters
    ----------
    path : path
        Folder of a release, or the output folder whose ``current`` it is.

    Returns
    -------
    ReleaseFiles
        Its tables (``indicators``, ``areas``, ``accounting``), ``metadata``, ``manifest`` and dictionaries.

    Raises
    ------
    FileProblem
        ``R015`` neither, ``R030`` a file of the release is missing or unreadable.

    Examples
    --------
    >>> try:
    ...     read_release("no/such/folder")
    ... except FileProblem as problem:
    ...     problem.code
    'R015'
    """
    import pandas as pd

    given = Path(path)
    folder = next(
        (place for place in (given, given / "current") if (place / "MANIFEST.json").is_file()), None
    )
    if folder is None:
        raise FileProblem("R015", where=str(path))
    folder = folder.resolve()
    try:
        manifest = json.loads((folder / "MANIFEST.json").read_text(encoding="utf-8"))
        metadata = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))
        outlines = folder / "outlines.geojson"
        return ReleaseFiles(
            path=folder,
            release_id=manifest["release_id"],
            indicators=read_results(folder),
            areas=_text_table(folder / "areas.csv", pd),
            accounting=_text_table(folder / "accounting_public.csv", pd),
            metadata=metadata,
            manifest=manifest,
            dictionary={
                language: _text_table(folder / f"dictionary_{language}.csv", pd) for language in ("fr", "en")
            },
            hierarchy=Hierarchy.from_dict(metadata.get("hierarchy", {})),
            outlines=outlines if outlines.is_file() else None,
        )
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise FileProblem("R030", where=folder.name, found=type(problem).__name__) from None


def read_results(folder: Path, name: str = "indicators") -> pd.DataFrame:
    """Return a result table of a release, from Parquet where there is one, else from CSV."""
    import pandas as pd

    if (folder / f"{name}.parquet").is_file():
        table = pd.read_parquet(folder / f"{name}.parquet")
    else:
        table = read_results_csv(folder / f"{name}.csv")
    return table.astype(RESULT_COLUMNS)


def read_results_csv(path: Path) -> pd.DataFrame:
    """Return a result table from CSV, in its types; only an empty cell is null."""
    import pandas as pd

    table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    for column, kind in RESULT_COLUMNS.items():
        if kind != TEXT:
            table[column] = pd.to_numeric(table[column].where(table[column] != "")).astype(kind)
    return table.astype(RESULT_COLUMNS)


def _text_table(path: Path, pd: Any) -> Any:
    return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
