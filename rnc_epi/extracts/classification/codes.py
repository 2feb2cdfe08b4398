"""What each pair of codes of the extract means, once a pair: sites, groups, facts; rows are joined to it."""

from __future__ import annotations

from typing import Final

import pandas as pd

from rnc_epi.extracts.contract_checks.tables import usable
from rnc_epi.store import Store
from rnc_epi.vocabulary.classification.childhood import iccc3_group
from rnc_epi.vocabulary.classification.consistency import CodeFacts, code_facts
from rnc_epi.vocabulary.classification.non_invasive import non_invasive_entity
from rnc_epi.vocabulary.classification.primaries import morphology_group, topography_group
from rnc_epi.vocabulary.sites import site_of_icdo3

#: Temporary tables that are made here.
PAIRS: Final = "codes_of_tumours"
TUMOURS: Final = "meanings_of_tumours"


def keep_pairs(store: Store) -> None:
    """Make the table of the distinct pairs of topography and morphology, with what they say together."""
    pairs = store.read(f"SELECT DISTINCT topography, morphology FROM {usable('tumours')}")
    facts = [code_facts(row.topography, row.morphology) for row in pairs.itertuples(index=False)]
    known = pd.DataFrame(facts, columns=list(CodeFacts._fields), index=pairs.index)
    store.keep(PAIRS, pd.concat([pairs, known], axis=1))


def keep_meanings(store: Store) -> None:
    """Make the table of the distinct codes with behaviour: site, entity, childhood group, groups."""
    codes = store.read(f"SELECT DISTINCT topography, morphology, behaviour FROM {usable('tumours')}")
    rows = [
        (
            site_of_icdo3(row.topography, row.morphology, int(row.behaviour)),
            non_invasive_entity(row.topography, row.morphology, int(row.behaviour)),
            iccc3_group(row.topography, row.morphology, int(row.behaviour)),
            topography_group(row.topography),
            morphology_group(row.morphology),
        )
        for row in codes.itertuples(index=False)
    ]
    names = ["site", "entity", "childhood_group", "topography_group", "morphology_group"]
    meanings = pd.DataFrame(rows, columns=names, index=codes.index)
    kinds = dict.fromkeys(names[:3], "str") | dict.fromkeys(names[3:], "int64")
    store.keep(TUMOURS, pd.concat([codes, meanings.astype(kinds)], axis=1))
