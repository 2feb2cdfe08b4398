"""What a reader must know of a release, as data: sources, definitions, standards, notices, rules."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from rnc_epi.release.words import words
from rnc_epi.vocabulary.indicators import defined_slugs, definition
from rnc_epi.vocabulary.schemas import NOT_APPLICABLE, SCHEMA_VERSION
from rnc_epi.vocabulary.standards import standard, standard_names

if TYPE_CHECKING:
    import pandas as pd

    from rnc_epi.vocabulary.policy import Policy
    from rnc_epi.vocabulary.study import Study


def release_metadata(
    study: Study,
    sources: pd.DataFrame,
    areas: pd.DataFrame,
    table: pd.DataFrame,
    policy: Policy,
    *,
    outline_notice: Mapping[str, str] | None = None,
    groupings: pd.DataFrame | None = None,
) -> dict[str, Any]:
    """Return the metadata of a release.

    Parameters
    ----------
    study : Study
        Title and language are taken from it.
    sources : DataFrame
        As the extract declares them.
    areas : DataFrame
        Keys and names.
    table : DataFrame
        The public result table; only what occurs in it is described.
    policy : Policy
        Whose lifted caveats are told.
    outline_notice : mapping, optional
        Attribution of the outlines, by language.
    groupings : DataFrame, optional
        How areas were cut into groups of deprivation, one row a grouping.

    Returns
    -------
    dict
        Content of ``metadata.json``.
    """
    said = words()
    declared = [_source(row) for row in sources.sort_values("source", kind="stable").to_dict("records")]
    present = sorted(set(table["indicator"]))
    # A line that lifts a caveat stands on the page only where it lifts one.
    pairs = set(zip(table["site"], table["event_type"], strict=True))
    lifts = [
        dataclasses.asdict(lift)
        for lift in sorted(policy.lifts, key=lambda lift: (lift.site, lift.event_type))
        if (lift.site, lift.event_type) in pairs
    ]
    names = set(areas["geo_level"])
    return {
        "title": study.title,
        "language": study.language,
        "schema_version": SCHEMA_VERSION,
        "synthetic": any(source["synthetic"] for source in declared),
        "sources": declared,
        "indicators": {
            name: {
                language: definition(name, language).definition if name in defined_slugs() else name
                for language in ("fr", "en")
            }
            for name in present
        },
        "standards": [_standard(name) for name in sorted(set(table["standard"]) - {NOT_APPLICABLE})],
        "groupings": [] if groupings is None else _groupings(groupings),
        "geo_levels": sorted(set(table["geo_level"]) & names | set(table["geo_level"])),
        "notices": {
            "altered": [source["source"] for source in declared if source["altered"]],
            "lifts": lifts,
            "outlines": dict(outline_notice or {}),
            "hidden": {language: said["notice"]["hidden"][language] for language in ("fr", "en")},
            "ages_not_published": {
                language: said["notice"]["ages_not_published"][language] for language in ("fr", "en")
            },
        },
    }


#: What is said of a grouping. Numbers of areas and inhabitants left aside stay internal.
_OF_A_GROUPING: Final = (
    *("stratum_type", "index", "vintage", "scope", "weighting", "groups", "geo_level", "geo_vintage"),
    *("higher_is", "direction_converted"),
)


def _groupings(groupings: pd.DataFrame) -> list[dict[str, Any]]:
    said = groupings[[name for name in _OF_A_GROUPING if name in groupings]]
    return [
        {name: value.item() if hasattr(value, "item") else value for name, value in row.items()}
        for row in said.to_dict("records")
    ]


def disclosure_facts(policy: Policy) -> dict[str, Any]:
    """Return the public rules that an attacker, a reader and the manifest may know."""
    return {
        "policy": policy.name,
        "fingerprint": policy.fingerprint(),
        "threshold": policy.threshold,
        "source_thresholds": dict(sorted(policy.source_thresholds.items())),
        "precision": dataclasses.asdict(policy.precision),
        "plan": [dataclasses.asdict(rule) for rule in policy.plan],
    }


def _source(row: Mapping[Any, Any]) -> dict[str, Any]:
    altered = row.get("altered")
    breaks = row.get("definition_break_years")
    return {
        "source": str(row["source"]),
        "title": str(row["title"]),
        "kind": str(row["kind"]),
        "licence": str(row["licence"]),
        "synthetic": bool(row["synthetic"]),
        "altered": altered if isinstance(altered, str) else "",
        "disclosure_threshold": int(row["disclosure_threshold"]),
        "definition_break_years": _years(breaks),
    }


def _years(stated: Any) -> list[int]:
    if stated is None or (isinstance(stated, float) and stated != stated):
        return []
    parts = stated.replace(";", ",").split(",") if isinstance(stated, str) else list(stated)
    return [int(part) for part in parts if str(part).strip().isdigit()]


def _standard(name: str) -> dict[str, Any]:
    if name not in standard_names():
        return {"name": name, "fr": name, "en": name, "source": NOT_APPLICABLE}
    found = standard(name)
    return {"name": name, "fr": found.title_fr, "en": found.title_en, "source": found.source}
