"""Joint draws of a quantity over cells: draw k is the same world in every room. Never released."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rnc_epi.vocabulary.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray


def seed_of(key: str, seed: int = 0) -> int:
    """Return a seed derived from a key and a study seed, the same whatever the order of the work.

    Examples
    --------
    >>> seed_of("lung|1") == seed_of("lung|1"), seed_of("lung|1") == seed_of("lung|2")
    (True, False)
    """
    return int.from_bytes(hashlib.sha256(f"{seed}|{key}".encode()).digest()[:8], "big")


@dataclass(frozen=True)
class Draws:
    """Draws of one quantity.

    Parameters
    ----------
    index : DataFrame
        One row a cell, in the keys of the result table (age included where the quantity is age-specific).
    values : (n_cells, n_draws) array
        float64.
    quantity, kind : str
        What is drawn (``"events"``, ``"rate"``, ``"relative_risk"``) and of which nature (``"confidence"``,
        ``"prediction"``, ``"credible"``).
    seed : int
    model_id : str
    """

    index: pd.DataFrame
    values: NDArray[np.float64]
    quantity: str
    kind: str
    seed: int
    model_id: str

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or len(self.index) != self.values.shape[0]:
            raise InputError(
                "M002", what="values", expected=f"({len(self.index)}, draws)", found=self.values.shape
            )

    def aggregate(self, weights: ArrayLike, index: pd.DataFrame) -> Draws:
        """Return the draws of weighted sums of cells.

        Parameters
        ----------
        weights : (n_groups, n_cells) array_like
            One row a group; ones and zeros for sums of counts, standard weights over person-years for rates.
        index : DataFrame
            The keys of the groups, one row each.
        """
        matrix = np.asarray(weights, dtype=np.float64)
        if matrix.shape != (len(index), self.values.shape[0]):
            expected = f"({len(index)}, {self.values.shape[0]})"
            raise InputError("M002", what="weights", expected=expected, found=matrix.shape)
        return Draws(
            index.reset_index(drop=True),
            matrix @ self.values,
            self.quantity,
            self.kind,
            self.seed,
            self.model_id,
        )

    def summarise(self, level: float = 0.95) -> pd.DataFrame:
        """Return the index with ``value`` (mean), ``lower``, ``upper`` (equal-tailed) and ``se``.

        Examples
        --------
        >>> import numpy as np, pandas as pd
        >>> index = pd.DataFrame({"geo_code": ["01"]})
        >>> draws = Draws(index, np.arange(101.0)[None, :], "events", "prediction", 0, "model")
        >>> draws.summarise(0.9)[["value", "lower", "upper"]].round(9).to_numpy().tolist()
        [[50.0, 5.0, 95.0]]
        """
        if not 0 < level < 1:
            raise InputError("M004", what="level", expected="(0, 1)", found=level)
        tail = (1 - level) / 2
        lower, upper = np.quantile(self.values, [tail, 1 - tail], axis=1)
        return self.index.assign(
            value=self.values.mean(axis=1), lower=lower, upper=upper, se=self.values.std(axis=1, ddof=1)
        )
