"""The notebook of the whole country runs on the embedded sample, and on the published tables if there."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "whole_country.ipynb"


def run(folder):
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": folder}}
    ).execute()
    outputs = [
        (cell.source, output)
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
    ]
    assert not any(output.output_type == "error" for _, output in outputs)
    figures = [source for source, output in outputs if "image/png" in output.get("data", {})]
    texts = [output["data"]["text/plain"] for _, output in outputs if "text/plain" in output.get("data", {})]
    return figures, texts


def test_one_cancer_from_ratios_to_map_on_the_sample(tmp_path, monkeypatch):
    monkeypatch.delenv("RNC_EPI_SHARED", raising=False)
    figures, texts = run(tmp_path)
    for wanted in ("plot_ratio_by_age", "plot_validation", "plot_calibrated_areas", "plot_choropleth"):
        assert sum(wanted in source for source in figures) == 1
    assert any("Données synthétiques" in text for text in texts)


@pytest.mark.oracle
def test_the_real_tables_carry_their_notice(tmp_path, monkeypatch, shared):
    monkeypatch.setenv("RNC_EPI_SHARED", str(shared("data/calibration").parent.parent))
    figures, texts = run(tmp_path)
    assert len(figures) == 4
    assert any("légèrement modifiés par leurs auteurs" in text.replace("\\n", " ") for text in texts)
