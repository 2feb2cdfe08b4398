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
