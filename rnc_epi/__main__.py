"""``python -m rnc_epi`` is the command line."""

from rnc_epi.cli import main

main()
