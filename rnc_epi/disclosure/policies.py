"""From a few declared lines to a `Policy`: the default one of `policy.toml`, or a file of the user's own."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from rnc_epi.vocabulary.errors import StudyFileError
from rnc_epi.vocabulary.policy import DEFAULT_THRESHOLD, Lift, PlanRule, Policy, Precision

DEFAULT_POLICY: Final = "default"
_TOP: Final = {"schema": int, "name": str, "threshold": int, "precision": dict, "plan": list, "sources": dict}
_PLAN: Final = {"geo_level": str, "minimum_years": int, "age_detail": bool, "event_types": list,
                "strata": bool, "classes": bool}  # fmt: skip
_PRECISION: Final = {"count": int, "rate": int, "ratio": int, "percent": int}


def load_policy(
    name: str | Path = DEFAULT_POLICY,
    source_thresholds: Mapping[str, int] | None = None,
    lifts: Sequence[Lift] = (),
    *,
    folder: Path | None = None,
) -> Policy:
    """Return a policy: ``"default"``, or the TOML file at a path.

    Parameters
    ----------
    name : str or Path
        ``"default"``, or a path that ends in ``.toml``.
    source_thresholds : mapping, optional
        Threshold of each source as the extract declares it; a line of ``[sources]`` in the file may raise
        it, never lower it.
    lifts : sequence of Lift
        Declared exceptions to the caveats of mortality.
    folder : Path, optional
        Where a relative path starts from (the folder of the study file).

    Returns
    -------
    Policy
        Thresholds (persons), plan of what is let out, digits of published figures.

    Raises
    ------
    StudyFileError
        ``P001`` no such policy, ``P002`` unknown key, ``P003`` bad value, ``P004`` not TOML.

    Examples
    --------
    >>> policy = load_policy("default", {"ci5": 0})
    >>> policy.threshold, policy.threshold_of("ci5"), policy.threshold_of("ci5+deaths")
    (11, 0, 11)
    >>> policy.rule_of("commune", "death") is None
    True
    """
    text, where = _read(name, folder)
    try:
        stated = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise StudyFileError("P004", where=where, found=str(problem)) from None
    _require(stated, _TOP, where, "")
    if stated.get("schema") != 1:
        raise StudyFileError(
            "P003", where=where, found=f"schema = {stated.get('schema')}", expected="schema = 1"
        )
    _require(stated.get("precision", {}), _PRECISION, where, "precision.")
    for rule in stated.get("plan", []):
        _require(rule, _PLAN, where, "plan.")
        if "geo_level" not in rule or rule.get("minimum_years", 0) < 1 or "age_detail" not in rule:
            raise StudyFileError(
                "P003", where=where, found="[[plan]]", expected="geo_level, minimum_years >= 1, age_detail"
            )
    for key, decimals in stated.get("precision", {}).items():
        if not 0 <= decimals <= 4:
            raise StudyFileError(
                "P003", where=where, found=f"precision.{key} = {decimals}", expected="0 to 4"
            )
    thresholds = dict(source_thresholds or {})
    for source, value in stated.get("sources", {}).items():
        if not isinstance(value, int) or isinstance(value, bool):
            raise StudyFileError("P003", where=where, found=f"sources.{source}", expected="int")
        thresholds[source] = max(value, thresholds.get(source, 0))
    return Policy(
        name=str(stated.get("name", Path(where).stem)),
        threshold=stated.get("threshold", DEFAULT_THRESHOLD),
        source_thresholds=dict(sorted((source, int(value)) for source, value in thresholds.items())),
        plan=tuple(
            PlanRule(
                rule["geo_level"],
                rule["minimum_years"],
                rule["age_detail"],
                tuple(rule.get("event_types", ())),
                rule.get("strata", False),
                rule.get("classes", False),
            )
            for rule in stated.get("plan", [])
        ),
        lifts=tuple(lifts),
        precision=Precision(**stated.get("precision", {})),
    )


def _read(name: str | Path, folder: Path | None) -> tuple[str, str]:
    if str(name) == DEFAULT_POLICY:
        return (files("rnc_epi.disclosure") / "policy.toml").read_text(encoding="utf-8"), "policy.toml"
    path = Path(name) if folder is None else folder / Path(name)
    if path.suffix != ".toml" or not path.is_file():
        raise StudyFileError("P001", found=str(name))
    return path.read_text(encoding="utf-8"), path.name


def _require(stated: dict[str, Any], known: Mapping[str, type], where: str, prefix: str) -> None:
    for key, value in stated.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.0)
            raise StudyFileError("P002", where=where, found=prefix + key, expected=prefix + near[0])
        wrong = not isinstance(value, known[key]) or (known[key] is int and isinstance(value, bool))
        if wrong:
            raise StudyFileError("P003", where=where, found=prefix + key, expected=known[key].__name__)
