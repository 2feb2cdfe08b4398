"""Two editions together give away nothing that the threshold protects; planted differences are found."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rnc_epi.attack.differencing import differencing, differencing_tables, require_no_differencing
from rnc_epi.vocabulary.areas import AreaKey
from rnc_epi.vocabulary.errors import DisclosureRefused
from rnc_epi.vocabulary.hierarchy import Hierarchy
from rnc_epi.vocabulary.schemas import as_result

RULES = {"threshold": 11, "source_thresholds": {}}
FRANCE = AreaKey("france_hexagonale", "FRA", "cog2026")
PARTS = tuple(AreaKey("departement", code, "cog2026") for code in ("01", "14", "38", "69"))
TREE = Hierarchy(areas=((FRANCE, PARTS),))


def table(counts: dict[str, float | None], *, source: str = "deaths", site: str = "lung") -> pd.DataFrame:
    """Return a result table of counts by code of area; None is hidden."""
    level = {area.geo_code: area.geo_level for area in (FRANCE, *PARTS)}
    rows = [
        {
            "indicator": "count", "measure_unit": "persons", "event_type": "death", "site": site, "sex": 1,
            "geo_level": level[code], "geo_code": code, "geo_vintage": "cog2026", "period_from": 2016,
            "period_until": 2019, "age_from": 0, "age_until": None, "estimator": "observed",
            "source": source, "status": "published" if count is not None else "not_published",
            "value": count, "events": count,
        }
        for code, count in counts.items()
    ]  # fmt: skip
    return as_result(pd.DataFrame(rows))


def places(before: dict, after: dict, **kinds) -> list[str]:
    _, findings = differencing_tables(table(before, **kinds), table(after, **kinds), TREE, RULES)
    return [finding.where for finding in findings]


FULL = {"FRA": 400, "01": 100, "14": 80, "38": 120, "69": 100}


def test_the_same_edition_twice_gives_nothing_away():
    shared, findings = differencing_tables(table(FULL), table(FULL), TREE, RULES)
    assert (shared, findings) == (5, ())
    hidden = {"FRA": 400, "01": None, "14": None, "38": 120, "69": 100}
    assert places(hidden, hidden) == []


@pytest.mark.parametrize("change", [1, 10, -1, -10])
def test_a_published_change_of_one_to_ten_is_found(change):
    found = places(FULL, FULL | {"14": 80 + change, "FRA": 400 + change})
    assert [where for where in found if where.startswith("changes")] == [
        "changes: death lung, sex 1, departement 14, 2016-2018",
        "changes: death lung, sex 1, france_hexagonale FRA, 2016-2018",
    ]


@pytest.mark.parametrize("change", [11, 250, -11])
def test_a_change_of_eleven_or_more_is_not(change):
    assert places(FULL, FULL | {"14": 80 + change, "FRA": 400 + change}) == []


def test_one_person_taken_out_of_a_hidden_cell_is_found_by_what_surrounds_it():
    before = {"FRA": 400, "01": None, "14": 80, "38": 120, "69": None}
    # The published départements gain 12 and 15, France gains 26: one person less in the
    # two that are hidden and in what France may hold beside them.
    after = {"FRA": 426, "01": None, "14": 92, "38": 135, "69": None}
    assert [where.partition(":")[0] for where in places(before, after)] == ["3 hidden change together"]
    assert places(before, after | {"FRA": 427}) == []
    assert places(before, after | {"FRA": 427 + 11}) == []


def test_a_cell_that_is_hidden_once_and_shown_once_is_found_where_the_sum_is_steady():
    hidden = {"FRA": 400, "01": None, "14": None, "38": 120, "69": 100}
    shown = {"FRA": 400, "01": 100, "14": 80, "38": 120, "69": 100}
    for before, after in ((hidden, shown), (shown, hidden)):
        how = {where.partition(":")[0] for where in places(before, after)}
        assert how == {"shown by one edition alone"}
    # Where France has changed by many, what was hidden is not told by what is shown.
    assert places(hidden, {"FRA": 900, "01": 300, "14": 180, "38": 270, "69": 150}) == []


def test_tables_that_are_published_elsewhere_are_not_judged():
    rules = {"threshold": 11, "source_thresholds": {"ci5": 0}}
    before, after = table(FULL, source="ci5"), table(FULL | {"14": 81, "FRA": 401}, source="ci5")
    assert differencing_tables(before, after, TREE, rules)[1] == ()


def test_cells_that_only_one_edition_has_are_not_compared():
    before, after = table(FULL, site="lung"), table(FULL | {"14": 81}, site="colorectum")
    assert differencing_tables(before, after, TREE, RULES) == (0, ())


def test_random_editions_are_told_by_the_rule_and_nothing_else():
    # The rule itself, written for this table without algebra: each change of a cell or of what is hidden.
    draw = np.random.default_rng(7)
    for _ in range(60):
        before = {area.geo_code: int(draw.integers(20, 60)) for area in PARTS}
        after = {code: count + int(draw.choice([0, 0, 3, 15])) for code, count in before.items()}
        hidden = {code for code in before if draw.random() < 0.5}
        if len(hidden) == 1:
            hidden = set()
        said = [
            {"FRA": sum(edition.values())} | {c: None if c in hidden else n for c, n in edition.items()}
            for edition in (before, after)
        ]
        changes = {code: after[code] - before[code] for code in before if code not in hidden}
        whole = sum(after.values()) - sum(before.values())
        apart = sum(after[code] - before[code] for code in hidden)
        expected = any(0 < abs(change) < 11 for change in (*changes.values(), whole, apart))
        assert bool(places(*said)) == expected


def test_two_staged_releases_are_compared_by_their_files(stage_to, tmp_path):
    first, second = stage_to(tmp_path / "a"), stage_to(tmp_path / "b")
    assert differencing(first, second).safe
    require_no_differencing(first, second)
    file = second / "accounting_public.csv"
    assert "9000" in file.read_text()
    file.write_text(file.read_text().replace("9000", "9004"))
    report = differencing(first, second)
    assert all("accounting" in finding.where for finding in report.findings)
    with pytest.raises(DisclosureRefused) as caught:
        require_no_differencing(first, second)
    assert caught.value.code == "B030"
    for language in ("fr", "en"):
        assert "9004" not in report.render(language) + caught.value.message(language)
