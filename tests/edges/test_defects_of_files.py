"""Each defect of a file has its code, refuses or sets aside what it should, and quotes nothing."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from rnc_epi.extracts.check_report import check_extract
from rnc_epi.extracts.importers import import_files
from rnc_epi.store import open_locked
from rnc_epi.vocabulary.errors import RncEpiError
from tests.files_of_registries import HEADER, population_lines, text, tumour_lines, write

LINES = tumour_lines()
NAME = "Jeanne Dupont"


def changed(position: int, old: str, new: str) -> str:
    """Return the tumour file with one record changed (1 for the first)."""
    lines = list(LINES)
    assert old in lines[position - 1]
    lines[position - 1] = lines[position - 1].replace(old, new, 1)
    return text(lines)


def every(old: str, new: str) -> str:
    return text([line.replace(old, new) for line in LINES])


def field(position: int, column: str, value: str, *, everywhere: bool = False) -> str:
    """Return the tumour file with one field set, in one record or in all."""
    at = HEADER.split(";").index(column)
    lines = []
    for number, line in enumerate(LINES, start=1):
        fields = line.split(";")
        if everywhere or number == position:
            fields[at] = value
        lines.append(";".join(fields))
    return text(lines)


def in_place(column: str, function) -> str:
    at = HEADER.split(";").index(column)
    lines = []
    for line in LINES:
        fields = line.split(";")
        fields[at] = function(fields[at])
        lines.append(";".join(fields))
    return text(lines)


def with_column(name: str, value: str) -> str:
    return text([f"{line};{value}" for line in LINES], f"{HEADER};{name}")


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clean")
    files, mapping = write(folder)
    done = import_files("csv", files, folder / "x.duckdb", mapping=mapping)
    return done, _content(done.path)


def _content(path: Path) -> dict[str, list[tuple[object, ...]]]:
    with open_locked(path, threads=1) as store:
        return {name: store.rows(f"SELECT * FROM {name}") for name in store.tables}


def test_right_files_make_an_extract_without_a_finding(clean):
    done, content = clean
    assert done.findings == ()
    assert check_extract(done.path, threads=1).findings == ()
    assert len(content["tumours"]) == 240
    assert len(content["person_years"]) == 72
    # By hand, record 1: a man of 41, diagnosed on 2 February 2021, alive a year later.
    with open_locked(done.path, threads=1) as store:
        first = store.rows(
            "SELECT sex, year, month, topography, vital_status, follow_up_days, geo_code "
            "FROM tumours WHERE age_years = 41 AND month = 2 AND year = 2021 AND topography = 'C34.1'"
        )
    assert (1, 2021, 2, "C34.1", 0, 365, "38") in first


REFUSED = [
    ("H002", "no byte", b"", {}),
    ("H105", "a header alone", HEADER + "\n", {}),
    ("H106", "no header", "\n".join(LINES) + "\n", {}),
    ("H007", "a column misspelt", text(LINES, HEADER.replace("morpho", "morphologie")), {}),
    ("H008", "a column twice", with_column("Sexe", "H"), {}),
    ("H009", "names", with_column("nom_naissance", NAME), {}),
    ("H011", "Latin-1", text(LINES).replace("T00001", "Té001").encode("latin-1"), {}),
    ("H011", "UTF-16 undeclared", text(LINES).encode("utf-16"), {}),
    ("H103", "NUL bytes", text(LINES).replace("T00001", "T0\0001").encode(), {}),
    ("H014", "a short line", changed(5, ";8140;", ";"), {}),
    ("H014", "a long line", changed(5, ";8140;", ";8140;;"), {}),
    ("H014", "a quote that never closes", changed(5, ";8140;", ';"8140;'), {}),
    ("H014", "a cut file", text(LINES)[:-40], {}),
    ("H020", "fewer records than declared", text(LINES[:200]), {"form": "records = 240"}),
    ("H015", "two delimiters", "a;b,c\n1;2,3\n4;5,6\n", {}),
    ("H015", "no delimiter", "abc\n1\n2\n", {}),
    ("H019", "not a number", field(3, "age", "inf"), {}),
    ("H016", "a decimal comma", field(3, "age", "45,5"), {}),
    ("H017", "thousands", field(3, "age", "1\u00a0045"), {}),
    ("H070", "scientific notation", field(3, "age", "4E1"), {}),
    ("H070", "scientific codes", field(3, "dep", "2E10"), {}),
    ("H068", "a lost zero", field(3, "dep", "1"), {}),
    ("H069", "codes of a spreadsheet", field(3, "morpho", "8140.0"), {}),
    ("H069", "Corsica as a number", field(3, "dep", "2.0"), {}),
    ("H032", "another form of dates", field(3, "diagnostic", "2021-03-04"), {}),
    ("H032", "no declared form", None, {"mapping_without": 'dates = "DD/MM/YYYY"'}),
    ("H033", "two digits", field(3, "diagnostic", "04/03/21"), {}),
    ("H034", "days since 1900", field(3, "diagnostic", "44259"), {}),
    ("H046", "the day before at 23:00", field(3, "diagnostic", "03/03/2021 23:00:00"), {}),
    ("H047", "a sex that is not declared", field(3, "sexe", "M"), {}),
    ("H126", "a vital status that is not declared", field(3, "statut", "Z"), {}),
    ("H021", "a record twice", text([*LINES, LINES[0]]), {}),
    ("H022", "a key twice", text([*LINES, LINES[0].replace(";8140;", ";8070;")]), {}),
    ("H026", "social security numbers",
     in_place("id_patient", lambda key: f"25508141{int(key[-5:], 16):05d}"), {}),
    ("H027", "names for keys",
     in_place("id_patient", lambda key: f"Jeanne {'abcde'[int(key[-1], 16) % 5]}upont"), {}),
    ("H109", "too many slips", text([line.replace(";8140;3;", ";8140;x;") if place < 3 else line
                                      for place, line in enumerate(LINES)]), {}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "tumours", "options"),
    [pytest.param(code, content, options, id=f"{code} {name}") for code, name, content, options in REFUSED],
)
def test_a_file_that_is_not_what_it_should_be_is_refused_by_its_code(code, tumours, options, tmp_path):
    options = dict(options)
    without = options.pop("mapping_without", None)
    files, mapping = write(tmp_path, tumours, **options)
    if without is not None:
        mapping.write_text(mapping.read_text().replace(without, ""))
    with pytest.raises(RncEpiError) as caught:
        import_files("csv", files, tmp_path / "x.duckdb", mapping=mapping)
    assert caught.value.code == code
    assert not (tmp_path / "x.duckdb").exists()
    for language in ("fr", "en"):
        for quoted in (NAME, "Dupont", "upont", "2550814", "T00001", "44259", "8140"):
            assert quoted not in caught.value.message(language)


SET_ASIDE = [
    ("H010", "a behaviour in words", field(7, "comportement", "malin")),
    ("H031", "the 31st of February", field(7, "diagnostic", "31/02/2021")),
    ("H042", "a death of the living", field(7, "deces", "01/05/2022")),
]


@pytest.mark.parametrize(
    ("code", "tumours"),
    [pytest.param(code, content, id=f"{code} {name}") for code, name, content in SET_ASIDE],
)
def test_a_slip_of_one_record_sets_it_aside_by_its_number(code, tumours, tmp_path, clean):
    files, mapping = write(tmp_path, tumours)
    done = import_files("csv", files, tmp_path / "x.duckdb", mapping=mapping)
    (finding,) = done.findings
    assert (finding.code, finding.rows, finding.examples) == (code, 1, ("7",))
    ledger = done.accounting.frame().query("table_name == 'tumours'")
    assert dict(zip(ledger["fate"], ledger["rows"], strict=True)) == {"quarantined": 1, "used": 239}
    kept = _content(done.path)["tumours"]
    assert set(kept) < set(clean[1]["tumours"])
    assert len(kept) == 239


SAME = [
    ("H012", "a byte order mark", b"\xef\xbb\xbf" + text(LINES).encode(), {}),
    ("H013", "ends of lines of Windows", text(LINES).replace("\n", "\r\n").encode(), {}),
    ("H107", "a delimiter at every end", text([f"{line};" for line in LINES], f"{HEADER};"), {}),
    ("H018", "a word for missing", in_place("deces", lambda day: day or "NULL"), {}),
    ("H111", "whole numbers with decimals", in_place("age", lambda age: f"{age}.0"), {}),
    ("H021", "copies that may be dropped", text([*LINES, LINES[4]]), {"form": "deduplicate = true"}),
    (None, "UTF-16, declared", text(LINES).encode("utf-16"), {"form": 'encoding = "utf-16"'}),
    (None, "Latin-1, declared", text(LINES).encode("latin-1"), {"form": 'encoding = "latin-1"'}),
    (None, "commas", text(LINES).replace(";", ","), {}),
    (None, "tabs", text(LINES).replace(";", "\t"), {"form": 'delimiter = "\\t"'}),
    (None, "spaces around, unbreakable ones too", every(";8140;", "; 8140\u00a0;"), {}),
    (None, "quotes around every field", text(['"' + line.replace(";", '";"') + '"' for line in LINES]), {}),
    (None, "times of midnight", in_place("diagnostic", lambda day: f"{day} 00:00:00"), {}),
    ("H131", "a quoted end of line in a column not read",
     with_column("remarque", '"deux\nlignes; et un point-virgule"'), {}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "tumours", "options"),
    [pytest.param(code, content, options, id=name) for code, name, content, options in SAME],
)
def test_what_is_written_otherwise_and_means_the_same_gives_the_same_extract(
    code, tumours, options, tmp_path, clean
):
    options = dict(options)
    if isinstance(tumours, str) and "," in tumours and ";" not in tumours:
        options["populations"] = text(population_lines(), "dep;sexe;annee;classe;pa").replace(";", ",")
    if 'delimiter = "\\t"' in options.get("form", ""):
        options["populations"] = text(population_lines(), "dep;sexe;annee;classe;pa").replace(";", "\t")
    if "utf-16" in options.get("form", ""):
        options["populations"] = None
    files, mapping = write(tmp_path, tumours, **options)
    if "utf-16" in options.get("form", ""):
        files[1].write_bytes(files[1].read_text().encode("utf-16"))
    done = import_files("csv", files, tmp_path / "x.duckdb", mapping=mapping)
    assert [finding.code for finding in done.findings] == ([] if code is None else [code])
    assert _content(done.path) == clean[1]


def test_parquet_is_read_as_text_too(tmp_path, clean):
    files, mapping = write(tmp_path)
    frame = pd.read_csv(files[0], sep=";", dtype={"dep": "str"})
    frame["age"] = frame["age"].astype("int32")
    frame.to_parquet(tmp_path / "t.parquet")
    done = import_files("parquet", [tmp_path / "t.parquet", files[1]], tmp_path / "x.duckdb", mapping=mapping)
    assert done.findings == ()
    assert _content(done.path) == clean[1]
    frame["dep"] = 38.0
    frame.to_parquet(tmp_path / "t.parquet")
    with pytest.raises(RncEpiError) as caught:
        import_files("parquet", [tmp_path / "t.parquet", files[1]], tmp_path / "y.duckdb", mapping=mapping)
    assert caught.value.code == "H069"
    (tmp_path / "t.parquet").write_bytes(b"PAR1 no more")
    with pytest.raises(RncEpiError) as caught:
        import_files("parquet", [tmp_path / "t.parquet", files[1]], tmp_path / "z.duckdb", mapping=mapping)
    assert caught.value.code == "H110"


def test_zeros_are_put_back_only_where_that_is_declared(tmp_path):
    files, mapping = write(
        tmp_path, field(3, "dep", "1", everywhere=True), geo_code='{ from = "dep", pad = 2 }'
    )
    done = import_files("csv", files, tmp_path / "x.duckdb", mapping=mapping)
    assert [(finding.code, finding.rows) for finding in done.findings] == [("H068", 240)]


def test_follow_up_is_cut_at_the_declared_day(tmp_path):
    files, mapping = write(tmp_path, form="cut_off = 2021-06-30")
    done = import_files("csv", files, tmp_path / "x.duckdb", mapping=mapping)
    assert {finding.code for finding in done.findings} == {"H043"}
    with open_locked(done.path, threads=1) as store:
        ((most, late_deaths),) = store.rows(
            "SELECT max(follow_up_days), count(*) FILTER (WHERE vital_status = 1 AND year = 2021) "
            "FROM tumours WHERE year = 2021 AND month = 2"
        )
    # From 2 February 2021 to 30 June is 148 days, and no death of 2022 is known on that day.
    assert most == 148
    assert late_deaths == 0
