"""Epidemiological indicators for the French national cancer registry.

The flow, in six lines::

    extract   a DuckDB file, opened behind a lock and checked against its contract
    cells     events and person-years by site, sex, area, period and age, what is covered and nothing else
    results   counts, rates and ratios with limits, in the one result table (full figures, internal)
    protect   disclosure control: the only door out
    release   files and a manifest, staged, approved, published whole
    report    pages drawn from the release alone

In Jupyter: ``study = rnc_epi.open("x.duckdb")``, ``study.cells(site="lung", by=["sex"]).asr("world")``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnc_epi.extracts.embedded import embedded_sample
    from rnc_epi.flow import run
    from rnc_epi.indicators.frames import asr, crude_rate, sir
    from rnc_epi.interactive import open_study as open
    from rnc_epi.release import publish, verify
    from rnc_epi.report import write_report
    from rnc_epi.vocabulary.release_files import read_release
    from rnc_epi.vocabulary.standards import register_standard

__version__ = "0.1.0"

#: Public names and where they live; imported when first used, so that ``import rnc_epi`` is quick.
_HOMES = {
    "open": ("rnc_epi.interactive", "open_study"),
    "asr": ("rnc_epi.indicators.frames", "asr"),
    "crude_rate": ("rnc_epi.indicators.frames", "crude_rate"),
    "sir": ("rnc_epi.indicators.frames", "sir"),
    "run": ("rnc_epi.flow", "run"),
    "publish": ("rnc_epi.release", "publish"),
    "verify": ("rnc_epi.release", "verify"),
    "read_release": ("rnc_epi.vocabulary.release_files", "read_release"),
    "write_report": ("rnc_epi.report", "write_report"),
    "embedded_sample": ("rnc_epi.extracts.embedded", "embedded_sample"),
    "register_standard": ("rnc_epi.vocabulary.standards", "register_standard"),
}

#: Public names that keep their meaning within a major version; the others may still change.
STABLE = frozenset({"open", "asr", "crude_rate", "sir", "run", "publish", "verify", "register_standard"})
EXPERIMENTAL = frozenset(_HOMES) - STABLE

__all__ = [  # noqa: RUF022  in the order of the flow
    "open",
    "asr",
    "crude_rate",
    "sir",
    "run",
    "publish",
    "verify",
    "read_release",
    "write_report",
    "embedded_sample",
    "register_standard",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        module, attribute = _HOMES[name]
        return getattr(import_module(module), attribute)
    raise AttributeError(f"module 'rnc_epi' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
