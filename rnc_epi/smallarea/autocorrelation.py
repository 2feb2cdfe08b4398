"""Do neighbours resemble one another? Moran's coefficients of rates on one footing (EBI), before any model.

Internal: what they say of single areas rests on raw rates.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from rnc_epi.maths.autocorrelation import empirical_bayes_standardised, permutation_test
from rnc_epi.maths.multiple import false_discovery_rate
from rnc_epi.smallarea.mapped import MappedCounts

#: Quadrants of the local coefficient as esda numbers them: high among high, low among high, ...
QUADRANTS = {1: "high_high", 2: "low_high", 3: "low_low", 4: "high_low"}


def autocorrelation(
    counts: MappedCounts, *, permutations: int = 999, seed: int = 0
) -> tuple[dict[str, float], pd.DataFrame]:
    """Return Moran's I on standardised rates, and the local coefficient of each area.

    Parameters
    ----------
    counts : MappedCounts
        From :func:`rnc_epi.smallarea.mapped_counts`.
    permutations : int
        Random maps that the coefficients are compared with.
    seed : int
        Of the permutations.

    Returns
    -------
    (dict, DataFrame)
        ``moran``, ``moran_expected``, ``moran_p``; and by area ``local_moran, quadrant, p_value,
        adjusted_p`` (false discovery rate over the map). NaN where the map has no neighbours or no
        variation.

    Raises
    ------
    InputError
        ``M004`` permutations or seed that are no whole number.

    References
    ----------
    Assunção RM, Reis EA (1999), Stat Med 18:2147,
    doi:10.1002/(SICI)1097-0258(19990830)18:16<2147::AID-SIM179>3.0.CO;2-I.
    """
    rows = counts.fitted
    areas = counts.strata[rows].reset_index(drop=True)
    graph = counts.graph
    rates = empirical_bayes_standardised(counts.observed[rows], counts.expected[rows])
    test = permutation_test(rates, graph.edges, permutations=permutations, seed=seed)
    table = areas.assign(
        local_moran=np.nan, quadrant="_", p_value=test.local_p_value, adjusted_p=test.local_p_value
    )
    if np.isnan(test.p_value):
        return {"moran": np.nan, "moran_expected": np.nan, "moran_p": np.nan}, table
    # Imported here: esda takes seconds to load, and every command would wait for it.
    from esda import Moran, Moran_Local

    weights = graph.weights()
    # esda's own permutations draw from a global generator and compile for half a minute in each process:
    # its coefficients, our permutations.
    whole = Moran(rates, weights, permutations=0)
    local = Moran_Local(rates, weights, permutations=0)
    joined = ~np.isnan(test.local_p_value)
    quadrant = np.array([QUADRANTS[int(number)] for number in local.q], dtype=object)
    table = table.assign(
        local_moran=np.where(joined, local.Is, np.nan),
        quadrant=np.where(joined, quadrant, "_"),
        adjusted_p=false_discovery_rate(test.local_p_value).adjusted,
    )
    return {
        "moran": float(whole.I),
        "moran_expected": float(whole.EI),
        "moran_p": test.p_value,
    }, table
