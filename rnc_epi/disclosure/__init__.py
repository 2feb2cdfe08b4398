"""The only door out: tables become Releasable, or are refused with reasons.

`load_policy` reads what the owner of the data declared, `protect` applies it, `add_maps` adds the maps
fitted on what it let out. Nothing else in the package
makes a `Releasable`, and `rnc_epi.release` checks the bytes again.
"""

from rnc_epi.disclosure.gradients import add_gradients
from rnc_epi.disclosure.maps import add_maps, published_counts, published_counts_of
from rnc_epi.disclosure.policies import load_policy
from rnc_epi.disclosure.protect import protect
from rnc_epi.disclosure.report import ProtectionReport

__all__ = [
    "ProtectionReport",
    "add_gradients",
    "add_maps",
    "load_policy",
    "protect",
    "published_counts",
    "published_counts_of",
]
