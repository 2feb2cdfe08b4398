"""Codes applied to rows: what contradicts itself, which tumours are new, which deaths are shared out."""

from rnc_epi.extracts.classification.applying import CodesApplied, apply_codes
from rnc_epi.extracts.classification.childhood import childhood_counts
from rnc_epi.extracts.classification.consistency import check_codes
from rnc_epi.extracts.classification.primaries import apply_multiple_primaries, new_primaries
from rnc_epi.extracts.classification.uterus import share_out_uterus, shared_out

__all__ = [
    "CodesApplied",
    "apply_codes",
    "apply_multiple_primaries",
    "check_codes",
    "childhood_counts",
    "new_primaries",
    "share_out_uterus",
    "shared_out",
]
