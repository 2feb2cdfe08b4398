"""What became of the rows of the extract, in the form that may be public."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

if TYPE_CHECKING:
    from rnc_epi.vocabulary.policy import Policy

#: Lines of one table, source and step add up to what entered: one hidden line alone would follow.
_GROUP: Final = ["table_name", "source", "step"]
_COUNTED: Final = ("rows", "events")


def public_accounting(ledger: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    """Return the row accounting with small numbers shown as ``<11`` and their complements protected.

    Where one line of a table, source and step is small, the smallest other line is shown as ``>=11``, so that
    nothing follows from what entered. Rows and events of a line are hidden together.

    Parameters
    ----------
    ledger : DataFrame
        ``table_name, source, step, fate, reason, rows, events``.

    Examples
    --------
    >>> import pandas as pd
    >>> from rnc_epi.vocabulary.policy import Policy
    >>> ledger = pd.DataFrame({"table_name": "tumours", "source": "r", "step": "contract",
    ...     "fate": ["used", "excluded", "quarantined"], "reason": ["_", "D060", "D048"],
    ...     "rows": [900, 40, 3], "events": [900, 40, 3]})
    >>> public_accounting(ledger, Policy("p"))["rows"].tolist()
    ['>=11', '<11', '900']
    """
    shown = ledger.sort_values([*_GROUP, "fate", "reason"], kind="stable").reset_index(drop=True)
    written = {name: [str(int(value)) for value in shown[name]] for name in _COUNTED}
    for _, lines in sorted(shown.groupby(_GROUP, sort=True).groups.items()):
        threshold = policy.threshold_of(str(shown.loc[lines[0], "source"]))
        low = shown.loc[lines, list(_COUNTED)].astype(float)
        small = lines[((low > 0) & (low < threshold)).any(axis=1)]
        if not len(small):
            continue
        for line in small:
            for name in _COUNTED:
                written[name][line] = (
                    f"<{threshold}" if shown.loc[line, name] < threshold else f">={threshold}"
                )
        others = [line for line in lines if line not in set(small) and shown.loc[line, "rows"] > 0]
        if len(small) == 1 and others:
            nearest = min(others, key=lambda line: (shown.loc[line, "rows"], line))
            for name in _COUNTED:
                written[name][nearest] = f">={threshold}" if shown.loc[nearest, name] else "0"
    return shown.assign(**{name: pd.Series(written[name], dtype="str") for name in _COUNTED})
