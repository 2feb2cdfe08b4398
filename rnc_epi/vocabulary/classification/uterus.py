"""The share of the cervix among deaths from cancer of the uterus, by age."""

from __future__ import annotations

from rnc_epi.vocabulary.classification.codes import read_table


def cervical_share(age: float) -> float:
    """Return the share of deaths from cancer of the cervix among all deaths from cancer of the uterus.

    Parameters
    ----------
    age : float
        Age at death in years; for a band of ages, its middle.

    References
    ----------
    .. [1] Rogel A et al. Reliability of recording uterine cancer in death certification in France and
       age-specific proportions of deaths from cervix and corpus uteri. Cancer Epidemiol 2011;35:243-249.

    Examples
    --------
    >>> cervical_share(35), round(cervical_share(55), 3), cervical_share(82.5)
    (0.95, 0.65, 0.35)
    """
    table = read_table("uterus")
    (young, old), (high, low) = table["ages"], table["cervical_share"]
    place = min(max((age - young) / (old - young), 0.0), 1.0)
    return float(high + place * (low - high))
