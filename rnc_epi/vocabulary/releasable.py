"""The only type that the release writer accepts; made in ``disclosure`` and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Releasable:
    """A table that went through disclosure control.

    Parameters
    ----------
    name : str
        Name of the file to be, such as ``"indicators"``.
    table : DataFrame
        In the form of the one result table: protected rows carry no number at all, numbers are already at
        published precision, `status` is public, `reason` is ``"_"``.
    policy_fingerprint : str
        Hash of the policy that was applied; the writer checks it again.
    """

    name: str
    table: pd.DataFrame
    policy_fingerprint: str
