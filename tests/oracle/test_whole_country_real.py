"""From the published tables to result rows, through extract and cells: mgcv's predictions come out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import rnc_epi
from rnc_epi.calibration import whole_country
from rnc_epi.chapters import area_tree
from rnc_epi.extracts.published_calibration import (
    LIP_ORAL_PHARYNX,
    PANCREAS,
    write_calibration_extract,
)
from rnc_epi.vocabulary.study_calibration import Calibration

pytestmark = pytest.mark.oracle
CORRELATES = {"pancreas": ("A", "H", "HA", "M"), "lip_oral_pharynx": ("H",)}
#: Names of the reference's files and of its correlate, by site.
REFERENCE = {
    "pancreas": ("pancreas_men", "pred_dist", "pred_metro", {name: name for name in ("A", "H", "HA", "M")}),
    "lip_oral_pharynx": ("lip_oral_pharynx_men", "pred", "nat", {"H": "lopm"}),
}


@pytest.fixture(scope="module", params=[PANCREAS, LIP_ORAL_PHARYNX], ids=lambda table: table.site)
def case(request, shared, tmp_path_factory):
    table = request.param
    root = shared("data/calibration").parent.parent
    path = write_calibration_extract(root, tmp_path_factory.mktemp("real"), table)
    asked = Calibration(
        learning_level="registry_district",
        geo_level="departement_sante",
        age_from=0,
        national=False,
        combine=False,
        methods=["chatignoux"],
    )
    with rnc_epi.open(path) as study:
        incidence = study.cells(table.site, geo_level="registry_district").parts
        proxies = [
            part
            for name in CORRELATES[table.site]
            for part in study.cells(table.site, event=f"proxy_{name}").parts
        ]
        found = whole_country(incidence, proxies, asked, hierarchy=area_tree(study.builder))
    return table, found, shared("oracles/calibration")


def reference(case, kind, name=None):
    table, _, folder = case
    files, pred, total, words = REFERENCE[table.site]
    kind = {"pred": pred, "total": total}.get(kind, kind)
    columns = pd.read_csv(folder / f"{files}_{kind}.csv", dtype={"key": str, "dist": str})
    return columns[columns["src"] == words[name]] if name else columns


def test_spreads_and_grades_are_those_of_the_reference(case):
    table, found, _ = case
    for name in CORRELATES[table.site]:
        model = reference(case, "models", name).iloc[0]
        row = found.grades.query("proxy == @name and level == 'area'").iloc[0]
        # Tolerances that the reference states for itself: 0.002 on standard deviations, 1 % on dispersion.
        assert row["sigma_district"] == pytest.approx(model["sigma_d"], abs=0.002)
        assert row["sigma_incidence"] == pytest.approx(model["sigma_k"], abs=0.002)
        assert row["dispersion"] == pytest.approx(model.get("dispersion", model.get("phi")), rel=0.01)
        # Errors within 0.3 points; the tree then gives the published grades.
        assert 100 * row["largest_error"] == pytest.approx(model["max_ape"], abs=0.3)
        assert (row["beyond_15"], row["beyond_30"]) == (model["n15"], model["n30"])
    published = {"A": "A+", "H": "B-", "HA": "A++", "M": "B-"} if table is PANCREAS else {"H": "A+"}
    grades = found.grades.query("level == 'area'").set_index("proxy")["grade"]
    assert grades.to_dict() == published


def test_predictions_of_the_chosen_correlate_are_those_of_the_reference(case):
    _, found, _ = case
    used = found.grades.query("level == 'area' and used")["proxy"].item()
    expected = reference(case, "pred", used).set_index("key")
    rows = found.results.query("indicator == 'count' and geo_level == 'departement_sante'")
    rows = rows.set_index("geo_code")
    shared_codes = [code for code in rows.index if code in expected.index]
    assert len(shared_codes) >= 94
    mine, theirs = rows.loc[shared_codes], expected.loc[shared_codes]
    # 0.3 % on predictions, 2 % on standard errors, limits by the width that the latter allow.
    np.testing.assert_allclose(mine["value"], theirs["pred"], rtol=0.003)
    np.testing.assert_allclose(mine["se"], theirs["se"], rtol=0.02)
    width = theirs["up"] - theirs["low"]
    assert (np.abs(mine["lower"] - theirs["low"]) < 0.02 * width).all()
    assert (np.abs(mine["upper"] - theirs["up"]) < 0.02 * width).all()
    nation = found.results.query("indicator == 'count' and geo_level == 'france_hexagonale'").iloc[0]
    total = reference(case, "total", used).iloc[0]
    assert nation["value"] == pytest.approx(total["pred"], rel=0.003)
    assert nation["se"] == pytest.approx(total["se"], rel=0.02)


@pytest.mark.parametrize("case", [PANCREAS], indirect=True, ids=["pancreas"])
def test_standardised_rates_are_those_of_the_reference(case):
    # The reference has standardised rates of the pancreas only.
    _, found, _ = case
    expected = reference(case, "asr_dist", "HA").set_index("key")
    rows = found.results.query("indicator == 'asr' and geo_level == 'departement_sante'").set_index(
        "geo_code"
    )
    codes = [code for code in rows.index if code in expected.index]
    np.testing.assert_allclose(rows.loc[codes, "value"], expected.loc[codes, "pred"], rtol=0.003)
    np.testing.assert_allclose(rows.loc[codes, "se"], expected.loc[codes, "se"], rtol=0.02)


def test_rows_name_a_source_altered_by_its_authors(case):
    table, found, _ = case
    assert set(found.results["source"]) == {f"calibinc_{table.site}"}
