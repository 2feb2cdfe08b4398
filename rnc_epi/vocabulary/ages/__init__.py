"""Ages in completed years, as half-open bands: ``AgeBand(85, None)`` is 85 and over.

A set of bands merges and never splits: dividing a band would invent the ages of people. Unknown age is a
status of a record, never a band. Labels are derived from the ages and can be read back.
"""

from __future__ import annotations

from rnc_epi.vocabulary.ages.band import AgeBand
from rnc_epi.vocabulary.ages.band_set import BandSet, common_bands

__all__ = ["AgeBand", "BandSet", "common_bands"]
