"""Indicators of quality by hand, what the declared rules say of planted faults, and the public form."""

from __future__ import annotations

import itertools
import shutil
from contextlib import contextmanager

import duckdb
import numpy as np
import pandas as pd
import pytest

from rnc_epi.cli import main
from rnc_epi.extracts.embedded import embedded_sample
from rnc_epi.extracts.opening import Extract
from rnc_epi.extracts.quality import QualityReport, action_for, quality_report, quality_rules
from rnc_epi.extracts.quality.comparison import compared
from rnc_epi.extracts.quality.completeness import one_minus_survival
from rnc_epi.extracts.quality.public import HIDDEN, public_form, suppressed
from rnc_epi.extracts.quality.rules import BLOCK, FLAG, broken_rules
from rnc_epi.extracts.quality.rules import COLUMNS as ACTION_COLUMNS
from rnc_epi.extracts.quality.shares import COLUMNS, NOT_APPLICABLE, NOT_ESTIMABLE, OK
from rnc_epi.maths.intervals import wilson_interval
from rnc_epi.store import RowAccounting, open_locked
from rnc_epi.vocabulary.errors import catalogue, placeholders
from rnc_epi.vocabulary.sites import SITES
from tests.extract_builder import write_extract

ONE_THREAD = {"threads": 1, "memory_limit": "500MB"}


@contextmanager
def _opened(path):
    """Give an extract whose rows all passed the contract, which has tests of its own."""
    with open_locked(path, **ONE_THREAD) as store:
        for name in store.tables:
            store.run_view(f"usable_{name}", f'SELECT * FROM extract.main."{name}"')
        yield Extract(store, tuple(store.tables), (), RowAccounting())


def _report(path) -> QualityReport:
    with _opened(path) as extract:
        return quality_report(extract)


@pytest.fixture(scope="module")
def valid(tmp_path_factory):
    return write_extract(tmp_path_factory.mktemp("valid") / "x.duckdb")


@pytest.fixture(scope="module")
def report(valid):
    return _report(valid)


@pytest.fixture(scope="module")
def sample():
    return _report(embedded_sample())


def _with(valid, tmp_path, *statements: str):
    path = shutil.copy(valid, tmp_path / "x.duckdb")
    writer = duckdb.connect(path)
    for statement in statements:
        writer.execute(statement)
    writer.close()
    return path


def _one(table: pd.DataFrame, **keys) -> pd.Series:
    mine = table
    for name, value in keys.items():
        mine = mine[mine[name] == value]
    assert len(mine) == 1
    return mine.iloc[0]


ALL = {"site": "all_cancers", "sex": 0}
POOLED = {"period_from": 2016, "period_until": 2019}


# ------------------------------------------------------------------------------------------- the shares


def test_shares_are_those_counted_in_the_rows(valid, tmp_path):
    path = _with(
        valid,
        tmp_path,
        "UPDATE tumours SET basis_of_diagnosis = 0 WHERE tumour_key % 10 = 0",
        "UPDATE tumours SET basis_of_diagnosis = 2 WHERE tumour_key % 10 = 1",
        "UPDATE tumours SET stage = '2' WHERE tumour_key % 4 = 0",
        "UPDATE tumours SET morphology = '8000' WHERE tumour_key % 10 = 0",
    )
    rows = duckdb.connect(path, read_only=True).execute(
        "SELECT count(*), count(*) FILTER (WHERE basis_of_diagnosis = 7), "
        "count(*) FILTER (WHERE basis_of_diagnosis = 0), count(*) FILTER (WHERE stage IS NULL), "
        "count(*) FILTER (WHERE morphology = '8000'), count(*) FILTER (WHERE age_years IS NULL) FROM tumours"
    )
    total, *parts = rows.fetchone()
    table = _report(path).indicators
    names = (
        *("microscopically_verified", "death_certificate_only", "missing_stage"),
        *("unspecified_morphology", "unknown_age"),
    )
    for name, part in zip(names, parts, strict=True):
        row = _one(table, registry="isere", indicator=name, **ALL, **POOLED)
        assert (row["part"], row["whole"]) == (part, total)
        limits = wilson_interval(part, total)
        assert row["value"] == pytest.approx(100 * part / total)
        assert (row["lower"], row["upper"]) == pytest.approx((100 * limits.lower, 100 * limits.upper))


