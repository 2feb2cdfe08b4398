"""A registry that the rules on quality block teaches no ratio and stands for no area."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace

import pandas as pd
import pytest

from rnc_epi import flow
from rnc_epi.chapters import whole_country_chapter
from rnc_epi.extracts.opening import open_extract
from rnc_epi.extracts.quality import QualityReport
from rnc_epi.extracts.quality.rules import COLUMNS
from rnc_epi.quality_marks import POOR_DATA, without_blocked
from rnc_epi.vocabulary.errors import InputError, NotCovered
from rnc_epi.vocabulary.study import parse_study
from tests.country_cells import VINTAGE, area, country_cells
from tests.extract_builder import write_extract

HEAD = 'schema = 1\ntitle = "t"\nextract = "x.duckdb"\n'
STUDY = parse_study(
    HEAD + "[calibration]\nsites = ['pancreas']\nsexes = [1]\nproxies = ['HA']\ncombine = false\n"
    "national = false\nperiods = ['2014-2018']\n",
    "STUDY.toml",
)


@pytest.fixture(scope="module")
def world():
    return country_cells(spread={"HA": 0.03})


class Builder:
    """What a chapter asks of cells, given from a synthetic country."""

    def __init__(self, world) -> None:
        self.held = {"incidence": [world.incidence], "proxy_HA": world.proxies, "death": [world.deaths]}
        self.membership = SimpleNamespace(
            links=[
                SimpleNamespace(parent=parent, child=child)
                for parent, below in world.hierarchy.areas
                for child in below
            ]
        )

    def cells(self, selection):
        return [part for event in selection.event_types for part in self.held.get(event, [])]


def report(*numbers: int, action: str = "block", years: tuple[int, int] = (2014, 2019)) -> QualityReport:
    """Each of some départements has a registry of its own, accused of something."""
    names = [f"of {area(number).geo_code}" for number in numbers]
    actions = [(name, "all_cancers", 0, *years, action, "Q021", "x", 1.0, 1.0) for name in names]
    places = [
        (name, "departement", area(number).geo_code, VINTAGE)
        for name, number in zip(names, numbers, strict=True)
    ]
    return QualityReport(
        "x",
        pd.DataFrame(),
        pd.DataFrame(actions, columns=list(COLUMNS)),
        pd.DataFrame(places, columns=["registry", "geo_level", "geo_code", "geo_vintage"]),
        {name: frozenset({"pancreas"}) for name in names},
    )


def chapter(world, quality=None):
    withheld = None if quality is None else partial(without_blocked, report=quality)
    return whole_country_chapter(STUDY, ("pancreas",), None, Builder(world), withheld=withheld)  # type: ignore[arg-type]


def of_area(rows, number):
    return rows[rows["geo_level"].eq("departement") & rows["geo_code"].eq(area(number).geo_code)]


def without(world, number):
    cells = world.incidence
    kept = cells.take(cells.strata["geo_code"].ne(area(number).geo_code).to_numpy())
    return SimpleNamespace(**{**vars(world), "incidence": kept})


def test_a_blocked_district_is_predicted_as_if_it_had_no_registry(world) -> None:
    before, after = chapter(world), chapter(world, report(2))
    assert set(of_area(before.results, 2)["estimator"]) == {"observed"}
    own = of_area(after.results, 2)
    assert set(own["estimator"]) == {"calibrated"}
    assert set(own["status"]) == {"estimated"}
    assert set(own["method"]) == {"calibrated-HA"}
    # Not one figure of any area, region or nation knows what the registry counted.
    absent = chapter(without(world, 2))
    pd.testing.assert_frame_equal(after.results, absent.results)
    validated = [one.internal["calibration_validation"] for one in (before, after)]
    assert len(validated[0]) == len(validated[1]) + 1
    said = after.internal["calibration_exclusions"]
    assert of_area(said, 2)["reason"].eq(POOR_DATA).any()
    assert not before.internal["calibration_exclusions"]["reason"].eq(POOR_DATA).any()


def test_a_flagged_district_teaches_as_before(world) -> None:
    pd.testing.assert_frame_equal(chapter(world, report(2, action="flag")).results, chapter(world).results)


def test_only_the_years_that_are_blocked_are_taken_out(world) -> None:
    kept, gone = without_blocked(world.incidence, report(2, years=(2018, 2019)))
    assert gone["period_until"].eq(2019).all()
    assert set(gone["geo_code"]) == {area(2).geo_code}
    assert len(kept) + len(gone) == len(world.incidence)
    left = of_area(kept.strata, 2)
    assert left["period_from"].tolist() == [2014, 2015, 2016, 2017]


def test_correlates_and_deaths_are_never_blocked(world) -> None:
    for cells in (*world.proxies, world.deaths):
        assert len(without_blocked(cells, report(*range(30)))[1]) == 0


def test_too_few_districts_that_are_left_are_refused_with_their_code(world) -> None:
    found = chapter(world, report(*range(10)))
    assert set(found.results["status"]) == {"not_estimable"}
    assert "C010" in set(found.internal["calibration_exclusions"]["reason"])


def test_where_every_district_is_blocked_the_rules_are_named(world) -> None:
    with pytest.raises(NotCovered) as refusal:
        chapter(world, report(*range(14)))
    assert refusal.value.code == "K015"
    for language in ("fr", "en"):
        assert '"block"' in refusal.value.message(language)


def test_without_any_correlate_the_period_is_not_at_fault(world) -> None:
    nothing = SimpleNamespace(**{**vars(world), "proxies": []})
    with pytest.raises(InputError) as refusal:
        chapter(nothing)
    assert refusal.value.code == "W001"


POLICY = """schema = 1
name = "essai"
threshold = 11
[precision]
count = 0
rate = 1
ratio = 2
percent = 1
[[plan]]
geo_level = "departement"
minimum_years = 3
age_detail = false
"""


class Seen(Exception):
    """The chapter was reached."""


@pytest.mark.parametrize(("rules", "told"), [("block", True), ("flag", False), ("ignore", False)])
def test_a_run_tells_the_chapter_what_is_blocked(tmp_path, monkeypatch, rules: str, told: bool) -> None:
    given = []

    def seen(*_, withheld):
        given.append(withheld)
        raise Seen

    monkeypatch.setattr(flow, "whole_country_chapter", seen)
    study = parse_study(
        HEAD + "[select]\nsites = ['prostate']\nsexes = [1]\nevents = ['incidence']\n"
        "geo_levels = ['departement']\npooled = ['2016-2018']\n[calibration]\n"
        f"[quality]\nrules = '{rules}'\n",
        "STUDY.toml",
    )
    (tmp_path / "p.toml").write_text(POLICY)
    extract = open_extract(write_extract(tmp_path / "x.duckdb"), threads=1)
    try:
        with pytest.raises(Seen):
            flow.compute(study, extract, flow.load_policy("p.toml", folder=tmp_path))
    finally:
        extract.close()
    assert [one is not None for one in given] == [told]
