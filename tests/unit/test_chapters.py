"""A chapter that a study names things for gives them, or says what it cannot give."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from rnc_epi.cells.build import Selection
from rnc_epi.chapters import _require_maps, whole_country_chapter
from rnc_epi.vocabulary.errors import NotCovered
from rnc_epi.vocabulary.study import parse_study
from rnc_epi.vocabulary.study_small_areas import SmallAreas

HEAD = 'schema = 1\ntitle = "t"\nextract = "x.duckdb"\n'

#: One map, of deaths from lung cancer of men, fitted.
MADE = pd.DataFrame({"site": ["lung"], "sex": [1], "event_type": ["death"], "code": [""]})


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ({"sites": ["lung", "breast"]}, "breast"),
        ({"sexes": [1, 2]}, "2"),
        ({"events": ["death", "incidence"]}, "incidence"),
    ],
)
def test_what_a_study_names_for_its_maps_and_no_map_shows_is_refused(
    named: dict[str, Any], said: str
) -> None:
    with pytest.raises(NotCovered) as caught:
        _require_maps(SmallAreas(**named), MADE)
    assert (caught.value.code, caught.value.facts["found"]) == ("K013", said)


def test_what_a_study_leaves_open_may_have_no_map() -> None:
    _require_maps(SmallAreas(), MADE)
    _require_maps(SmallAreas(sites=["lung"], sexes=[1], events=["death"]), MADE)


def test_a_section_that_gives_no_map_at_all_is_refused() -> None:
    with pytest.raises(NotCovered, match="K013"):
        _require_maps(SmallAreas(), pd.DataFrame())


def test_an_event_that_is_named_and_has_no_national_rates_is_refused() -> None:
    maps = pd.concat([MADE, MADE.assign(event_type="incidence", code="A037")])
    with pytest.raises(NotCovered) as caught:
        _require_maps(SmallAreas(sexes=[1], events=["death", "incidence"]), maps)
    assert caught.value.code == "A037"
    assert "incidence" in caught.value.message("fr")
    # With both events by default a map is made of what can be compared; so is one that has rates once.
    _require_maps(SmallAreas(), maps)
    _require_maps(
        SmallAreas(sexes=[1], events=["death", "incidence"]), pd.concat([maps, maps.assign(code="")])
    )


def test_a_period_that_no_correlate_counts_is_refused_with_those_that_are() -> None:
    counted = SimpleNamespace(strata=pd.DataFrame({"period_from": [2016], "period_until": [2021]}))

    class Builder:
        def cells(self, selection: Selection) -> list[SimpleNamespace]:
            asked = [(period.period_from, period.period_until) for period in selection.pooled]
            return [counted] if not asked or (2016, 2021) in asked else []

    study = parse_study(
        HEAD + "[calibration]\nsites = ['lung']\nperiods = ['2016-2020', '2017-2019']", "STUDY.toml"
    )
    with pytest.raises(NotCovered) as caught:
        whole_country_chapter(study, ("lung",), None, Builder())  # type: ignore[arg-type]
    assert caught.value.code == "K014"
    assert caught.value.facts == {"found": "2017-2019", "expected": "2016-2020"}
