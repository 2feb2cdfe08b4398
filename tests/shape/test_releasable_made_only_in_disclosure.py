"""Only disclosure control makes a Releasable, and attacks share nothing with it: read on the syntax trees."""

from __future__ import annotations

import ast
from pathlib import Path

ALLOWED = "disclosure"


def makers(tree: ast.AST) -> list[int]:
    """Return the lines that call ``Releasable``, by any name it was imported under, or copy one."""
    names = {"Releasable"}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "rnc_epi.vocabulary.releasable":
            names |= {alias.asname or alias.name for alias in node.names if alias.name == "Releasable"}
    lines = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Name) and called.id in names:
                lines.append(node.lineno)
            if isinstance(called, ast.Attribute) and called.attr in names:
                lines.append(node.lineno)
    return lines


def imported(tree: ast.AST) -> set[str]:
    """Return the modules of ours that a file imports."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return {name for name in found if name == "rnc_epi" or name.startswith("rnc_epi.")}


def test_only_disclosure_makes_a_releasable(project_root):
    package = project_root / "rnc_epi"
    found = {
        path.relative_to(package).parts[0]
        for path in package.rglob("*.py")
        if makers(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert found == {ALLOWED}


def test_a_maker_under_another_name_is_seen():
    disguised = "from rnc_epi.vocabulary.releasable import Releasable as Table\nTable('x', None, 'y')"
    assert makers(ast.parse(disguised)) == [2]
    assert makers(ast.parse("import rnc_epi.vocabulary.releasable as r\nr.Releasable('x', None, 'y')")) == [2]


def test_the_attack_room_knows_the_vocabulary_alone(project_root):
    for path in sorted((project_root / "rnc_epi" / "attack").rglob("*.py")):
        for name in imported(ast.parse(Path(path).read_text(encoding="utf-8"))):
            assert name.startswith(("rnc_epi.vocabulary", "rnc_epi.attack")), (path.name, name)
