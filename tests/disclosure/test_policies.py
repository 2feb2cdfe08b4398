"""A policy is what its file says, and what it does not understand it refuses."""

from __future__ import annotations

import pytest

from rnc_epi.disclosure import load_policy
from rnc_epi.vocabulary.errors import StudyFileError


def write(folder, text):
    (folder / "mine.toml").write_text(text, encoding="utf-8")
    return load_policy("mine.toml", {"a": 5, "ci5": 0}, folder=folder)


def test_the_default_policy_protects_persons_from_eleven():
    policy = load_policy()
    assert policy.threshold == 11
    assert {rule.geo_level for rule in policy.plan} >= {"region", "departement", "registry_zone", "epci"}
    assert policy.rule_of("commune", "death") is None
    assert policy.rule_of("departement", "death").minimum_years == 5


def test_a_policy_of_ones_own_is_read_from_the_folder_of_the_study(tmp_path):
    text = 'schema = 1\nname = "mine"\nthreshold = 16\n[sources]\na = 20\nci5 = 3\n'
    text += '[[plan]]\ngeo_level = "region"\nminimum_years = 3\nage_detail = false\nevent_types = ["death"]\n'
    policy = write(tmp_path, text)
    assert (policy.name, policy.threshold) == ("mine", 16)
    # A line of the file raises the threshold of a source, and never lowers what the extract declares.
    assert policy.source_thresholds == {"a": 20, "ci5": 3}
    assert policy.rule_of("region", "incidence") is None


def test_a_file_never_lowers_the_threshold_of_a_source(tmp_path):
    assert write(tmp_path, "schema = 1\n[sources]\na = 0\n").threshold_of("a") == 5


def test_the_fingerprint_follows_the_rules(tmp_path):
    first = write(tmp_path, "schema = 1\nthreshold = 16\n").fingerprint()
    assert write(tmp_path, "schema = 1\nthreshold = 16\n").fingerprint() == first
    assert write(tmp_path, "schema = 1\nthreshold = 15\n").fingerprint() != first


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("schema = 1\ntreshold = 5\n", "P002"),
        ("schema = 1\nthreshold = 'eleven'\n", "P003"),
        ("schema = 1\nthreshold = true\n", "P003"),
        ("schema = 2\n", "P003"),
        ("schema = 1\n[precision]\nrate = 9\n", "P003"),
        ("schema = 1\n[sources]\na = 'x'\n", "P003"),
        ("schema = 1\n[[plan]]\ngeo_level = 'region'\n", "P003"),
        ("schema =\n", "P004"),
        ("schema = 1\nthreshold = -1\n", "S010"),
    ],
)
def test_what_a_policy_file_may_not_say_is_refused(tmp_path, text, code):
    with pytest.raises(StudyFileError, match=code):
        write(tmp_path, text)


def test_an_unknown_policy_is_refused(tmp_path):
    with pytest.raises(StudyFileError, match="P001"):
        load_policy("absent.toml", folder=tmp_path)