def test_years_and_sexes_add_up_to_the_whole(report):
    table = report.indicators
    mine = table[(table["registry"] == "isere") & (table["indicator"] == "missing_stage")]
    mine = mine[mine["site"] == "all_cancers"]
    yearly = mine[mine["period_until"] - mine["period_from"] == 1]
    pooled = _one(mine, sex=0, **POOLED)
    assert yearly.loc[yearly["sex"] == 0, "whole"].sum() == pooled["whole"]
    assert (
        mine.loc[(mine["sex"] > 0) & (mine["period_until"] - mine["period_from"] == 3), "whole"].sum()
        == (pooled["whole"])
    )


def test_in_situ_tumours_are_in_no_share(valid, tmp_path, report):
    path = _with(valid, tmp_path, "UPDATE tumours SET behaviour = 2 WHERE tumour_key <= 30")
    keys = {"registry": "isere", "indicator": "missing_stage", **ALL, **POOLED}
    before, after = _one(report.indicators, **keys), _one(_report(path).indicators, **keys)
    assert after["whole"] == before["whole"] - 30


def test_cells_do_not_say_how_cases_are_known(report):
    table = report.indicators
    for name in ("microscopically_verified", "death_certificate_only", "missing_stage"):
        row = _one(table, registry="calvados", indicator=name, **ALL, **POOLED)
        assert row["status"] == NOT_ESTIMABLE
        assert np.isnan(row["value"])
    assert _one(table, registry="calvados", indicator="unknown_age", **ALL, **POOLED)["status"] == OK


def test_a_coarser_site_does_not_say_how_many_have_no_primary_site(valid, tmp_path, report):
    keys = {"registry": "calvados", "indicator": "primary_site_unknown", **ALL, **POOLED}
    assert _one(report.indicators, **keys)["status"] == NOT_ESTIMABLE
    path = _with(
        valid,
        tmp_path,
        "UPDATE incidence_cells SET site = 'unknown_primary' WHERE site = 'pancreas' AND sex = 2",
    )
    row = _one(_report(path).indicators, **keys)
    assert row["status"] == OK
    assert row["part"] > 0


def test_without_certificates_the_share_of_certificate_only_is_not_applicable_and_no_zero(valid, tmp_path):
    keys = {"indicator": "death_certificate_only", **ALL, **POOLED}
    row = _one(_report(valid).indicators, registry="isere", **keys)
    assert row["status"] == NOT_APPLICABLE
    assert np.isnan(row["value"])
    # A registry that is not known to do without certificates has a zero, which is told.
    renamed = [
        f"UPDATE {name} SET registry = 'elsewhere' WHERE registry = 'isere'"
        for name in ("tumours", "coverage")
    ]
    unknown = _report(_with(valid, tmp_path, *renamed))
    row = _one(unknown.indicators, registry="elsewhere", **keys)
    assert (row["status"], row["value"]) == (OK, 0.0)
    assert "Q022" in set(unknown.actions["code"])
    # One that has such cases uses certificates, whatever the table of registries says.
    (tmp_path / "again").mkdir()
    path = _with(
        valid, tmp_path / "again", "UPDATE tumours SET basis_of_diagnosis = 0 WHERE tumour_key % 50 = 0"
    )
    assert _one(_report(path).indicators, registry="isere", **keys)["status"] == OK


def test_diseases_of_the_blood_have_no_missing_stage(valid, tmp_path, report):
    path = _with(
        valid, tmp_path, "UPDATE tumours SET topography = 'C42.1', morphology = '9861' WHERE tumour_key <= 40"
    )
    keys = {"registry": "isere", "indicator": "missing_stage", **ALL, **POOLED}
    before, after = _one(report.indicators, **keys), _one(_report(path).indicators, **keys)
    assert after["whole"] == before["whole"] - 40


# ------------------------------------------------------------------------------------- completeness


def test_the_ratio_of_deaths_to_cases_is_that_of_the_same_area_and_years(valid, report):
    connection = duckdb.connect(valid, read_only=True)
    dead = connection.execute(
        "SELECT sum(events) FROM death_cells WHERE geo_code = '38' AND site = 'pancreas'"
    ).fetchone()[0]
    cases = connection.execute("SELECT count(*) FROM tumours WHERE topography = 'C25.0'").fetchone()[0]
    row = _one(
        report.indicators, registry="isere", indicator="mortality_incidence_ratio", site="pancreas", sex=0
    )
    assert (row["part"], row["whole"]) == (dead, cases)
    assert row["value"] == pytest.approx(dead / cases)


