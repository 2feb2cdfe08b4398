"""The quality of the embedded sample: the rules that judge it, and its public form."""

from __future__ import annotations

import pytest

from rnc_epi.extracts.embedded import embedded_sample
from rnc_epi.extracts.quality import quality_rules
from rnc_epi.extracts.quality.public import HIDDEN
from rnc_epi.extracts.quality.rules import BLOCK, FLAG
from rnc_epi.extracts.quality.shares import COLUMNS, NOT_APPLICABLE, OK
from rnc_epi.vocabulary.errors import catalogue, placeholders
from rnc_epi.vocabulary.sites import SITES
from tests.quality_reports import report_of


@pytest.fixture(scope="module")
def sample():
    return report_of(embedded_sample())


def test_sites_whose_deaths_have_another_definition_have_no_ratio(sample):
    table = sample.indicators[sample.indicators["indicator"] == "mortality_incidence_ratio"]
    assert set(table.loc[table["site"] == "kidney", "status"]) == {NOT_APPLICABLE}
    assert OK in set(table.loc[table["site"] == "lung", "status"])


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


def test_the_sample_is_judged_complete(sample):
    # Its cases and deaths follow the published rates: no registry is blocked, none far from the others.
    assert not (sample.actions["action"] == BLOCK).any()
    assert not {"Q080", "Q100", "Q010", "Q030"} & set(sample.actions["code"])


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
