"""Standard populations for direct standardisation, and users' own.

A standard is merged onto coarser bands and never split: sharing an open band such as 85+ among 85-89 and
90+ would invent weights. Results on 85+ and on 95+ are not interchangeable above about 75 years, so the
bands used travel with the result.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnc_epi.vocabulary.ages import BandSet
from rnc_epi.vocabulary.errors import InputError

_NAME = re.compile(r"[a-z][a-z0-9_-]*")


@dataclass(frozen=True, eq=False)
class Standard:
    """A standard population: weights by age band, at the finest detail that its source gives.

    Parameters
    ----------
    name : str
        Slug, as it stands in the column `standard` of results.
    title_fr, title_en : str
    bands : BandSet
        The finest bands available.
    weights : ndarray, shape (bands,)
        Non-negative, on any scale: only proportions matter. Read-only.
    source : str
        Where the weights were published.
    """

    name: str
    title_fr: str
    title_en: str
    bands: BandSet
    weights: NDArray[np.float64]
    source: str

    def __post_init__(self) -> None:
        weights = np.array(self.weights, dtype=float)
        if weights.shape != (len(self.bands),):
            raise InputError("V011", found=weights.size, expected=len(self.bands))
        if not np.all(np.isfinite(weights)) or np.any(weights < 0) or weights.sum() <= 0:
            raise InputError("V015", standard=self.name)
        weights.flags.writeable = False
        object.__setattr__(self, "weights", weights)

    def title(self, language: str = "en") -> str:
        """Return the title in ``"fr"`` or ``"en"``."""
        if language not in ("fr", "en"):
            raise InputError("M005", what="language", found=language, expected="fr, en")
        return self.title_fr if language == "fr" else self.title_en

    def weights_for(self, bands: BandSet) -> NDArray[np.float64]:
        """Return the weights summed onto the given bands, shape (bands,).

        Parameters
        ----------
        bands : BandSet
            Bands of the data, over the same ages as the standard; for a part of them, such as 35-64, take
            `truncated` first.

        Raises
        ------
        InputError
            V010 where a band of the standard would have to be split; V013 where the bands do not span the
            ages of the standard, so that weights would be lost without a word.

        Examples
        --------
        >>> standard("esp2013").weights_for(BandSet.five_year(85))[-1]
        np.float64(2500.0)
        """
        if self.bands.age_from != bands.age_from or self.bands.age_until != bands.age_until:
            raise InputError("V013", standard=self.name, found=str(bands), expected=_span(self.bands))
        try:
            positions = self.bands.coarsen_to(bands)
        except InputError as error:
            raise InputError(
                "V010", standard=self.name, where=error.facts["found"], found=str(bands)
            ) from None
        summed = np.zeros(len(bands))
        np.add.at(summed, positions, self.weights)
        return summed

    def shared_bands(self, bands: BandSet) -> BandSet:
        """Return the bands of some data, those within the standard's open band merged into one.

        Data by age up to 90+ meet a standard whose last band is 85+: the bands from 85 on are summed, and no
        weight is split.

        Examples
        --------
        >>> str(standard("world").shared_bands(BandSet.five_year(90))).endswith("85+")
        True
        """
        start = self.bands.starts[-1]
        open_ended = self.bands.age_until is None and bands.age_until is None
        if not open_ended or start >= bands.starts[-1] or start not in bands.starts:
            return bands
        return BandSet.from_starts([age for age in bands.starts if age <= start])

    def truncated(self, age_from: int, age_until: int | None) -> Standard:
        """Return the part of the standard from `age_from` to `age_until`, under a name that says so.

        Raises
        ------
        InputError
            V004 or V005, as `BandSet.slice_within`.

        Examples
        --------
        The world standard truncated to 35-64 years:

        >>> part = standard("world").truncated(35, 65)
        >>> part.name, (part.weights / 1000).tolist()
        ('world-35-64', [6.0, 6.0, 6.0, 5.0, 4.0, 4.0])
        """
        inside = self.bands.slice_within(age_from, age_until)
        ages = f"{age_from}-{age_until - 1}" if age_until is not None else f"{age_from}+"
        return Standard(
            name=f"{self.name}-{ages}",
            title_fr=f"{self.title_fr}, {ages} ans",
            title_en=f"{self.title_en}, ages {ages}",
            bands=BandSet(self.bands[position] for position in range(inside.start, inside.stop)),
            weights=self.weights[inside],
            source=self.source,
        )


def _span(bands: BandSet) -> str:
    return f"{bands.age_from}+" if bands.age_until is None else f"{bands.age_from}-{bands.age_until - 1}"


def standard(name: str) -> Standard:
    """Return a standard population by its name: ``world``, ``esp1976``, ``esp2013``, ``who2000`` or a user's.

    Raises
    ------
    InputError
        V014 for an unknown name, with the nearest known one.

    Examples
    --------
    >>> float(standard("world").weights.sum())
    100000.0
    """
    found = _REGISTER.get(name)
    if found is None:
        nearest = difflib.get_close_matches(str(name).casefold(), _REGISTER, n=1, cutoff=0.0)
        raise InputError("V014", found=name, nearest=nearest[0], expected=", ".join(_REGISTER))
    return found


def standard_names() -> tuple[str, ...]:
    """Return the names of the standards, packaged ones first.

    Examples
    --------
    >>> standard_names()[:4]
    ('world', 'esp1976', 'esp2013', 'who2000')
    """
    return tuple(_REGISTER)


def register_standard(
    name: str,
    bands: BandSet | Iterable[str],
    weights: ArrayLike,
    *,
    title_fr: str | None = None,
    title_en: str | None = None,
    source: str = "",
) -> Standard:
    """Add a user's standard population, for the life of the process.

    Registering the same standard again changes nothing, so that a cell of a notebook may be run twice.

    Parameters
    ----------
    name : str
        Slug of small letters, digits, ``-`` and ``_``, not yet taken.
    bands : BandSet or labels such as ``["0-14", "15-64", "65+"]``
    weights : array_like, shape (bands,)
        Non-negative, at least one positive, on any scale.
    title_fr, title_en : str, optional
        Default to the name.
    source : str
        Where the weights come from; it is shown beside the results.

    Returns
    -------
    Standard
        That :func:`standard` returns by this name from now on.

    Raises
    ------
    InputError
        V012 where the name is taken or is no slug; V011 where bands and weights do not fit; V015 where
        the weights are unusable; V002, V003 where the bands are.

    Examples
    --------
    >>> mine = register_standard("example-three", ["0-14", "15-64", "65+"], [20, 60, 20])
    >>> mine.weights_for(BandSet.from_starts([0, 15])).tolist()
    [20.0, 80.0]
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InputError("V012", found=name)
    if not isinstance(bands, BandSet):
        bands = BandSet.from_labels(bands)
    new = Standard(
        name=name,
        title_fr=title_fr or name,
        title_en=title_en or name,
        bands=bands,
        weights=np.asarray(weights, dtype=float),
        source=source,
    )
    old = _REGISTER.get(name)
    if old is not None:
        if old.bands != new.bands or not np.array_equal(old.weights, new.weights):
            raise InputError("V012", found=name)
        return old
    _REGISTER[name] = new
    return new


