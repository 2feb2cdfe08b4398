"""Named SQL steps: one SELECT a file, beside the room that uses it, named as the table it makes."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache
from importlib.resources import files
from typing import Final

_IDENTIFIER: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")


@cache
def read_step(package: str, name: str) -> str:
    """Return the text of ``name.sql`` in a package, such as ``read_step("rnc_epi.cells", "cases_in_scope")``.

    Parameters
    ----------
    package : str
        Dotted name of the package that holds the file.
    name : str
        Name of the step, without the ending.

    Returns
    -------
    str
        One SELECT, as :meth:`Store.run` takes it.

    Raises
    ------
    FileNotFoundError
        No such step: a fault of the program, without a code.

    Examples
    --------
    >>> read_step("rnc_epi.store", "no_such_step")
    Traceback (most recent call last):
    FileNotFoundError: no SQL step no_such_step in rnc_epi.store
    """
    file = files(package) / f"{require_identifier(name)}.sql"
    if not file.is_file():
        raise FileNotFoundError(f"no SQL step {name} in {package}")
    return file.read_text(encoding="utf-8")


def require_identifier(name: str) -> str:
    """Return a name that is safe as an SQL identifier, or raise.

    Names of steps are written in the code; this guards against one that was built from data.

    Examples
    --------
    >>> require_identifier("cases_in_scope")
    'cases_in_scope'
    >>> require_identifier('x"; COPY')
    Traceback (most recent call last):
    ValueError: not the name of a step
    """
    if not isinstance(name, str) or not _IDENTIFIER.fullmatch(name):
        raise ValueError("not the name of a step")
    return name


def quoted(name: str, allowed: Collection[str]) -> str:
    """Return an identifier between double quotes, if it is one of those allowed.

    Examples
    --------
    >>> quoted("index", {"index", "score"})
    '"index"'
    """
    if name not in allowed:
        raise ValueError("a name that the schema does not declare")
    return '"' + name.replace('"', '""') + '"'
