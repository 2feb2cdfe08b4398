"""From Releasable tables to files: staged, checked again on their bytes, approved by a person, verified.

`stage` writes ``out/staged/<id>/`` and the internal zone beside it; `publish` makes it ``out/releases/<id>/``
and points ``out/current`` to it; `verify` recomputes everything that the manifest says. Nothing but a
`Releasable` enters.
"""

from rnc_epi.release.metadata import release_metadata
from rnc_epi.release.publishing import publish, staged_release
from rnc_epi.release.staging import stage
from rnc_epi.release.verifying import Verification, verify

__all__ = ["Verification", "publish", "release_metadata", "stage", "staged_release", "verify"]
