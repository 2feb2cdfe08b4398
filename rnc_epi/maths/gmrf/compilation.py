"""Compilation of the loops that numpy cannot express, kept on disk where a folder can be written.

numba looks for a folder for its cache beside the source, then under the user's home; where neither can be
written (a package installed read-only, a service account without a home) it refuses at import. The loops
are then compiled anew in each process: slower to start, same numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def compiled(function: Kernel) -> Kernel:
    """Compile a loop on first use; cached on disk where possible, without threads, in IEEE arithmetic."""
    try:
        return cast(Kernel, njit(cache=True)(function))
    except RuntimeError:
        return cast(Kernel, njit(function))
