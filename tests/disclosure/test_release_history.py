"""A release is read beside all that went out before, in this output folder and in those beside it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from release_builder import staged

from rnc_epi.attack.differencing import differencing
from rnc_epi.disclosure import protect
from rnc_epi.main_jobs import publish_edition
from rnc_epi.release.history import released_before
from rnc_epi.vocabulary.errors import DisclosureRefused


@pytest.fixture(scope="module")
def by_another_standard(small_study, plan_policy):
    """The same study, its rates weighed by the European standard in place of the world's."""
    results = small_study.results.copy()
    results["standard"] = results["standard"].replace("world", "esp2013")
    return protect(results, small_study.hierarchy, plan_policy)


def write(study, policy, protected, out: Path, asked: str) -> Path:
    facts = {"extract_fingerprint": "0" * 64, "parameters": {"asked": asked}}
    return staged(
        study, out, releasable=protected[0], policy=policy, protection=protected[1], manifest_facts=facts
    )


def test_a_second_standard_in_a_second_folder_is_not_published(
    small_study, plan_policy, protected, by_another_standard, tmp_path
):
    write(small_study, plan_policy, protected, tmp_path / "first", "world")
    publish_edition(tmp_path / "first", approve="a")
    second = write(small_study, plan_policy, by_another_standard, tmp_path / "second", "esp2013")
    with pytest.raises(DisclosureRefused) as caught:
        publish_edition(tmp_path / "second", approve="a")
    assert caught.value.code == "B030"
    assert second.is_dir()
    assert not (tmp_path / "second" / "releases").exists()
    found = differencing(tmp_path / "first", second).findings
    assert {finding.where.split(" in both")[0] for finding in found} == {"A9"}


def test_the_same_figures_in_a_second_folder_are_published(small_study, plan_policy, protected, tmp_path):
    for name in ("first", "second", "third"):
        write(small_study, plan_policy, protected, tmp_path / name, name)
        publish_edition(tmp_path / name, approve="a")
    newest = json.loads((tmp_path / "third" / "current" / "MANIFEST.json").read_text())["release_id"]
    before = released_before(tmp_path / "third", newest)
    assert {path.parent.parent.name for path in before} == {"first", "second"}


def test_what_went_out_is_found_once_and_what_is_no_release_is_passed_over(tmp_path):
    for folder, name in (("a", "rnc-1"), ("a", "rnc-2"), ("b", "rnc-2"), ("b", "rnc-3")):
        place = tmp_path / folder / "releases" / name
        place.mkdir(parents=True)
        (place / "MANIFEST.json").write_text(json.dumps({"release_id": name}))
    broken = tmp_path / "b" / "releases" / "rnc-4"
    broken.mkdir()
    (broken / "MANIFEST.json").write_text("{")
    found = released_before(tmp_path / "b", "rnc-3")
    assert [str(path.relative_to(tmp_path)) for path in found] == ["a/releases/rnc-1", "b/releases/rnc-2"]
