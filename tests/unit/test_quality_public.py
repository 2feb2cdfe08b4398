"""The public form of a quality report: no small count, nor what gives it back."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from rnc_epi.cli import main
from rnc_epi.extracts.quality import QualityReport
from rnc_epi.extracts.quality.comparison import compared
from rnc_epi.extracts.quality.public import HIDDEN, public_form, suppressed
from rnc_epi.extracts.quality.rules import broken_rules
from rnc_epi.extracts.quality.shares import OK
from tests.extract_builder import write_extract
from tests.quality_reports import POOLED, changed, one, report_of, shares_of


@pytest.fixture(scope="module")
def valid(tmp_path_factory):
    return write_extract(tmp_path_factory.mktemp("valid") / "x.duckdb")


def test_no_small_count_is_told_in_the_public_text(valid, tmp_path):
    path = changed(
        valid, tmp_path, "UPDATE tumours SET basis_of_diagnosis = 0 WHERE tumour_key <= 7 AND year = 2016"
    )
    made = report_of(path)
    public = made.frame(public=True)
    mine = public[(public["registry"] == "isere") & (public["indicator"] == "death_certificate_only")]
    assert set(mine.loc[mine["site"] == "all_cancers", "status"]) <= {HIDDEN, OK}
    assert one(mine, site="all_cancers", period_from=2016, period_until=2017)["status"] == HIDDEN
    # The whole period would give it back: the other years have none.
    assert one(mine, site="all_cancers", **POOLED)["status"] == HIDDEN
    for language in ("fr", "en"):
        assert "(7" not in made.text(language, public=True)
        assert made.text(language)


def _given_back(counts, total, hidden, total_hidden) -> bool:
    """Tell whether the shown numbers give a hidden small count back, or show that it is small."""
    if total_hidden:
        return False
    for column in range(counts.shape[1]):
        shown = counts[~hidden, column].sum()
        rest = total[column] - shown
        at_stake = [c for c in counts[hidden, column] if 0 < c < 11]
        if at_stake and rest < 11:
            return True
        if at_stake and hidden.sum() == 1 and total[column] == counts[:, column].sum():
            return True
    return False


@pytest.mark.parametrize("seed", range(40))
def test_hidden_counts_are_not_given_back_by_sums(seed):
    rng = np.random.default_rng(seed)
    counts = rng.choice([0, 1, 3, 8, 11, 15, 40], size=(rng.integers(2, 7), rng.integers(1, 3))).astype(float)
    extra = rng.choice([0, 0, 4, 30], size=counts.shape[1])
    total = counts.sum(axis=0) + extra
    hidden, total_hidden = suppressed(counts, total)
    assert not _given_back(counts, total, hidden, total_hidden)
    small = ((counts > 0) & (counts < 11)).any(axis=1)
    assert (hidden | ~small).all()
    if not small.any() and not ((total > 0) & (total < 11)).any():
        assert not hidden.any()
        assert not total_hidden


def test_what_is_hidden_is_little_where_little_is_small():
    for counts in itertools.permutations([3.0, 40.0, 25.0, 60.0]):
        column = np.array(counts)[:, None]
        hidden, whole = suppressed(column, column.sum(axis=0))
        assert not whole
        assert sorted(column[hidden, 0]) == [3.0, 25.0]


def test_the_others_are_not_shown_beside_a_hidden_registry():
    table = compared(shares_of([5, 300], [1000, 3000]))
    public = public_form(table)
    assert public["status"].tolist() == [HIDDEN, OK]
    assert public["others"].isna().all()


def test_the_others_of_registries_of_other_years_are_not_shown_either():
    # Two registries of unequal periods are compared: the others of the one are the other.
    table = shares_of([5, 300], [1000, 3000])
    table["period_from"] = [2014, 2016]
    public = public_form(compared(table))
    assert public["status"].tolist() == [HIDDEN, OK]
    assert public["others"].isna().all()
    assert public["differs"].isna().all()


def test_what_would_tell_of_a_hidden_registry_is_not_said(tmp_path):
    # One case in a hundred of the first is from a certificate, one in five of the second: that they differ by
    # three points tells of the ten cases.
    indicators = compared(shares_of([10, 600], [1000, 3000], "death_certificate_only"))
    made = QualityReport("x.duckdb", indicators, broken_rules(indicators))
    assert {"Q020", "Q130"} <= set(made.actions.loc[made.actions["registry"] == "r1", "code"])
    for language in ("fr", "en"):
        said = made.text(language, public=True)
        assert "Q130" in made.text(language)
        assert "Q130" not in said
        assert "Q020" in said
    shown = compared(shares_of([100, 600], [1000, 3000], "death_certificate_only"))
    assert "Q130" in QualityReport("x", shown, broken_rules(shown)).text(public=True)


def test_a_rule_on_one_sex_is_not_said_where_both_are_shown_together():
    row = shares_of([400], [1000])
    by_sex = pd.concat([row, row.assign(sex=1, part=390.0)], ignore_index=True).assign(site="lung")
    indicators = compared(by_sex)
    made = QualityReport("x.duckdb", indicators, broken_rules(indicators))
    assert made.actions["sex"].tolist() == [0, 1]
    assert made.text("fr").count("Q060") == 2
    assert "hommes" in made.text("fr")
    public = made.text("fr", public=True)
    assert public.count("Q060") == 1
    assert "hommes" not in public


def _shown(parts, wholes, **columns) -> pd.Series:
    table = shares_of(np.minimum(parts, wholes), wholes).assign(part=np.array(parts, dtype=float), **columns)
    if columns.get("unit") == "ratio":
        table["value"] = table["part"] / table["whole"]
    public = public_form(compared(table))
    return public.loc[public["status"] == OK, "value"]


@pytest.mark.parametrize("whole", [90, 120, 333, 1_000])
def test_a_share_that_is_shown_fits_ten_counts_at_least(whole):
    # Whoever knows how many cases there are tries every numerator.
    parts = np.arange(whole + 1)
    shown = _shown(parts, np.full(whole + 1, whole))
    assert shown.empty == (whole < 100)
    # At both ends a rounded number begins where what is small ends.
    inside = shown[shown.gt(shown[shown > 0].min()) & shown.lt(shown[shown < 100].max())]
    # Ten or more persons; nine where both ends of ten fall on the odd side of a tie.
    assert inside.empty or inside.groupby(inside).size().min() >= 9


@pytest.mark.parametrize("known", [30, 200, 350])
def test_a_ratio_that_is_shown_fits_ten_counts_at_least(known):
    # Whoever knows the deaths tries every number of cases, and the other way round.
    ratio = {"indicator": "mortality_incidence_ratio", "unit": "ratio", "site": "lung"}
    others = np.arange(max(20, known // 2), known * 4)
    for parts, wholes in ((np.full(len(others), known), others), (others, np.full(len(others), known))):
        shown = _shown(parts, wholes, **ratio)
        inside = shown[shown.gt(shown.min()) & shown.lt(shown.max())]
        assert len(inside)
        assert inside.groupby(inside).size().min() >= 9


def test_the_command_speaks_french_by_default_and_english_on_demand(valid, tmp_path, capsys):
    path = changed(
        valid,
        tmp_path,
        "UPDATE tumours SET age_years = 60 WHERE age_years < 40",
    )
    with pytest.raises(SystemExit) as done:
        main(["quality", str(path), "--public", "--csv", str(tmp_path / "q.csv")])
    assert done.value.code in (0, None)
    said = capsys.readouterr().out
    assert "Qualité de l'enregistrement" in said
    assert "Registre isere" in said
    assert pd.read_csv(tmp_path / "q.csv")["status"].notna().all()
    with pytest.raises(SystemExit):
        main(["quality", str(path), "--lang", "en"])
    assert "Quality of registration" in capsys.readouterr().out
