"""Words typed -> flow. No statistics, no SQL."""

from rnc_epi.cli.main import main

__all__ = ["main"]
