"""The docstring of a public function says what comes in and out, which errors, whose formula, and shows it.

Public is what stands in the ``__all__`` of a package that users import from, and what they call on the
objects that they make of its classes. The examples themselves run in ``tests/docs/test_examples.py``.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import textwrap
from collections.abc import Callable, Iterator
from functools import cache

from rnc_epi.vocabulary import errors

#: Where users import from; sub-packages are looked into.
PACKAGES = (
    "rnc_epi", "rnc_epi.indicators", "rnc_epi.calibration", "rnc_epi.smallarea", "rnc_epi.inequality",
    "rnc_epi.maths", "rnc_epi.extracts", "rnc_epi.cells", "rnc_epi.store", "rnc_epi.release",
    "rnc_epi.disclosure", "rnc_epi.attack", "rnc_epi.report", "rnc_epi.interactive", "rnc_epi.vocabulary",
)  # fmt: skip

#: What users call on objects that they make themselves; dunder methods are not spoken of.
METHODS = (
    "rnc_epi.smallarea:SmallAreaModel.fit",
    "rnc_epi.smallarea:AreaGraph.from_adjacency",
    "rnc_epi.cells.build:CellBuilder.cells",
    "rnc_epi.cells.build:CellBuilder.grouped",
)

#: Classes that users make themselves: every argument is told.
MADE_BY_USERS = (
    "rnc_epi.smallarea:SmallAreaModel",
    "rnc_epi.smallarea:AreaGraph",
    "rnc_epi.maths.smallarea:AreaGraph",
    "rnc_epi.cells.build:CellBuilder",
    "rnc_epi.cells.build:Selection",
    "rnc_epi.cells.table:Cells",
    "rnc_epi.vocabulary.ages:AgeBand",
    "rnc_epi.vocabulary.ages:BandSet",
    "rnc_epi.vocabulary.deprivation:GroupingName",
    "rnc_epi.vocabulary.deprivation:EstimateOrigin",
    "rnc_epi.vocabulary.draws:Draws",
)

#: Not for users: what the door of an extract calls, and two rooms with examples of their own kind.
INSIDE = (".contract_checks", ".sample", ".classification")

AN_EXTRACT = "opens an extract: seconds of checks, where an example takes a fraction of one"
A_COUNTRY = "needs the registries, correlates and areas of a country: the notebooks show it on the sample"
A_RELEASE = "needs a release, which takes a study: the notebook of the annual report shows it"
NO_EXAMPLE: dict[str, str] = {
    "rnc_epi.calibration.whole.whole_country": A_COUNTRY,
    "rnc_epi.maths.calibration.combination.combine_proxies": "nested validation of six districts: seconds",
    "rnc_epi.smallarea.autocorrelation.autocorrelation": "esda takes seconds to load",
    "rnc_epi.smallarea.calibrated.smoothed_estimates": A_COUNTRY,
    "rnc_epi.inequality.area_gradient.area_gradient": "fits three models of a map: seconds",
    "rnc_epi.inequality.of_published.area_gradient_rows": "fits three models of a map: seconds",
    "rnc_epi.cells.build.CellBuilder.cells": AN_EXTRACT,
    "rnc_epi.cells.build.CellBuilder.grouped": AN_EXTRACT,
    "rnc_epi.extracts.opening.open_extract": AN_EXTRACT,
    "rnc_epi.extracts.opening.examine": AN_EXTRACT,
    "rnc_epi.extracts.quality.report.quality_report": AN_EXTRACT,
    "rnc_epi.extracts.importers.loading.import_files": "reads files of registries",
    "rnc_epi.extracts.importers.encr_export.export_encr": AN_EXTRACT,
    "rnc_epi.disclosure.maps.add_maps": A_RELEASE,
    "rnc_epi.disclosure.gradients.add_gradients": A_RELEASE,
    "rnc_epi.release.metadata.release_metadata": A_RELEASE,
    "rnc_epi.release.staging.stage": A_RELEASE,
    "rnc_epi.report.sections.report_sections": A_RELEASE,
    "rnc_epi.report.curves.age_curves": A_RELEASE,
    "rnc_epi.report.curves.trends": A_RELEASE,
    "rnc_epi.report.deprivation.deprivation": A_RELEASE,
    "rnc_epi.report.maps.maps": A_RELEASE,
    "rnc_epi.report.methods.methods": A_RELEASE,
    "rnc_epi.report.national.national": A_RELEASE,
    "rnc_epi.report.national.summary": A_RELEASE,
    "rnc_epi.report.quality_notices.quality_notices": A_RELEASE,
    "rnc_epi.report.regions.regions": A_RELEASE,
    "rnc_epi.report.registries.registries": A_RELEASE,
    "rnc_epi.report.small_areas.small_areas": A_RELEASE,
    "rnc_epi.report.whole_country.whole_country": A_RELEASE,
}

#: Rooms of formulas, and verbs upon them: a source is owed.
OF_FORMULAS = ("rnc_epi.maths.", "rnc_epi.indicators.")
#: No formula of somebody: plumbing, names, choices.
NO_SOURCE = frozenset(
    {
        "rnc_epi.indicators.league.reliability",
        "rnc_epi.maths.calibration.validation.best_proxy",
        "rnc_epi.maths.inequality.deprivation.assign_quantiles",
        "rnc_epi.maths.inequality.deprivation.require_direction",
        "rnc_epi.maths.inequality.draws.from_standard_errors",
        "rnc_epi.maths.inequality.draws.over_draws",
        "rnc_epi.maths.smallarea.ranking.ratio_of_extremes",
        "rnc_epi.maths.smallarea.spacetime.spacetime_name",
        "rnc_epi.maths.splines.effects.linear",
        "rnc_epi.maths.splines.effects.random_effect",
        "rnc_epi.maths.splines.effects.random_slope",
    }
)
SOURCE = re.compile(
    r"References\n-+|doi:|:math:|\.\. math::|\b(?:18|19|20)\d\d\b|\bas (?:for|in) :(?:func|meth):", re.I
)

CODE = re.compile(r"\b[A-Z]\d{3}\b")
SECTION = re.compile(
    r"^(Parameters|Attributes|Returns|Yields|Raises|See Also|Notes|References|Examples)\n-+$", re.M
)


def public() -> Iterator[tuple[str, Callable[..., object]]]:
    """Yield each public function once, under the name of the place where it is written."""
    seen = {}
    for module in modules():
        for name in getattr(module, "__all__", ()):
            found = inspect.unwrap(getattr(module, name)) if callable(getattr(module, name)) else None
            if inspect.isfunction(found):
                seen[f"{found.__module__}.{found.__qualname__}"] = found
    for place in METHODS:
        module_name, _, name = place.partition(":")
        found = importlib.import_module(module_name)
        for part in name.split("."):
            found = getattr(found, part)
        found = inspect.unwrap(getattr(found, "__func__", found))
        seen[f"{found.__module__}.{found.__qualname__}"] = found
    yield from sorted(seen.items())


def modules() -> Iterator[object]:
    for name in PACKAGES:
        package = importlib.import_module(name)
        yield package
        if name != "rnc_epi":
            for inner in pkgutil.walk_packages(package.__path__, name + "."):
                if not any(part in inner.name for part in INSIDE):
                    yield importlib.import_module(inner.name)


PUBLIC = dict(public())


def said(of: object) -> dict[str, str]:
    """Return the sections of a docstring, the prose before them under an empty title."""
    text = inspect.getdoc(of) or ""
    parts = SECTION.split(text)
    return {"": parts[0]} | dict(zip(parts[1::2], parts[2::2], strict=True))


def told(of: object, section: str = "Parameters") -> set[str]:
    """Return the names that open an entry of a section, alone or in a group."""
    entries = re.findall(r"^(\S[^:\n]*)", said(of).get(section, ""), re.M)
    return {name.strip().lstrip("*") for entry in entries for name in entry.split(",")}


def arguments(of: Callable[..., object]) -> set[str]:
    return {name for name in inspect.signature(of).parameters if name not in ("self", "cls")}


def test_each_argument_is_told() -> None:
    assert {name: arguments(of) - told(of) for name, of in PUBLIC.items() if arguments(of) - told(of)} == {}


def test_each_argument_of_a_class_that_users_make_is_told() -> None:
    untold = {}
    for place in MADE_BY_USERS:
        module, _, name = place.partition(":")
        made = getattr(importlib.import_module(module), name)
        public = {one for one in arguments(made) if not one.startswith("_")}
        untold[place] = public - told(made) - set(re.findall(r"`(\w+)", said(made)[""]))
    assert {place: names for place, names in untold.items() if names} == {}


def test_no_section_is_run_into_a_line() -> None:
    broken = re.compile(r"[^-\s] *-{4,}|-{4,} *[^-\s]")
    assert [name for name, of in PUBLIC.items() if broken.search(inspect.getdoc(of) or "")] == []


def test_what_comes_back_is_told() -> None:
    silent = [
        name
        for name, of in PUBLIC.items()
        if str(inspect.signature(of).return_annotation) != "None"
        and not {"Returns", "Yields"} & set(said(of))
    ]
    assert silent == []


def test_an_example_stands_there_or_its_absence_has_a_reason() -> None:
    without = {name for name, of in PUBLIC.items() if ">>> " not in said(of).get("Examples", "")}
    assert without == set(NO_EXAMPLE)


def test_a_formula_has_its_source() -> None:
    owing = [name for name in PUBLIC if name.startswith(OF_FORMULAS) and name not in NO_SOURCE]
    assert [name for name in owing if not SOURCE.search(inspect.getdoc(PUBLIC[name]) or "")] == []


def test_the_errors_that_a_function_raises_itself_are_told_by_their_codes() -> None:
    untold = {name: codes_raised(of) - codes_told(of) for name, of in PUBLIC.items()}
    assert {name: codes for name, codes in untold.items() if codes} == {}


def codes_told(of: Callable[..., object]) -> set[str]:
    """Return the codes of the section of errors, those within a range too; those raised, where it refers."""
    text = said(of).get("Raises", "")
    found = set(CODE.findall(text))
    for first, last in re.findall(r"\b([A-Z]\d{3})(?:``)?(?: to (?:``)?|-)([A-Z]\d{3})\b", text):
        found |= {f"{first[0]}{number:03d}" for number in range(int(first[1:]), int(last[1:]) + 1)}
    return found | codes_raised(of) if re.search(r"\bas (?:for |in )?:(?:func|meth):`", text, re.I) else found


def codes_raised(of: Callable[..., object]) -> set[str]:
    """Return the codes in the body of a function, and in the private ones of its file that it calls."""
    bodies = functions_of(inspect.getsourcefile(of) or "")
    found, waiting, met = set(), [textwrap.dedent(inspect.getsource(of))], set()
    while waiting:
        for node in ast.walk(ast.parse(waiting.pop())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            first = node.args[0] if node.args else None
            refuses = inspect.isclass(getattr(errors, node.func.id, None))
            if refuses and isinstance(first, ast.Constant) and CODE.fullmatch(str(first.value)):
                found.add(str(first.value))
            called = node.func.id
            if called.startswith("_") and called in bodies and called not in met:
                met.add(called)
                waiting.append(bodies[called])
    return found


@cache
def functions_of(path: str) -> dict[str, str]:
    with open(path, encoding="utf-8") as file:
        text = file.read()
    return {
        node.name: ast.get_source_segment(text, node) or ""
        for node in ast.parse(text).body
        if isinstance(node, ast.FunctionDef)
    }


def test_a_formula_without_a_source_is_one_of_these_functions() -> None:
    assert set(PUBLIC) >= NO_SOURCE
