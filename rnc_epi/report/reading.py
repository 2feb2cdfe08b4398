"""From the folder of a release to its content; anything that is not a release is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from rnc_epi.report.content import Content, Source
from rnc_epi.vocabulary.errors import DisclosureRefused, FileProblem
from rnc_epi.vocabulary.release_files import read_release
from rnc_epi.vocabulary.schemas import PUBLIC_STATUSES

if TYPE_CHECKING:
    import geopandas as gpd


def open_content(path: str | Path) -> Content:
    """Return the content of a release, or of the current release of an output folder.

    Parameters
    ----------
    path : path
        Folder of a release, or the output folder whose ``current`` it is.

    Returns
    -------
    Content
        All that the report is drawn from: published figures, areas, outlines, metadata.

    Raises
    ------
    FileProblem
        ``T001``: a file, such as an extract, or a folder of the internal zone, which holds full figures;
        ``R015``: no release; ``R030``: a release that cannot be read.
    DisclosureRefused
        ``T002``: rows that did not go through disclosure control.

    Examples
    --------
    An extract is no release:

    >>> from rnc_epi.extracts.embedded import embedded_sample
    >>> try:
    ...     open_content(embedded_sample())
    ... except FileProblem as problem:
    ...     problem.code
    'T001'
    """
    given = Path(path)
    if given.is_file() or "internal" in given.resolve().parts[-2:]:
        raise FileProblem("T001", where=given.name)
    release = read_release(given)
    unknown = sorted(set(release.indicators["status"]) - set(PUBLIC_STATUSES))
    if unknown:
        raise DisclosureRefused("T002", found=", ".join(unknown))
    notices = release.metadata["notices"]
    return Content(
        title=str(release.metadata["title"]),
        release_id=release.release_id,
        version=str(release.manifest["package"]["version"]),
        results=release.indicators,
        areas=release.areas,
        outlines=read_outlines(release.outlines) if release.outlines is not None else None,
        sources=tuple(
            Source(
                **{
                    **source,
                    "altered": source["altered"] or "",
                    "definition_break_years": tuple(source["definition_break_years"]),
                }
            )
            for source in release.metadata["sources"]
        ),
        hierarchy=release.hierarchy,
        disclosure=release.metadata["disclosure"],
        lifts=tuple(notices["lifts"]),
        notices={name: notices[name] for name in ("outlines", "hidden", "ages_not_published")},
        standards={entry["name"]: entry for entry in release.metadata["standards"]},
        dictionary={
            language: {
                (row["column"], row["code"]): (row["label"], row["definition"])
                for row in table.to_dict("records")
            }
            for language, table in release.dictionary.items()
        },
        accounting=release.accounting,
    )


def read_outlines(file: Path) -> gpd.GeoDataFrame:
    """Return the outlines of a release, for display only."""
    import geopandas as gpd
    import shapely

    features = json.loads(file.read_text(encoding="utf-8"))["features"]
    geometry = shapely.from_geojson([json.dumps(feature["geometry"]) for feature in features])
    return gpd.GeoDataFrame([feature["properties"] for feature in features], geometry=geometry)
