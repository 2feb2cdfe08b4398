"""The model matrix: an intercept, then the columns of each term, each known by name."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from rnc_epi.maths.requirements import Floats
from rnc_epi.maths.splines.bases import Smooth
from rnc_epi.vocabulary.errors import InputError

INTERCEPT = "intercept"


@dataclass(frozen=True)
class Term:
    """A smooth in its place: its columns, its penalties and the means taken off its columns."""

    smooth: Smooth
    columns: slice
    penalties: slice
    means: Floats = field(repr=False)


@dataclass(frozen=True)
class Design:
    """Model matrix of the data and what is needed to write it for other covariates.

    Attributes
    ----------
    matrix : ndarray, shape (rows, columns)
        Intercept first.
    penalties : ndarray, shape (penalties, columns)
        Diagonals of the penalty matrices; zero where a penalty does not touch a column.
    terms : dict of str to Term
    """

    matrix: Floats = field(repr=False)
    penalties: Floats = field(repr=False)
    terms: dict[str, Term] = field(repr=False)

    @property
    def unpenalised(self) -> int:
        """Number of coefficients that no penalty touches."""
        return int((self.penalties.sum(axis=0) == 0).sum())

    def rows(self, covariates: Mapping[str, ArrayLike], *, exclude: Collection[str] = ()) -> Floats:
        """Return the model matrix for other covariates.

        Parameters
        ----------
        covariates : mapping of str to array_like, shape (rows,)
            Every covariate of the terms that are not excluded.
        exclude : collection of str
            Names of terms set to zero, such as the random effect of the district.

        Returns
        -------
        ndarray, shape (rows, columns)
        """
        unknown = set(exclude) - set(self.terms)
        if unknown:
            raise InputError(
                "M005", what="term", found=sorted(unknown)[0], expected=", ".join(sorted(self.terms))
            )
        kept = {name: term for name, term in self.terms.items() if name not in exclude}
        needed = [name for term in kept.values() for name in term.smooth.covariates]
        missing = [name for name in needed if name not in covariates]
        if missing:
            raise InputError("C002", found=missing[0])
        sizes = {np.asarray(covariates[name]).shape for name in needed}
        if len(sizes) > 1 or any(len(shape) != 1 for shape in sizes):
            raise InputError(
                "M002", what="covariates", expected="(rows,), all of one length", found=str(sorted(sizes))
            )
        rows = sizes.pop()[0] if sizes else 1
        matrix = np.zeros((rows, self.matrix.shape[1]))
        matrix[:, 0] = 1.0
        for term in kept.values():
            values = [covariates[name] for name in term.smooth.covariates]
            matrix[:, term.columns] = term.smooth.columns(*values) - term.means
        return matrix


def build_design(smooths: Sequence[Smooth], covariates: Mapping[str, ArrayLike]) -> Design:
    """Write the model matrix of a sum of smooths.

    Parameters
    ----------
    smooths : sequence of Smooth
        Terms, as made by :func:`thin_plate`, :func:`cubic_regression`, :func:`tensor`,
        :func:`random_effect`, :func:`linear`.
    covariates : mapping of str to array_like, shape (rows,)
        The covariates of the terms, by name.

    Returns
    -------
    Design
        The matrix (rows, columns), with an intercept first, the penalties and the place of each term.

    Raises
    ------
    InputError
        ``C002`` a covariate is missing; ``C003`` two terms share a name; ``M002`` lengths differ.

    References
    ----------
    Wood SN. Generalized additive models: an introduction with R. 2nd ed. CRC Press, 2017, chapter 5.

    Examples
    --------
    >>> from rnc_epi.maths.splines import random_effect, thin_plate
    >>> age, district = [30, 50, 70, 30, 50, 70], ["a"] * 3 + ["b"] * 3
    >>> design = build_design(
    ...     [thin_plate("age", age, size=3), random_effect("district", district)],
    ...     {"age": age, "district": district},
    ... )
    >>> design.matrix.shape, design.unpenalised
    ((6, 5), 2)
    """
    blocks: list[Floats] = []
    terms: dict[str, Term] = {}
    column, penalty = 1, 0
    for smooth in smooths:
        if smooth.name in terms or smooth.name == INTERCEPT:
            raise InputError("C003", found=smooth.name)
        missing = [name for name in smooth.covariates if name not in covariates]
        if missing:
            raise InputError("C002", found=missing[0])
        values = [covariates[name] for name in smooth.covariates]
        block = smooth.columns(*values)
        means = block.mean(axis=0) if smooth.centred else np.zeros(block.shape[1])
        blocks.append(block - means)
        width, count = block.shape[1], smooth.penalties.shape[0]
        terms[smooth.name] = Term(
            smooth, slice(column, column + width), slice(penalty, penalty + count), means
        )
        column, penalty = column + width, penalty + count
    lengths = {block.shape[0] for block in blocks}
    if len(lengths) != 1:
        raise InputError(
            "M002", what="covariates", expected="(rows,), all of one length", found=str(sorted(lengths))
        )
    penalties = np.zeros((penalty, column))
    for term in terms.values():
        penalties[term.penalties, term.columns] = term.smooth.penalties
    matrix = np.column_stack([np.ones(lengths.pop()), *blocks])
    return Design(matrix, penalties, terms)
