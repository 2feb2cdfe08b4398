"""What is wrong with a key of the study file, in the words of the catalogue: a library's own are English."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from rnc_epi.vocabulary.errors import InputError, RncEpiError, StudyFileError
from rnc_epi.vocabulary.sites import site
from rnc_epi.vocabulary.standards import standard

_TYPES: Final = {
    "string_type": "S032",
    "int_type": "S033",
    "int_from_float": "S033",
    "float_type": "S034",
    "bool_type": "S035",
    "list_type": "S036",
    "dict_type": "S037",
    "model_type": "S037",
}
_BOUNDS: Final = {
    "greater_than": (">", "gt"),
    "greater_than_equal": (">=", "ge"),
    "less_than": ("<", "lt"),
    "less_than_equal": ("<=", "le"),
}
_EMPTY: Final = ("string_too_short", "too_short")


def study_error(problem: ValidationError, root: type[BaseModel], where: str) -> StudyFileError:
    """Return the first thing that is wrong with a study file.

    Parameters
    ----------
    problem : ValidationError
        Of the model `root`.
    root : type of BaseModel
        For the keys that an unknown one may stand for.
    where : str
        Name of the file.

    Returns
    -------
    StudyFileError
        ``S020`` a key that does not exist, with those that resemble it; ``S021`` a value, with what is wrong;
        ``S055``, tables that do not go together.
    """
    found = problem.errors(include_url=False)
    # A mistyped key explains the one that is missing.
    first = next((error for error in found if error["type"] == "extra_forbidden"), found[0])
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] != "extra_forbidden":
        cause = first.get("ctx", {}).get("error")
        told = cause if isinstance(cause, RncEpiError) else _told(first)
        if not place:
            return StudyFileError("S055", where=where, found=told)
        return StudyFileError("S021", where=where, place=place, found=told)
    known = [field.alias or name for name, field in _section(root, first["loc"][:-1]).model_fields.items()]
    near = difflib.get_close_matches(str(first["loc"][-1]), known, n=3, cutoff=0.4) or known
    return StudyFileError("S020", where=where, found=place, expected=", ".join(near))


def _told(error: Mapping[str, Any]) -> RncEpiError | str:
    kind, facts = str(error["type"]), error.get("ctx", {})
    if kind == "missing":
        return InputError("S030")
    if kind == "literal_error":
        return InputError(
            "S031", found=_short(error["input"]), expected=facts["expected"].replace(" or ", ", ")
        )
    if kind in _TYPES:
        return InputError(_TYPES[kind], found=_short(error["input"]))
    if kind in _BOUNDS:
        sign, name = _BOUNDS[kind]
        return InputError("S038", found=_short(error["input"]), expected=f"{sign} {facts[name]}")
    if kind in _EMPTY and not error["input"]:
        return InputError("S039")
    if kind == "string_too_short":
        return InputError("S049", found=_short(error["input"]), expected=facts["min_length"])
    return str(error["msg"])


def _short(value: object) -> str:
    written = repr(value)
    return written if len(written) <= 60 else f"{written[:57]}..."


def _section(root: type[BaseModel], path: tuple[int | str, ...]) -> type[BaseModel]:
    section = root
    for part in path:
        if isinstance(part, str):
            annotation = section.model_fields[part].annotation
            inner = getattr(annotation, "__args__", (annotation,))[0]
            section = inner if isinstance(inner, type) and issubclass(inner, BaseModel) else section
    return section


def require_each_once(values: list[Any]) -> list[Any]:
    """Return a list of a study file in which nothing stands twice.

    Raises
    ------
    InputError
        S041, something stands twice.
    """
    seen: list[Any] = []
    for value in values:
        if value in seen:
            raise InputError("S041", found=_short(value))
        seen.append(value)
    return values


def require_served(section: BaseModel, keys: Iterable[str], serves: bool, by: str) -> None:
    """Refuse keys that a study states although nothing it asks for looks at them.

    An empty value asks for nothing, and neither does ``false``; a default that is not stated is no wish.

    Parameters
    ----------
    section : BaseModel
        The table of the study file.
    keys : iterable of str
    serves : bool
        Whether something that the study asks for looks at these keys.
    by : str
        What would look at them, as a study file writes it.

    Raises
    ------
    InputError
        S053, a key that nothing looks at.
    """
    for key in keys:
        if not serves and key in section.model_fields_set and getattr(section, key):
            raise InputError("S053", found=key, expected=by)


def require_sites(slugs: list[str]) -> list[str]:
    """Return sites that are known; an unknown one is refused with the nearest (``V040``)."""
    for slug in slugs:
        site(slug)
    return slugs


def require_standards(names: list[str]) -> list[str]:
    """Return standard populations that are known; an unknown one is refused with the nearest (``V014``)."""
    for name in names:
        standard(name)
    return names
