"""The study file says what to compute; what it does not know, it refuses with the nearest known word."""

from __future__ import annotations

import pytest

from rnc_epi.vocabulary.errors import FileProblem, StudyFileError
from rnc_epi.vocabulary.study import parse_study, read_study

HEAD = 'schema = 1\ntitle = "t"\nextract = "x.duckdb"\n'


def refused(text: str) -> StudyFileError:
    with pytest.raises(StudyFileError) as caught:
        parse_study(text, "STUDY.toml")
    return caught.value


def test_a_study_of_three_lines_has_the_defaults_of_the_page() -> None:
    study = parse_study(HEAD, "STUDY.toml")
    assert study.language == "fr"
    assert study.rates.standards == ["world"]
    assert study.rates.interval_method == "fay-feuer"
    assert study.rates.level == 0.95
    assert study.select.sexes == [1, 2, 0]
    assert study.disclosure.policy == "default"


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("titel = 'x'\n" + HEAD, "title"),
        (HEAD + "[rates]\nstandard = ['world']", "standards"),
        (HEAD + "[select]\nsite = ['lung']", "sites"),
        (HEAD + "[outputs]\nformat = ['csv']", "formats"),
        (HEAD + "[rate]\nlevel = 0.9", "rates"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_known_one(text: str, nearest: str) -> None:
    problem = refused(text)
    assert problem.code == "S020"
    assert nearest in problem.message("fr")
    assert problem.exit_code == 4


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("[rates]\nlevel = 95", "rates.level"),
        ("[rates]\nages = [5, 10]", "rates.ages"),
        ("[rates]\nages = [0, 50, 15]", "rates.ages"),
        ("[rates]\ninterval_method = 'wald'", "rates.interval_method"),
        ("[select]\nsexes = [3]", "select.sexes.0"),
        ("[select]\nevents = ['prevalence']", "select.events.0"),
        ("[outputs]\nformats = []", "outputs.formats"),
        ("[outputs]\nformats = ['csv', 'csv']", "outputs.formats"),
        ("[select]\nsites = ['lung', 'lung']", "select.sites"),
        ("[select]\nsites = 'lung'", "select.sites"),
        ("[select]\nsexes = []", "select.sexes"),
        ("[select]\nsexes = [true]", "select.sexes"),
        ("[calibration]\nbenchmark = true\nnational = false", "calibration"),
        ("[select]\nevents = []", "select.events"),
        ("[select]\nyears = ['2016']", "select.years.0"),
        ("[rates]\nindicators = []", "rates.indicators"),
        ("[rates]\nlevel = '0.95'", "rates.level"),
        ("[calibration]\nperiods = ['2018-2014']", "calibration.periods"),
        ("[calibration]\nage_from = -5", "calibration.age_from"),
        ("[small_areas]\nlow = 0.9\nhigh = 0.8", "small_areas"),
        (
            "[[disclosure.exceptions]]\nsite = 'lung'\nreason_fr = 'une raison'\nreason_en = 'a full reason'",
            "disclosure.exceptions.0.site",
        ),
        (
            "[[disclosure.exceptions]]\nsite = 'pancreas'\nreason_en = 'a full reason'",
            "disclosure.exceptions.0.reason_fr",
        ),
        (
            "[[disclosure.exceptions]]\nsite = 'pancreas'\nreason_fr = 'court'\nreason_en = 'a full reason'",
            "disclosure.exceptions.0.reason_fr",
        ),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_where_it_stands(line: str, place: str) -> None:
    problem = refused(HEAD + line)
    assert problem.code == "S021"
    assert problem.facts["place"] == place
    said = problem.message("fr")
    assert f"clé {place} : " in said
    for english in ("Input", "should", "Field", "Value error", "must"):
        assert english not in said
    assert problem.message("en").startswith(f"S021  Study file STUDY.toml, key {place}: ")


INDEX = "[inequality]\nindex = 'fdep'\nvintage = '2015'\n"
REASONS = "reason_fr = 'une raison'\nreason_en = 'a full reason'\n"
CORRECTED = "[[calibration.corrections]]\nsite = 'lung'\nsex = 2\nfactor = 1.1\nlog_se = 0.1\n" + REASONS


@pytest.mark.parametrize(
    ("lines", "place", "code"),
    [
        ("[select]\nsites = ['lugn']", "select.sites", "V040"),
        ("[select]\npooled = ['abc']", "select", "V021"),
        ("[select]\npooled = ['2020-2016']", "select", "V020"),
        ("[select]\nyears = [99]", "select", "V020"),
        ("[select]\nyears = [2016]\npooled = ['2016-2016']", "select", "S041"),
        ("[rates]\nstandards = ['wrold']", "rates.standards", "V014"),
        ("[rates]\nindicators = ['count']\nstandards = ['esp2013']", "rates", "S053"),
        ("[rates]\nindicators = ['count', 'sir']\ninterval_method = 'tiwari'", "rates", "S053"),
        ("[rates]\nindicators = ['asr']\nages = [0, 50]", "rates", "S053"),
        ("[calibration]\nsites = ['lung', 'lung']", "calibration.sites", "S041"),
        ("[calibration]\nsites = ['lugn']", "calibration.sites", "V040"),
        ("[calibration]\nperiods = ['2014-2018', '2014-2018']", "calibration.periods", "S041"),
        ("[calibration]\nstandards = ['wrold']", "calibration.standards", "V014"),
        ("[calibration]\nsexes = []", "calibration.sexes", "S039"),
        ("[calibration]\nindicators = []", "calibration.indicators", "S039"),
        ("[calibration]\nsexes = [1]\n" + CORRECTED, "calibration", "S058"),
        ("[small_areas]\nsites = ['lugn']", "small_areas.sites", "V040"),
        ("[small_areas]\ngeo_levels = ['zone', 'zone']", "small_areas.geo_levels", "S041"),
        ("[small_areas]\ngeo_levels = ['zone']\nbenchmark = 'zone'", "small_areas", "S054"),
        (
            "[small_areas.deprivation]\nindex = 'fdep'\nform = 'smooth'\nclasses = 4",
            "small_areas.deprivation",
            "S053",
        ),
        (INDEX + "scope_areas = ['75']", "inequality", "S053"),
        (INDEX + "area_model_form = 'classes'", "inequality", "S053"),
        (INDEX + "events = ['death']\nlate_stages = ['4']", "inequality", "S053"),
        (INDEX + "events = ['death']\ngap_in_deaths = true", "inequality", "S053"),
        (INDEX + "measures = ['rate_ratio']\nshrink = true", "inequality", "S053"),
        (INDEX + "standard = 'wrold'", "inequality.standard", "V014"),
        (INDEX + "sexes = [1, 1]", "inequality.sexes", "S041"),
    ],
)
def test_a_key_that_nothing_could_use_is_refused_before_anything_is_opened(
    lines: str, place: str, code: str
) -> None:
    problem = refused(HEAD + lines)
    assert problem.code == "S021"
    assert (problem.facts["place"], problem.facts["found"].code) == (place, code)


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ("[calibration]\ndeprivation_term = true", "S053"),
        ("[calibration]\ndraws = 200", "S053"),
        ("[calibration]\nseed = 3\n[small_areas]", "S053"),
        ("[small_areas]\ncalibrated = true", "A048"),
        ("[small_areas]\ncalibrated = true\n[calibration]\nindicators = ['asr']", "A048"),
        ("[select]\npooled = ['2016-2020']\n[small_areas]\nminimum_years = 6", "S056"),
        ("[select]\nyears = [2016, 2017]\n[small_areas]", "S056"),
        ("[select]\npooled = ['2016-2020']\n[small_areas.time]", "S057"),
        ("[select]\npooled = ['2010-2014', '2016-2020']\n[small_areas.time]", "S057"),
        ("[select]\nyears = [2015, 2016]\npooled = ['2018-2020']\n[small_areas.time]", "S057"),
    ],
)
def test_tables_that_do_not_go_together_are_refused(lines: str, code: str) -> None:
    problem = refused(HEAD + lines)
    assert (problem.code, problem.exit_code, problem.facts["found"].code) == ("S055", 4, code)
    assert "clé -" not in problem.message("fr")


