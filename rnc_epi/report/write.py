"""Write the annual report of a release: one HTML file and one PDF."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rnc_epi.report.html import report_html
from rnc_epi.report.pdf import report_pdf
from rnc_epi.report.reading import open_content
from rnc_epi.report.sections import report_sections
from rnc_epi.vocabulary.errors import LANGUAGES, FileProblem, InputError

#: Called with the name of a stage when it begins; what it returns is called when it ends.
Progress = Callable[[str], Callable[[], None]]


def write_report(
    release_path: str | Path,
    out: str | Path,
    *,
    language: str = "fr",
    progress: Progress | None = None,
) -> dict[str, Path]:
    """Write ``annual_report.html`` and ``annual_report.pdf`` from a release, and say where they lie.

    The same release gives the same bytes.

    Parameters
    ----------
    release_path : path
        A release, or an output folder with a current one; an extract or an internal folder is refused.
    out : path
        Folder to write in; made if it is not there. A report that stands there is replaced.
    language : {"fr", "en"}
    progress : callable, optional

    Returns
    -------
    dict
        ``html`` and ``pdf``, paths.

    Raises
    ------
    InputError
        M005, a language that the report is not written in.
    FileProblem
        T001, R015, R030: not a release, or not readable; T003: the folder cannot be written.
    DisclosureRefused
        T002: rows that did not go through disclosure control.

    Examples
    --------
    The report is written in French or English:

    >>> try:
    ...     write_report("no/such/release", "out", language="de")
    ... except InputError as problem:
    ...     problem.code
    'M005'
    """
    if language not in LANGUAGES:
        raise InputError("M005", what="language", found=language, expected=", ".join(LANGUAGES))
    folder = Path(out)
    written = {"html": folder / "annual_report.html", "pdf": folder / "annual_report.pdf"}
    content = open_content(release_path)
    try:
        # Before the work, so that a folder that cannot be written is known at once.
        folder.mkdir(parents=True, exist_ok=True)
        with _stage(progress, "html"):
            sections = report_sections(content, language)
            page = report_html(content, sections, language).encode("utf-8")
        with _stage(progress, "pdf"):
            document = report_pdf(content, sections, language)
        _replace(written["html"], page)
        _replace(written["pdf"], document)
    except OSError as problem:
        raise FileProblem("T003", where=str(out), found=problem.strerror or type(problem).__name__) from None
    return written


def _replace(file: Path, data: bytes) -> None:
    """Write a file beside, then rename it: whoever reads it sees the old one or the new one, whole."""
    beside = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        beside.write_bytes(data)
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def _stage(progress: Progress | None, name: str) -> Iterator[None]:
    end = progress(name) if progress is not None else None
    yield
    if end is not None:
        end()