# 0, 1-4, 5-9, … : infants apart, as the sources of the world and European standards give them.
_INFANTS_TO_85 = BandSet.from_starts([0, 1, *range(5, 90, 5)])
_INFANTS_TO_95 = BandSet.from_starts([0, 1, *range(5, 100, 5)])

# fmt: off
_WORLD = np.array([
    2400, 9600, 10000, 9000, 9000, 8000, 8000, 6000, 6000, 6000, 6000, 5000,
    4000, 4000, 3000, 2000, 1000, 500, 500,
])
_ESP1976 = np.array([
    1600, 6400, 7000, 7000, 7000, 7000, 7000, 7000, 7000, 7000, 7000, 7000,
    6000, 5000, 4000, 3000, 2000, 1000, 1000,
])
_ESP2013 = np.array([
    1000, 4000, 5500, 5500, 5500, 6000, 6000, 6500, 7000, 7000, 7000, 7000,
    6500, 6000, 5500, 5000, 4000, 2500, 1500, 800, 200,
])
# Ahmad 2001 prints percentages of two or three decimals that sum to 100.035: they are divided by their sum.
_WHO_PRINTED = np.array([
    8.86, 8.69, 8.60, 8.47, 8.22, 7.93, 7.61, 7.15, 6.59, 6.04, 5.37, 4.55,
    3.72, 2.96, 2.21, 1.52, 0.91, 0.44, 0.15, 0.04, 0.005,
])
# fmt: on

_PACKAGED = (
    Standard(
        name="world",
        title_fr="Population mondiale (Segi 1960, modifiée par Doll 1966)",
        title_en="World population (Segi 1960, modified by Doll 1966)",
        bands=_INFANTS_TO_85,
        weights=_WORLD,
        source="Segi 1960; Doll, Payne, Waterhouse 1966, Cancer Incidence in Five Continents vol. I",
    ),
    Standard(
        name="esp1976",
        title_fr="Population européenne 1976",
        title_en="European standard population 1976",
        bands=_INFANTS_TO_85,
        weights=_ESP1976,
        source="Waterhouse et al. 1976, Cancer Incidence in Five Continents vol. III, p. 456",
    ),
    Standard(
        name="esp2013",
        title_fr="Population européenne 2013",
        title_en="European standard population 2013",
        bands=_INFANTS_TO_95,
        weights=_ESP2013,
        source="Eurostat 2013, Revision of the European Standard Population, doi:10.2785/11470",
    ),
    Standard(
        name="who2000",
        title_fr="Population mondiale OMS 2000-2025",
        title_en="WHO world standard population 2000-2025",
        bands=BandSet.five_year(100),
        weights=100_000 * _WHO_PRINTED / _WHO_PRINTED.sum(),
        source="Ahmad et al. 2001, WHO GPE Discussion Paper 31, renormalised to its sum",
    ),
)
_REGISTER: dict[str, Standard] = {item.name: item for item in _PACKAGED}
