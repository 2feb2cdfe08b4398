"""Tumours of children and adolescents counted by the groups of ICCC-3."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from rnc_epi.extracts.classification.codes import TUMOURS, keep_meanings
from rnc_epi.extracts.contract_checks.tables import usable
from rnc_epi.vocabulary.classification.childhood import ICCC3_UNTIL, iccc3_main_group

if TYPE_CHECKING:
    from rnc_epi.extracts.opening import Extract

#: Word for a tumour that ICCC-3 has no place for.
NOT_IN_ICCC3 = "unclassified"
_WIDTH = 5


def childhood_counts(extract: Extract) -> pd.DataFrame:
    """Return tumours under 20 years by registry, year, sex, five-year band and group of ICCC-3.

    Benign and borderline tumours of the nervous system are counted, as the classification has them, where the
    registry records them; other tumours only when invasive. An internal table: its counts are small.

    Returns
    -------
    DataFrame
        ``registry, year, sex, age_from, age_until, main_group, childhood_group, events``.
    """
    store = extract.store
    keep_meanings(store)
    found = store.read(
        f"""
        SELECT t.registry, t.year, t.sex, t.age_years - t.age_years % {_WIDTH} AS age_from,
            t.age_years - t.age_years % {_WIDTH} + {_WIDTH} AS age_until,
            coalesce(m.childhood_group, '{NOT_IN_ICCC3}') AS childhood_group, count(*) AS events
        FROM {usable("tumours")} AS t JOIN {TUMOURS} AS m USING (topography, morphology, behaviour)
        WHERE t.age_years < {ICCC3_UNTIL} AND (m.childhood_group IS NOT NULL OR t.behaviour = 3)
        GROUP BY ALL
        """,
        order_by=["registry", "year", "sex", "age_from", "childhood_group"],
    )
    main = {
        code: code if code == NOT_IN_ICCC3 else iccc3_main_group(code)
        for code in found["childhood_group"].unique()
    }
    place = list(found.columns).index("childhood_group")
    found.insert(place, "main_group", found["childhood_group"].map(main).astype("str"))
    return found
