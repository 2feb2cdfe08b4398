"""Where the embedded sample lies: in the installed package, or in the checkout that it was installed from."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from rnc_epi.vocabulary.errors import FileProblem

SAMPLE: Final = "rnc_sample.duckdb"


def embedded_sample() -> Path:
    """Return the path of the embedded synthetic extract.

    Returns
    -------
    Path
        A ``.duckdb`` file of invented persons, read-only in an installation.

    Raises
    ------
    FileProblem
        D001, the installation lacks it.

    Examples
    --------
    >>> embedded_sample().name
    'rnc_sample.duckdb'
    """
    room = Path(__file__).resolve().parent
    for candidate in (room / "embedded" / SAMPLE, room.parents[1] / "data_samples" / SAMPLE):
        if candidate.is_file():
            return candidate
    raise FileProblem("D001", where=SAMPLE)