def test_sites_whose_deaths_have_another_definition_have_no_ratio(sample):
    table = sample.indicators[sample.indicators["indicator"] == "mortality_incidence_ratio"]
    assert set(table.loc[table["site"] == "kidney", "status"]) == {NOT_APPLICABLE}
    assert OK in set(table.loc[table["site"] == "lung", "status"])


def test_survival_by_hand():
    # 20 of 100 die in the first month, 40 leave in the second, 10 of 40 die in the third: 0.8 x 0.75.
    table = pd.DataFrame({"month": [0, 1, 2, 90], "deaths": [20, 0, 10, 0], "censored": [0, 40, 0, 30]})
    dying, error = one_minus_survival(table)
    assert dying == pytest.approx(0.4)
    # Greenwood: S² (20/(100·80) + 10/(40·30)).
    assert error == pytest.approx(0.6 * np.sqrt(20 / 8000 + 10 / 1200))
    few = table.assign(censored=[0, 40, 20, 10])
    assert np.isnan(one_minus_survival(few)[0])


def test_a_year_is_held_against_its_two_neighbours(valid, tmp_path):
    path = _with(valid, tmp_path, "DELETE FROM tumours WHERE year = 2017 AND tumour_key % 2 = 0")
    made = _report(path)
    rows = duckdb.connect(path, read_only=True).execute(
        "SELECT year, count(*) FROM tumours GROUP BY 1 ORDER BY 1"
    )
    counts = dict(rows.fetchall())
    # Person-years are the same each year in this extract.
    row = _one(made.indicators, registry="isere", indicator="yearly_count", period_from=2017)
    assert row["value"] == pytest.approx(2 * counts[2017] / (counts[2016] + counts[2018]))
    flagged = made.actions[made.actions["code"] == "Q080"]
    assert (flagged["registry"] == "isere").all()
    assert 2017 in set(flagged["period_from"])


def test_expected_children_are_rates_times_person_years(valid, report):
    people = duckdb.connect(valid, read_only=True).execute(
        "SELECT sex, age_from, CAST(sum(person_years) AS DOUBLE) FROM person_years "
        "WHERE geo_code = '38' AND age_from < 15 GROUP BY ALL"
    )
    # Published rates per 100 000 of the pooled French registries, CI5 volume XII.
    rates = {(1, 0): 20.0, (1, 5): 12.6, (1, 10): 13.5, (2, 0): 19.2, (2, 5): 9.9, (2, 10): 11.6}
    due = sum(rates[sex, age] * years / 1e5 for sex, age, years in people.fetchall())
    row = _one(report.indicators, registry="isere", indicator="childhood_ratio", sex=0)
    assert row["whole"] == pytest.approx(due)
    assert row["value"] == pytest.approx(row["part"] / due)


def test_a_registry_that_ends_early_is_behind(valid, tmp_path, report):
    keys = {"registry": "isere", "indicator": "years_behind"}
    assert _one(report.indicators, **keys)["value"] == 0
    path = _with(
        valid,
        tmp_path,
        "DELETE FROM tumours WHERE year > 2016",
        "INSERT INTO death_cells SELECT source, site, icd10, sex, geo_level, geo_code, geo_vintage, 2021, "
        "2022, age_from, age_until, age_status, events FROM death_cells WHERE period_from = 2018",
    )
    made = _report(path)
    assert _one(made.indicators, **keys)["value"] == 5
    assert "Q120" in set(made.actions.loc[made.actions["registry"] == "isere", "code"])


# ---------------------------------------------------------------------------------------- comparison


def _shares_of(parts, wholes, indicator="missing_stage"):
    parts, wholes = np.array(parts, dtype=float), np.array(wholes, dtype=float)
    limits = wilson_interval(parts, wholes)
    table = pd.DataFrame(
        {
            "registry": [f"r{i}" for i in range(len(parts))], "indicator": indicator, "site": "all_cancers",
            "sex": 0, "period_from": 2016, "period_until": 2019, "part": parts, "whole": wholes,
            "value": 100 * parts / wholes, "lower": 100 * limits.lower, "upper": 100 * limits.upper,
            "unit": "percent", "status": OK,
        }
    )  # fmt: skip
    return table[list(COLUMNS)]