@pytest.mark.parametrize(
    "lines",
    [
        "[rates]\nindicators = ['count']",
        "[rates]\nindicators = ['count', 'asr']\nstandards = ['esp2013']\ninterval_method = 'tiwari'",
        "[calibration]\nbenchmark = true\ndraws = 200\nseed = 3",
        "[calibration]\ndraws = 200\n[small_areas]\ncalibrated = true",
        "[calibration]\ndeprivation_term = true\n" + INDEX,
        CORRECTED,
        "[small_areas.deprivation]\nindex = 'fdep'\nclasses = 4",
        "[small_areas]\ngeo_levels = ['zone']\nbenchmark = 'departement'",
        "[small_areas]\nminimum_years = 9",
        "[select]\nyears = [2020]\npooled = ['2016-2020']\n[small_areas]",
        "[select]\npooled = ['2011-2015', '2016-2020']\n[small_areas.time]",
        INDEX + "scope = 'region'\nscope_areas = ['75']",
        INDEX + "area_model_level = 'zone'\narea_model_form = 'classes'",
        INDEX + "measures = ['rate_ratio']\nmodels = []\nshrink = false",
    ],
)
def test_a_key_that_something_uses_is_taken(lines: str) -> None:
    parse_study(HEAD + lines, "STUDY.toml")


