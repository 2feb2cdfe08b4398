"""The synthetic extract: shaped like the national registry, true to published rates, of no real patient."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import pandas as pd

from rnc_epi.extracts.sample.extent import Extent, national_extent, regional_extent
from rnc_epi.extracts.sample.large import draw_sample
from rnc_epi.extracts.sample.small import small_sample
from rnc_epi.store.writing import write_extract
from rnc_epi.vocabulary.errors import FileProblem, InputError

SIZES: Final = ("small", "regional", "national")


def make_sample(
    path: str | os.PathLike[str],
    *,
    size: str = "small",
    seed: int = 0,
    truth: str | os.PathLike[str] | None = None,
) -> Path:
    """Write a synthetic extract, and its truth if a path is given for it.

    Parameters
    ----------
    path : path
        DuckDB file to write.
    size : {"small", "regional", "national"}
        ``small``: individual tumours of three registry départements over five years, cells of the other
        registries; deaths, proxies and person-years of every département, deaths of some sites by zone.
        ``regional``: one région by zone over ten years, with deprivation, cases identified in SNDS, their
        links, and proxies. ``national``: the same of every département over twenty years.
    seed : int
        The same seed gives the same content.
    truth : path, optional
        Where to write what is true and stands nowhere in the extract, ``quantity, site, sex, geo_level,
        geo_code, year, value``: CSV or Parquet by the ending of the name, and by default
        ``NAME_truth.parquet`` beside the extract.

    Raises
    ------
    InputError
        M005, an unknown size.
    FileProblem
        F001, the file exists.
    """
    if size not in SIZES:
        raise InputError("M005", what="size", found=size, expected=", ".join(SIZES))
    if size != "small":
        extent = national_extent() if size == "national" else regional_extent()
        return write_large_sample(path, extent, seed=seed, truth=truth)
    if Path(path).exists():
        raise FileProblem("F001", where=Path(path).name)
    sample = small_sample(seed)
    written = write_extract(path, sample.tables, compact=True)
    _write_truth(sample.truth, written, truth)
    return written


def write_large_sample(
    path: str | os.PathLike[str],
    extent: Extent,
    *,
    seed: int = 0,
    truth: str | os.PathLike[str] | None = None,
) -> Path:
    """Write the part of the synthetic nation that an extent describes, and its truth beside it.

    Raises
    ------
    FileProblem
        F001, the file exists.
    """
    if Path(path).exists():
        # Said before the minutes that drawing takes.
        raise FileProblem("F001", where=Path(path).name)
    sample = draw_sample(extent, seed)
    written = write_extract(path, sample.tables)
    _write_truth(sample.truth, written, truth)
    return written


def _write_truth(table: pd.DataFrame, written: Path, truth: str | os.PathLike[str] | None) -> None:
    target = Path(truth) if truth is not None else written.with_name(f"{written.stem}_truth.parquet")
    if target.suffix == ".csv":
        table.to_csv(target, index=False, lineterminator="\n", float_format="%.10g")
    else:
        table.to_parquet(target, index=False, compression="zstd")
