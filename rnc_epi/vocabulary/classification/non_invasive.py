"""Tumours that registries record beside invasive cancer: named and counted apart, in no incidence."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from rnc_epi.vocabulary.classification.codes import (
    Spans,
    holds,
    morphology_number,
    morphology_spans,
    read_table,
    topography_number,
    topography_spans,
)


class NonInvasiveEntity(NamedTuple):
    """A group of tumours that are not invasive, and the site beside which it is shown."""

    slug: str
    fr: str
    en: str
    site: str | None
    topography: Spans
    morphology: Spans
    behaviour: tuple[int, ...]


@cache
def non_invasive_entities() -> dict[str, NonInvasiveEntity]:
    """Return the entities by slug; the first that holds a tumour takes it."""
    return {
        entry["slug"]: NonInvasiveEntity(
            entry["slug"],
            entry["fr"],
            entry["en"],
            entry.get("site"),
            topography_spans(entry["topography"]),
            morphology_spans(entry.get("morphology", "8000-9999")),
            tuple(entry["behaviour"]),
        )
        for entry in read_table("non_invasive")["entity"]
    }


def non_invasive_entity(topography: str, morphology: str | int, behaviour: int | str) -> str | None:
    """Return the entity of a tumour that is not invasive, or None: invasive, benign elsewhere, or no code.

    Examples
    --------
    A papillary urothelial carcinoma pTa, a benign meningioma, a borderline tumour of the ovary:

    >>> non_invasive_entity("C67.9", 8130, 2), non_invasive_entity("C70.0", 9530, 0)
    ('bladder_non_invasive', 'cns_non_malignant')
    >>> non_invasive_entity("C56.9", 8442, 1), non_invasive_entity("C67.9", 8120, 3) is None
    ('ovary_borderline', True)
    """
    place, histology = topography_number(topography), morphology_number(morphology)
    malignity = str(behaviour).strip()
    if place is None or histology is None or malignity not in ("0", "1", "2"):
        return None
    return next(
        (
            entity.slug
            for entity in non_invasive_entities().values()
            if int(malignity) in entity.behaviour
            and holds(entity.topography, place)
            and holds(entity.morphology, histology)
        ),
        None,
    )