def test_a_registry_is_compared_with_the_others_together():
    found = compared(_shares_of([100, 100, 250], [1000, 1000, 1000]))
    assert found["others"].tolist() == pytest.approx([17.5, 17.5, 10.0])
    # By hand: (0.25 - 0.10) / sqrt(0.15 x 0.85 x (1/1000 + 1/2000)) = 10.85.
    z = 0.15 / np.sqrt(0.15 * 0.85 * (1 / 1000 + 1 / 2000))
    assert z == pytest.approx(10.85, abs=0.005)
    assert found["p_value"].iloc[2] < 1e-20
    assert found["differs"].tolist() == [True, True, True]
    alike = compared(_shares_of([100, 105, 96], [1000, 1000, 1000]))
    assert not alike["differs"].any()


def test_a_registry_alone_is_compared_with_nobody():
    assert compared(_shares_of([100], [1000]))["others"].isna().all()


# -------------------------------------------------------------------------------------------- rules


def test_every_rule_has_its_texts_a_source_and_a_known_indicator(sample):
    names = set(sample.indicators["indicator"])
    for rule in quality_rules():
        texts = catalogue()[rule.code]
        assert placeholders(texts["fr"]) == placeholders(texts["en"])
        assert placeholders(texts["en"]) <= {"registry", "site", "years", "indicator", "found", "limit"}
        assert rule.source
        assert rule.action in (FLAG, BLOCK)
        assert rule.indicator in names | {"*", "mortality_less_lethality", "last_year_ratio"}
    codes = [rule.code for rule in quality_rules()]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize(
    ("indicator", "part", "codes"),
    [
        ("microscopically_verified", 700, {"Q010"}),
        ("microscopically_verified", 999, {"Q011"}),
        ("microscopically_verified", 900, set()),
        ("death_certificate_only", 150, {"Q020"}),
        ("death_certificate_only", 300, {"Q020", "Q021"}),
        ("death_certificate_only", 0, {"Q022"}),
        ("primary_site_unknown", 80, {"Q030"}),
        ("primary_site_unknown", 150, {"Q030", "Q031"}),
        ("unspecified_morphology", 150, {"Q040"}),
        ("unknown_age", 30, {"Q050"}),
        ("missing_stage", 400, {"Q060"}),
        ("missing_stage", 305, set()),
    ],
)
def test_a_share_beyond_its_limit_breaks_its_rule_and_no_other(indicator, part, codes):
    found = broken_rules(compared(_shares_of([part], [1000], indicator)))
    assert set(found["code"]) == codes
    assert set(found.loc[found["code"].isin(["Q021", "Q031"]), "action"]) <= {BLOCK}


def _ratio(indicator, value, lower, upper, **columns):
    row = dict.fromkeys(COLUMNS, np.nan) | {
        "registry": "r0", "indicator": indicator, "site": "all_cancers", "sex": 0, "period_from": 2016,
        "period_until": 2019, "value": value, "lower": lower, "upper": upper, "unit": "ratio", "status": OK,
        "part": 100.0, "whole": 100.0,
    }  # fmt: skip
    return compared(pd.DataFrame([row | columns], columns=list(COLUMNS)))


@pytest.mark.parametrize(
    ("row", "codes"),
    [
        (_ratio("mortality_incidence_ratio", 1.2, 1.05, 1.4, site="liver"), {"Q070"}),
        (_ratio("mortality_incidence_ratio", 1.2, 0.95, 1.5, site="liver"), set()),
        (_ratio("mortality_less_lethality", 0.3, 0.2, 0.4, site="lung"), {"Q071"}),
        (_ratio("mortality_less_lethality", 0.1, 0.0, 0.2, site="lung"), set()),
        (_ratio("childhood_ratio", 0.5, 0.4, 0.6, part=50.0, whole=100.0), {"Q090"}),
        (_ratio("childhood_ratio", 0.8, 0.7, 0.9, part=80.0, whole=100.0), set()),
        (_ratio("old_age_ratio", 0.7, 0.65, 0.75), {"Q100"}),
        (_ratio("last_year_ratio", 0.93, 0.91, 0.95), {"Q110"}),
        (_ratio("last_year_ratio", 0.8, 0.75, 0.85), {"Q110", "Q111"}),
        (_ratio("years_behind", 5.0, np.nan, np.nan, unit="years"), {"Q120"}),
        (_ratio("years_behind", 4.0, np.nan, np.nan, unit="years"), set()),
    ],
)
def test_a_ratio_beyond_its_limit_breaks_its_rule_and_no_other(row, codes):
    assert set(broken_rules(row)["code"]) == codes


