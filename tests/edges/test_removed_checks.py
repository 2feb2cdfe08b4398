"""Without its check each defect of a file goes unseen: its fixture proves the check and nothing else."""

from __future__ import annotations

import pytest

from rnc_epi.extracts.importers import import_files
from rnc_epi.vocabulary.errors import RncEpiError
from tests.edges.check_removal import removed
from tests.edges.test_defects_of_files import REFUSED, SAME, SET_ASIDE
from tests.files_of_registries import write

CASES = [
    *REFUSED,
    *((code, name, tumours, {}) for code, name, tumours in SET_ASIDE),
    # Copies that the mapping says to drop are no check that could be taken out; those it does not are above.
    *(case for case in SAME if case[0] not in (None, "H021")),
]


def found(tumours, options, folder) -> set[str]:
    """Return the codes that an import finds or is refused by."""
    options = dict(options)
    without = options.pop("mapping_without", None)
    files, mapping = write(folder, tumours, **options)
    if without is not None:
        mapping.write_text(mapping.read_text().replace(without, ""))
    try:
        done = import_files("csv", files, folder / "x.duckdb", mapping=mapping)
    except RncEpiError as problem:
        return {problem.code}
    return {finding.code for finding in done.findings}


def unseen(code, tumours, options, folder) -> None:
    with removed(code) as cuts:
        assert cuts
        try:
            left = found(tumours, options, folder)
        except Exception:  # a later step stumbles over what the check keeps out
            return
    assert code not in left


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "tumours", "options"),
    [pytest.param(code, tumours, options, id=f"{code} {name}") for code, name, tumours, options in CASES],
)
def test_without_its_check_a_defect_of_a_file_goes_unseen(code, tumours, options, tmp_path):
    unseen(code, tumours, options, tmp_path)


@pytest.mark.parametrize("code", ["H016", "H014", "H042", "H012"])
def test_without_its_check_a_defect_of_each_kind_goes_unseen(code, tmp_path):
    _, _, tumours, options = next(case for case in CASES if case[0] == code)
    (tmp_path / "whole").mkdir()
    assert code in found(tumours, options, tmp_path / "whole")
    (tmp_path / "cut").mkdir()
    unseen(code, tumours, options, tmp_path / "cut")
    # The check is back.
    (tmp_path / "again").mkdir()
    assert code in found(tumours, options, tmp_path / "again")
