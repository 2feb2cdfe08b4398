"""Numbers, words and signs of the report."""

from __future__ import annotations

import re
from importlib.resources import files
from string import Formatter

import numpy as np
import pytest

from rnc_epi.report.formats import NOTHING, Format
from rnc_epi.report.texts import report_texts, text
from rnc_epi.report.wording import short_area_name, sign_notes
from rnc_epi.vocabulary.errors import InputError

NARROW, NO_BREAK = "\u202f", "\u00a0"


def row(status="published", value=1234.56, lower=1200.0, upper=1300.25, unit="rate"):
    return {"status": status, "value": value, "lower": lower, "upper": upper, "measure_unit": unit}


def test_french_numbers_have_a_narrow_no_break_space_and_a_comma():
    assert Format("fr").number(1234567.25, 1) == f"1{NARROW}234{NARROW}567,2"
    assert Format("en").number(1234567.25, 1) == "1,234,567.2"


def test_limits_are_written_as_french_and_british_readers_expect():
    assert Format("fr").limits(1.25, 1300, 2) == f"[1,25{NARROW}; 1{NARROW}300,00]"
    assert Format("en").limits(1.25, 1300, 2) == "(1.25–1,300.00)"
    assert Format("fr").interval_name(0.95) == f"IC95{NO_BREAK}%"
    assert Format("en").interval_name(0.998) == "99.8% CI"


def test_each_unit_is_shown_at_its_published_precision():
    written = Format("en")
    assert written.value(row(unit="events", value=12.0)) == "12"
    assert written.value(row(unit="rate", value=12.04)) == "12.0"
    assert written.value(row(unit="ratio", value=1.039)) == "1.04"


@pytest.mark.parametrize("status", ["not_published", "not_estimable"])
def test_a_row_that_is_not_published_shows_its_sign_even_if_a_number_was_left_in_it(status):
    written = Format("fr")
    assert written.value(row(status=status)) == text(f"sign_{status}", "fr")
    assert written.interval(row(status=status)) == ""
    assert not re.search(r"\d", written.value(row(status=status)))


def test_no_row_is_a_dash_and_no_limits_are_nothing():
    assert Format("fr").value(None) == NOTHING
    assert Format("fr").interval(row(lower=np.nan)) == ""


def test_periods_and_ages_are_written_with_their_last_year_and_age_included():
    assert Format("fr").period(2016, 2021) == "2016-2020"
    assert Format("fr").period(2016, 2017) == "2016"
    assert Format("fr").ages(15, 50) == "15-49"
    assert Format("en").ages(0, None) == "all ages"


def test_an_enumeration_is_joined_as_a_sentence_joins_it():
    assert Format("fr").sentence_list(["a", "b", "c"]) == "a, b et c"
    assert Format("en").sentence_list(["a"]) == "a"


def test_the_two_signs_differ_and_each_table_explains_those_that_it_holds():
    hidden, impossible = text("sign_not_published", "fr"), text("sign_not_estimable", "fr")
    assert hidden != impossible
    notes = sign_notes([("Sein", hidden), ("Poumon", "12,0\n[1,0 ; 2,0]")], "fr")
    assert len(notes) == 1
    assert notes[0].startswith(hidden)


def test_a_registry_is_named_by_its_place_on_an_axis():
    name = "Registre des tumeurs du Doubs et du Territoire de Belfort (synthétique)"
    assert short_area_name(name) == "Doubs et Territoire de Belfort"
    assert short_area_name("Registre des cancers de La Réunion (synthétique)") == "La Réunion"
    assert short_area_name("Registre du cancer de l'Isère") == "Isère"
    assert short_area_name("Calvados registry (synthetic)") == "Calvados"


def test_every_text_exists_in_both_languages_with_the_same_facts():
    def asked(template):
        return sorted({name for _, name, _, _ in Formatter().parse(template) if name})

    for key, said in report_texts().items():
        assert set(said) == {"fr", "en"}, key
        assert asked(said["fr"]) == asked(said["en"]), key


def test_every_text_is_used_and_every_text_that_is_asked_for_exists():
    sources = "\n".join(
        path.read_text(encoding="utf-8")
        for folder in ("", "figures", "templates")
        for path in (files("rnc_epi.report") / folder).iterdir()
        if path.is_file() and path.name.rsplit(".")[-1] in ("py", "j2", "typ")
    )
    quoted = set(re.findall(r'"([a-z][a-z0-9_]*)"', sources))
    # Keys made from a code: the part before the code stands in an f-string.
    prefixes = set(re.findall(r'f"([a-z_]+_)\{', sources))
    # Keys of the public ledger, whose kind and code are both variable.
    prefixes |= {"step_", "fate_"}
    unused = [key for key in report_texts() if key not in quoted and not key.startswith(tuple(prefixes))]
    assert unused == []
    asked = set(re.findall(r'\btext\(\s*"([a-z0-9_]+)"', sources)) | set(
        re.findall(r'\bt\("([a-z0-9_]+)"', sources)
    )
    assert asked - set(report_texts()) == set()


def test_french_punctuation_is_preceded_by_a_space_that_does_not_break():
    for key in report_texts():
        facts = {name: "x" for _, name, _, _ in Formatter().parse(report_texts()[key]["fr"]) if name}
        assert not re.search(r" [:;!?%»]|« ", text(key, "fr", **facts)), key


def test_a_language_that_the_report_is_not_written_in_is_refused():
    with pytest.raises(InputError) as refused:
        text("summary", "de")
    assert refused.value.code == "M005"
