"""Notebooks are what users open: they hold no output, define nothing, and run on a release."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from rnc_epi.main_jobs import released
from rnc_epi.release import verify
from rnc_epi.report import open_content
from rnc_epi.report.sections import SECTIONS
from tests.extract_builder import minimal_tables, write_extract
from tests.report_release import write_release

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))


def read(path):
    return nbformat.read(path, as_version=4)


#: The notebook that shows any release; the others make a release of their own, and have tests of their own.
OF_A_RELEASE = NOTEBOOKS[0].with_name("annual_report.ipynb")


def test_there_are_notebooks():
    names = ["annual_report.ipynb", "inequalities.ipynb", "small_areas.ipynb", "whole_country.ipynb"]
    assert [path.name for path in NOTEBOOKS] == names


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_holds_no_output_and_defines_no_function(path):
    for cell in read(path).cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None
            assert not any(line.startswith(("def ", "class ")) for line in cell.source.splitlines())


@pytest.mark.parametrize("path", [OF_A_RELEASE], ids=lambda path: path.stem)
def test_a_notebook_runs_on_a_release(path, tmp_path, monkeypatch):
    release = write_release(tmp_path / "out")
    monkeypatch.setenv("RNC_EPI_RELEASE", str(release))
    monkeypatch.setenv("RNC_EPI_LANGUAGE", "fr")
    notebook = read(path)
    NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()
    shown = [
        output.data
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == "execute_result"
    ]
    pages = [data["text/html"] for data in shown if "text/html" in data]
    assert sum("<section" in page for page in pages) == 8
    assert any("image/png" in data for data in shown)
    assert not any(
        "Traceback" in str(output) for cell in notebook.cells for output in cell.get("outputs", [])
    )
    assert os.environ["RNC_EPI_RELEASE"] == str(release)


def test_the_notebook_of_the_report_shows_every_section_of_the_report():
    shown = {cell.source for cell in read(OF_A_RELEASE).cells if cell.cell_type == "code"}
    for make in SECTIONS:
        assert f"report.{make.__name__}(content, LANGUAGE)" in shown


def test_an_extract_is_released_before_anything_is_drawn_from_it(tmp_path):
    extract = write_extract(tmp_path / "x.duckdb", minimal_tables())
    release = released(extract, tmp_path / "scratch")
    assert verify(release).approved_by
    assert released(release, tmp_path / "unused") == release
    assert not (tmp_path / "unused").exists()
    assert open_content(release).release_id == release.name
