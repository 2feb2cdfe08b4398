"""The attacks have teeth: planted leaks are found, a safe release gives no alarm, bounds are exact."""

from __future__ import annotations

import itertools
import json

import leaks
import numpy as np
import pandas as pd
import pytest

from rnc_epi.attack import attack_release, attack_tables
from rnc_epi.attack.bounds import groups_of, optimum
from rnc_epi.attack.published import published_cells
from rnc_epi.attack.relations import rebuild
from rnc_epi.vocabulary.areas import AreaKey
from rnc_epi.vocabulary.hierarchy import Hierarchy
from rnc_epi.vocabulary.schemas import as_result

RULES = {"threshold": 11, "source_thresholds": {}}


def test_a_safe_release_gives_no_alarm(stage_to, tmp_path):
    report = attack_release(stage_to(tmp_path))
    assert report.findings == ()
    assert report.safe
    assert report.contradictory == 0
    # It tried: there are hidden cells, sums and programmes.
    assert min(report.hidden, report.sums) > 50
    assert report.programmes > 5


@pytest.mark.parametrize(("name", "seed"), leaks.cases(range(2)))
def test_a_planted_leak_is_found(small_study, protected, name, seed):
    rng = np.random.default_rng([seed, len(name)])
    leaky = leaks.TABLE_LEAKS[name](protected[0].table, small_study.results, rng)
    assert not attack_tables(leaky, small_study.hierarchy, RULES).safe


@pytest.mark.slow
@pytest.mark.parametrize(("name", "seed"), leaks.cases(range(100, 112)))
def test_a_leak_planted_by_an_unseen_seed_is_found(small_study, protected, name, seed):
    rng = np.random.default_rng([seed, len(name)])
    leaky = leaks.TABLE_LEAKS[name](protected[0].table, small_study.results, rng)
    assert not attack_tables(leaky, small_study.hierarchy, RULES).safe


@pytest.mark.parametrize("kind", ["accounting", "metadata", "text", "table", "outlines"])
def test_a_small_number_in_any_file_is_found(stage_to, tmp_path, kind):
    folder = stage_to(tmp_path)
    if kind == "accounting":
        text = (folder / "accounting_public.csv").read_text()
        (folder / "accounting_public.csv").write_text(text.replace("<11", "3"))
    elif kind == "metadata":
        stated = json.loads((folder / "metadata.json").read_text())
        (folder / "metadata.json").write_text(json.dumps(stated | {"quarantine": {"events": 3}}))
    elif kind == "text":
        (folder / "README_fr.txt").write_text("On compte 3 décès à Ouessant.")
    elif kind == "table":
        (folder / "extra.csv").write_text("area,cases\n29155,3\n")
    else:
        stated = json.loads((folder / "outlines.geojson").read_text())
        stated["features"][0]["properties"]["deaths"] = 3
        (folder / "outlines.geojson").write_text(json.dumps(stated))
    report = attack_release(folder)
    assert {finding.attack for finding in report.findings} == {"A1"}


def test_a_source_published_elsewhere_is_no_leak():
    table = as_result(pd.DataFrame([{
        "indicator": "count", "measure_unit": "events", "event_type": "incidence", "site": "lung", "sex": 1,
        "geo_level": "registry_zone", "geo_code": "X", "geo_vintage": "v", "period_from": 2013,
        "period_until": 2018, "age_from": 0, "events": 3.0, "value": 3.0, "status": "published",
        "source": "ci5",
    }]))  # fmt: skip
    assert attack_tables(table, Hierarchy(), {"threshold": 11, "source_thresholds": {"ci5": 0}}).safe
    assert not attack_tables(table, Hierarchy(), RULES).safe


def two_way_table(seed: int) -> tuple[pd.DataFrame, Hierarchy, np.ndarray]:
    """Return counts of two sexes in three areas with their margins, some of them hidden: 12 cells."""
    rng = np.random.default_rng(seed)
    inner = rng.integers(0, 5, (2, 3))
    full = np.zeros((3, 4), dtype=int)
    full[1:, 1:] = inner
    full[0, 1:] = inner.sum(axis=0)
    full[:, 0] = full[:, 1:].sum(axis=1)
    hidden = (rng.random((3, 4)) < 0.6) & (full <= 7)
    rows = []
    for sex, place in itertools.product(range(3), range(4)):
        level, code = ("region", "R") if place == 0 else ("departement", f"0{place}")
        rows.append(
            {
                "indicator": "count", "measure_unit": "events", "event_type": "death", "site": "x",
                "sex": sex,
                "geo_level": level, "geo_code": code, "geo_vintage": "v", "period_from": 2016,
                "period_until": 2021, "age_from": 0, "source": "deaths",
                "status": "not_published" if hidden[sex, place] else "published",
                "events": np.nan if hidden[sex, place] else float(full[sex, place]),
            }
        )  # fmt: skip
    areas = ((AreaKey("region", "R", "v"), tuple(AreaKey("departement", f"0{k}", "v") for k in (1, 2, 3))),)
    return as_result(pd.DataFrame(rows)), Hierarchy(areas=areas), np.where(hidden, -1, full)


def enumerated(shown: np.ndarray, most: int) -> dict[tuple[int, int], tuple[int, int]]:
    """Return the extremes of each hidden cell, at most `most`, over every table that agrees."""
    cells = np.array(list(itertools.product(range(most + 1), repeat=6))).reshape(-1, 2, 3)
    tables = np.zeros((len(cells), 3, 4), dtype=int)
    tables[:, 1:, 1:] = cells
    tables[:, 0, 1:] = cells.sum(axis=1)
    tables[:, :, 0] = tables[:, :, 1:].sum(axis=2)
    agree = ((tables == shown) | ((shown < 0) & (tables <= most))).all(axis=(1, 2))
    return {
        (sex, place): (int(tables[agree, sex, place].min()), int(tables[agree, sex, place].max()))
        for sex, place in zip(*np.nonzero(shown < 0), strict=True)
    }


@pytest.mark.parametrize("seed", range(12))
def test_bounds_equal_the_enumeration_of_every_small_table(seed):
    table, hierarchy, shown = two_way_table(seed)
    cells = published_cells(table, RULES)
    equations = rebuild(cells, hierarchy)
    # The sums by sex and by area are all of their parents; the attacker who knows it bounds best.
    complete = [{v: c for v, c in row.items() if v < len(cells.places)} for row in equations.rows]
    equations.rows = complete
    # The attacker knows that no hidden count exceeds 7, so that enumeration ends.
    most = 7
    truth = enumerated(shown, most)
    compared = 0
    for group in groups_of(equations):
        for at, variable in enumerate(group.variables):
            place = cells.places[variable]
            key = (place.sex, 0 if place.area[0] == "region" else int(place.area[1]))
            found = optimum(group, at, -1.0, most=most), optimum(group, at, 1.0, most=most)
            # Two-way sums are totally unimodular: the programmes end on whole numbers.
            assert found == pytest.approx(truth[key], abs=1e-6)
            compared += 1
    assert compared == len(truth)


def test_the_report_names_places_and_no_count(small_study, protected):
    rng = np.random.default_rng(4)
    leaky = leaks.TABLE_LEAKS["count"](protected[0].table, small_study.results, rng)
    report = attack_tables(leaky, small_study.hierarchy, RULES)
    for language, word in (("fr", "FUITE"), ("en", "LEAK")):
        assert word in report.render(language)
