"""The notebook on inequalities runs on the embedded sample and shows what it announces."""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "inequalities.ipynb"


def test_the_notebook_on_inequalities_runs_on_the_embedded_sample(tmp_path, monkeypatch):
    monkeypatch.delenv("RNC_EPI_EXTRACT", raising=False)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None
            assert not any(line.startswith(("def ", "class ")) for line in cell.source.splitlines())
    NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    shown = ["".join(str(output) for output in cell.outputs) for cell in code]
    assert not any("Traceback" in text for text in shown)
    pages = "".join(text for text in shown if "<section" in text)
    for anchor in ("gradient-death", "equiplot-death", "forest-death", "concentration-death"):
        assert anchor in pages
    # Published with PHEindicatormethods: 3.275 per 1 000, identity scale.
    assert any("3.275" in text for text in shown)
    assert any("I021" in text for text in shown)
