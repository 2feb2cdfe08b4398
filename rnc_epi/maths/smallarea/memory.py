"""The memory a fit will need, known before it starts from the pattern of its factor."""

from __future__ import annotations

import os

from rnc_epi.vocabulary.errors import EstimateRefused

# Factor, inverse and their copies, with two integers to each number; then what is kept of each row at about
# forty points of the hyperparameters, and its densities on some eighty nodes.
BYTES_PER_FILL = 56
BYTES_PER_ROW = 8 * (40 * 6 + 60 + 80 * 3)


def estimated_bytes(fill: int, rows: int) -> int:
    """Return the bytes that a fit will need at most, to within a factor of about two."""
    return BYTES_PER_FILL * fill + BYTES_PER_ROW * rows


def machine_bytes() -> int | None:
    """Return the memory of the machine, or None where the system does not tell."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def require_memory(fill: int, rows: int) -> None:
    """Refuse a fit that needs more than four fifths of the memory of the machine (A024).

    Called twice: with the least fill that a map can have, before the work of ordering it, which needs
    memory itself; then with the fill found.
    """
    needed, there = estimated_bytes(fill, rows), machine_bytes()
    if there is not None and needed > 0.8 * there:
        raise EstimateRefused("A024", needed=f"{needed / 2**30:.1f}", there=f"{there / 2**30:.1f}", rows=rows)
