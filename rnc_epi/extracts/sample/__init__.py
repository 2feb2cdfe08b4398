"""The synthetic extract: shaped like the national registry, true to published rates, of no real patient."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from rnc_epi.extracts.sample.tables import sample_tables
from rnc_epi.extracts.sample.world import make_world, truth_table
from rnc_epi.store.writing import write_extract
from rnc_epi.vocabulary.errors import InputError

SIZES: Final = ("small",)
#: Years of the small sample.
YEARS: Final = (2016, 2017, 2018, 2019, 2020)


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
    size : {"small"}
        ``small``: individual tumours of three registry départements over five years, cells of the other
        registries, deaths and person-years of every département.
    seed : int
        The same seed gives the same content.
    truth : path, optional
        CSV of the true standardised rates, which the extract does not hold.

    Raises
    ------
    InputError
        M005, an unknown size.
    FileProblem
        F001, the file exists.
    """
    if size not in SIZES:
        raise InputError("M005", what="size", found=size, expected=", ".join(SIZES))
    world = make_world(seed, list(YEARS))
    written = write_extract(path, sample_tables(world, seed), compact=True)
    if truth is not None:
        truth_table(world).to_csv(truth, index=False, lineterminator="\n", float_format="%.6g")
    return written
