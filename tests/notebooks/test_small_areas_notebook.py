"""The notebook of small areas runs on the embedded sample, and on the real map where it is there."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.conftest import shared_root

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "small_areas.ipynb"
#: Said wherever these numbers are shown (ruling 28).
NOTICE = "légèrement modifiées par leurs auteurs"


def executed(tmp_path, monkeypatch, shared: str):
    monkeypatch.setenv("RNC_EPI_SHARED", shared)
    monkeypatch.delenv("RNC_EPI_EXTRACT", raising=False)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(
        notebook, timeout=240, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()
    return notebook


def figures(notebook) -> int:
    return sum(
        "image/png" in output.get("data", {})
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
    )


def texts(notebook) -> str:
    return " ".join(
        str(output.get("data", {}).get("text/plain", "")) + str(output.get("text", ""))
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
    )


def test_the_story_is_told_on_the_embedded_sample(tmp_path, monkeypatch):
    notebook = executed(tmp_path, monkeypatch, "")
    assert figures(notebook) == 5
    assert "sigma" in texts(notebook)


@pytest.mark.slow
@pytest.mark.oracle
def test_the_real_map_is_drawn_where_its_data_are(shared, tmp_path, monkeypatch):
    shared("data/calibration/pancreas_men_departement_cells.csv")
    notebook = executed(tmp_path, monkeypatch, str(shared_root()))
    assert figures(notebook) == 8


def test_every_mention_of_the_real_data_says_that_they_were_altered():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    titles = [cell.source for cell in notebook.cells if "title=" in cell.source and "shapes" in cell.source]
    assert titles
    assert all(NOTICE in source for source in titles)
    words = [cell.source for cell in notebook.cells if "RNC_EPI_SHARED" in cell.source and "#" in cell.source]
    assert any("légèrement modifiés par leurs auteurs" in source for source in words)