def test_another_schema_is_refused() -> None:
    assert refused(HEAD.replace("schema = 1", "schema = 2")).code == "S021"


@pytest.mark.parametrize("name", ["trends", "survival", "engine"])
def test_tables_of_later_rooms_are_refused_rather_than_ignored(name: str) -> None:
    assert refused(HEAD + f"[{name}]\n").code == "S022"


def test_a_file_that_is_not_toml_is_refused() -> None:
    problem = refused("schema = = 1")
    assert problem.code == "S023"
    assert (problem.facts["line"], problem.facts["column"]) == (1, 10)
    assert refused('title = "x').facts["line"] == 1


def test_the_extract_is_found_from_the_folder_of_the_study(tmp_path) -> None:
    (tmp_path / "STUDY.toml").write_text(HEAD, encoding="utf-8")
    _, extract = read_study(tmp_path / "STUDY.toml")
    assert extract == (tmp_path / "x.duckdb").resolve()
    with pytest.raises(FileProblem, match="S024"):
        read_study(tmp_path / "absent.toml")


def test_what_decides_the_numbers_holds_no_path() -> None:
    parameters = parse_study(HEAD, "STUDY.toml").parameters()
    assert "extract" not in parameters
    assert parameters["schema"] == 1


def test_a_chapter_that_is_not_asked_for_leaves_no_trace_in_what_decides_the_numbers() -> None:
    assert not {"calibration", "small_areas", "inequality"} & set(parse_study(HEAD, "S").parameters())
    asked = parse_study(HEAD + "[small_areas]\nmodel = 'leroux'", "S").parameters()
    assert asked["small_areas"]["model"] == "leroux"


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("[calibration]\nproxy = ['A']", "proxies"),
        ("[small_areas.deprivation]\nindexx = 'fdep'", "index"),
        ("[inequality]\nindexes = 'fdep'", "index"),
    ],
)
def test_a_mistyped_key_of_a_chapter_is_refused_with_the_nearest_known(text: str, nearest: str) -> None:
    problem = refused(HEAD + text)
    assert problem.code == "S020"
    assert nearest in problem.message("en")


def test_a_file_in_another_encoding_is_refused_and_a_mark_at_its_start_is_read(tmp_path) -> None:
    latin = tmp_path / "latin.toml"
    latin.write_bytes((HEAD + '\nlanguage = "fr" # été').encode("latin-1"))
    with pytest.raises(StudyFileError) as refusal:
        read_study(latin)
    assert refusal.value.code == "S050"
    assert refusal.value.facts["line"] == HEAD.count("\n") + 2
    marked = tmp_path / "marked.toml"
    marked.write_bytes(b"\xef\xbb\xbf" + HEAD.encode())
    assert read_study(marked)[0].language == "fr"


CORRECTION = """
[[calibration.corrections]]
site = "lung"
sex = 1
factor = 1.05
log_se = 0.01
reason_fr = "registres ruraux"
reason_en = "rural registries"
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("[calibration]\nnational = false\n", ""),
        ("[calibration]\nsites = ['breast']\n", ""),
        ("", CORRECTION),
    ],
)
def test_a_correction_that_corrects_nothing_or_stands_twice_is_refused(before: str, after: str) -> None:
    assert refused(HEAD + "\n" + before + CORRECTION + after).code == "S021"
    assert parse_study(HEAD + CORRECTION, "STUDY.toml").calibration is not None
