"""The synthetic extract: shaped like the national registry, true to published rates, of no real patient."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from rnc_epi.extracts.sample.defects import Defects
from rnc_epi.extracts.sample.extent import REGION, Extent, national_extent, regional_extent
from rnc_epi.extracts.sample.large import LargeSample, draw_sample
from rnc_epi.extracts.sample.own_geography import (
    OwnGeography,
    read_communes,
    read_neighbours,
    require_registry,
)
from rnc_epi.extracts.sample.small import SmallSample, small_sample
from rnc_epi.store.writing import write_extract
from rnc_epi.vocabulary.errors import FileProblem, InputError

SIZES: Final = ("small", "regional", "national")
#: Lowest level of the deaths of a large sample.
DEATH_LEVELS: Final = ("zone", "commune")


def make_sample(
    path: str | os.PathLike[str],
    *,
    size: str = "small",
    seed: int = 0,
    truth: str | os.PathLike[str] | None = None,
    region: str | None = None,
    deaths: str | None = None,
    defects: float = 0.0,
    refusals: bool = False,
    communes: str | os.PathLike[str] | None = None,
    neighbours: str | os.PathLike[str] | None = None,
) -> Path:
    """Write a synthetic extract, and its truth beside it.

    Parameters
    ----------
    path : path
        DuckDB file to write.
    size : {"small", "regional", "national"}
        ``small``: individual tumours of three registry départements over five years, cells of the other
        registries; deaths, proxies and person-years of every département, deaths of some sites by zone.
        ``regional``: one région by commune over ten years, with deprivation, cases identified in SNDS, their
        links, and proxies. ``national``: the same of every département over twenty years.
    seed : int
        Zero or more; the same seed gives the same content.
    truth : path, optional
        Where to write what is true and stands nowhere in the extract, ``quantity, site, sex, geo_level,
        geo_code, year, value``: CSV or Parquet by the ending of the name, and by default
        ``NAME_truth.parquet`` beside the extract.
    region : str, optional
        Code of the région of a regional sample; Nouvelle-Aquitaine by default.
    deaths : {"zone", "commune"}, optional
        Lowest level of the deaths of a large sample: zones by year (the default), or communes by five years
        beside them. With communes of one's own they are always by commune.
    defects : float
        Share of the rows of persons and of cells that get a defect of the catalogue that sets a row aside,
        is read otherwise, or only warned of. Which row has which is written in ``NAME_defects.parquet``:
        ``table, key, code, fate, column, rows``. Above half a per cent the contract refuses the extract, as
        it should.
    refusals : bool
        Whether there are also defects for which the contract refuses an extract, in every table: rows twice,
        negative counts, impossible ages, unknown codes, person-years that are missing, a year of a registry
        that is not there, coverage that contradicts itself.
    communes : path, optional
        A user's table of communes (CSV: `own_geography.COLUMNS`) that takes the place of the synthetic zones
        and communes of a regional or national sample.
    neighbours : path, optional
        Which of these communes touch (CSV: ``commune_a, commune_b``); without it only départements have
        neighbours.

    Raises
    ------
    InputError
        M004, a rate of defects that is no share, a seed below zero; M005, an unknown size or level of deaths,
        a région without registry, or one for another size than ``regional``, communes or a level of deaths
        for a small sample, neighbours without communes, refusals without a rate; G002, G003 and G011, tables
        of communes or neighbours that cannot be used.
    FileProblem
        F001, the file or the one named for the truth exists; F004, one of them cannot be written; G001, the
        table of communes cannot be read.
    """
    if size not in SIZES:
        raise InputError("M005", what="size", found=size, expected=", ".join(SIZES))
    if region is not None and size != "regional":
        raise InputError("M005", what="size", found=f"{size} + region {region}", expected="regional")
    if (communes is not None and size == "small") or (neighbours is not None and communes is None):
        raise InputError("M005", what="size", found=f"{size} + geography", expected="regional, national")
    if deaths is not None and (size == "small" or deaths not in DEATH_LEVELS):
        raise InputError("M005", what="deaths", found=f"{size} + {deaths}", expected=", ".join(DEATH_LEVELS))
    if seed < 0:
        raise InputError("M004", what="seed", expected="[0, ∞[", found=seed)
    planted = Defects(defects, seed, refusals)
    if refusals and not defects:
        raise InputError("M004", what="defects", expected="]0, 1]", found=defects)
    for target in (path, truth):
        # Said before the minutes that drawing takes. The truth of the default name goes with its extract.
        if target is not None and Path(target).exists():
            raise FileProblem("F001", where=Path(target).name)
    own = None if communes is None else _own(communes, neighbours)
    extent = national_extent() if size == "national" else regional_extent(region or REGION)
    if own is not None and communes is not None:
        require_registry(own, extent, Path(communes).name)
    _require_writable(Path(path))
    sample: SmallSample | LargeSample
    if size == "small":
        sample = small_sample(seed)
    else:
        sample = draw_sample(extent, seed, own, deaths=deaths or DEATH_LEVELS[0])
    return write_sample(path, sample, truth, planted, compact=size == "small" and not defects)


def _require_writable(path: Path) -> None:
    """Refuse a file that cannot be written, before the minutes that drawing takes."""
    probe = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except (OSError, ValueError) as problem:
        raise FileProblem("F004", where=path.name, found=type(problem).__name__) from problem


def _own(communes: str | os.PathLike[str], neighbours: str | os.PathLike[str] | None) -> OwnGeography:
    table = read_communes(communes)
    return OwnGeography(table, None if neighbours is None else read_neighbours(neighbours, table))


def write_large_sample(
    path: str | os.PathLike[str],
    extent: Extent,
    *,
    seed: int = 0,
    truth: str | os.PathLike[str] | None = None,
    own: OwnGeography | None = None,
    deaths: str = "zone",
) -> Path:
    """Write the part of the synthetic nation that an extent describes, and its truth beside it.

    Raises
    ------
    FileProblem
        F001, the file exists.
    """
    if Path(path).exists():
        raise FileProblem("F001", where=Path(path).name)
    return write_sample(path, draw_sample(extent, seed, own, deaths=deaths), truth, Defects(0.0, seed))


def write_sample(
    path: str | os.PathLike[str],
    sample: SmallSample | LargeSample,
    truth: str | os.PathLike[str] | None,
    defects: Defects,
    *,
    compact: bool = False,
) -> Path:
    """Write a sample that is drawn, its truth and the list of its defects.

    Parameters
    ----------
    truth : path or None
        As `make_sample`.
    defects : Defects
        What is planted on the way to the file.
    compact : bool
        Whether to use the smallest types, for a file that travels.

    Raises
    ------
    FileProblem
        F001, the file exists; F004, it or its truth cannot be written: neither is left.
    """
    written = write_extract(path, defects.spoil_all(sample.tables), compact=compact)
    target = Path(truth) if truth is not None else written.with_name(f"{written.stem}_truth.parquet")
    planted = written.with_name(f"{written.stem}_defects.parquet")
    try:
        # What an extract of the same name had before is not true of this one.
        planted.unlink(missing_ok=True)
        if target.suffix == ".csv":
            sample.truth.to_csv(target, index=False, lineterminator="\n", float_format="%.10g")
        else:
            sample.truth.to_parquet(target, index=False, compression="zstd")
        if defects.rate > 0:
            defects.truth().to_parquet(planted, index=False)
    except OSError as problem:
        # Without its truth a sample is no sample.
        for file in (written, target, planted):
            file.unlink(missing_ok=True)
        raise FileProblem("F004", where=target.name, found=type(problem).__name__) from problem
    return written