def test_a_registry_far_from_the_others_is_flagged_for_it():
    found = broken_rules(compared(_shares_of([100, 100, 250], [1000, 1000, 1000])))
    assert set(found.loc[found["code"] == "Q130", "registry"]) == {"r0", "r1", "r2"}
    # Significant, but a point apart: chance does not make it, and it does not matter.
    near = compared(_shares_of([10_000, 10_000, 11_500], [100_000] * 3))
    assert near["differs"].any()
    assert "Q130" not in set(broken_rules(near)["code"])


def test_what_is_done_concerns_the_right_numbers():
    rows = [
        ("r", "all_cancers", 0, 2016, 2019, FLAG, "Q010", "", 1.0, 1.0),
        ("r", "colorectum", 0, 2016, 2019, FLAG, "Q060", "missing_stage", 1.0, 1.0),
        ("r", "all_cancers", 0, 2018, 2019, BLOCK, "Q111", "", 1.0, 1.0),
        ("r", "liver", 1, 2016, 2019, FLAG, "Q070", "", 1.0, 1.0),
    ]
    actions = pd.DataFrame(rows, columns=list(ACTION_COLUMNS))
    by_stage = action_for(actions, "r", "colon", 2, 2016, 2017, by_stage=True)
    assert by_stage == (FLAG, ("Q010", "Q060"))
    # Stages that are missing say nothing of numbers that are not by stage.
    assert action_for(actions, "r", "colon", 2, 2016, 2017) == (FLAG, ("Q010",))
    assert action_for(actions, "r", "lung", 1, 2016, 2017) == (FLAG, ("Q010",))
    assert action_for(actions, "r", "lung", 1, 2016, 2019) == (BLOCK, ("Q010", "Q111"))
    assert action_for(actions, "r", "liver", 2, 2016, 2017) == (FLAG, ("Q010",))
    assert action_for(actions, "r", "liver", 0, 2016, 2017) == (FLAG, ("Q010", "Q070"))
    # Years are half-open: neither the year after nor the one before is concerned.
    assert action_for(actions, "r", "lung", 1, 2019, 2020) == (None, ())
    assert action_for(actions, "r", "lung", 1, 2015, 2016) == (None, ())
    assert action_for(actions, "other", "liver", 0, 2016, 2019) == (None, ())


def test_the_sample_is_judged_complete(sample):
    # Its cases and deaths follow the published rates: no registry is blocked, none far from the others.
    assert not (sample.actions["action"] == BLOCK).any()
    assert not {"Q080", "Q100", "Q010", "Q030"} & set(sample.actions["code"])


# -------------------------------------------------------------------------------------- the public form


def test_the_public_form_holds_no_small_count(sample):
    public = sample.frame(public=True)
    assert "part" not in public.columns
    assert "whole" not in public.columns
    internal = sample.indicators.set_index(list(COLUMNS[:6]))
    for row in public[public["status"] == OK].itertuples(index=False):
        if row.indicator == "years_behind":
            continue
        exact = internal.loc[
            (row.registry, row.indicator, row.site, row.sex, row.period_from, row.period_until)
        ]
        counts = [exact["part"]]
        if row.unit == "percent":
            counts.append(exact["whole"] - exact["part"])
        elif row.indicator != "childhood_ratio":
            counts.append(exact["whole"])
        assert all(count == 0 or count >= 11 for count in counts)
    assert HIDDEN in set(public["status"])
    assert public.loc[public["status"] != OK, ["value", "others"]].isna().all().all()
    assert (
        public["sex"] == public["site"].map(lambda s: SITES[s].sexes[0] if len(SITES[s].sexes) == 1 else 0)
    ).all()


def test_no_small_count_is_told_in_the_public_text(valid, tmp_path):
    path = _with(
        valid, tmp_path, "UPDATE tumours SET basis_of_diagnosis = 0 WHERE tumour_key <= 7 AND year = 2016"
    )
    made = _report(path)
    public = made.frame(public=True)
    mine = public[(public["registry"] == "isere") & (public["indicator"] == "death_certificate_only")]
    assert set(mine.loc[mine["site"] == "all_cancers", "status"]) <= {HIDDEN, OK}
    assert _one(mine, site="all_cancers", period_from=2016, period_until=2017)["status"] == HIDDEN
    # The whole period would give it back: the other years have none.
    assert _one(mine, site="all_cancers", **POOLED)["status"] == HIDDEN
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
    table = compared(_shares_of([5, 300], [1000, 3000]))
    public = public_form(table)
    assert public["status"].tolist() == [HIDDEN, OK]
    assert public["others"].isna().all()


def test_the_command_speaks_french_by_default_and_english_on_demand(valid, tmp_path, capsys):
    path = _with(
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
