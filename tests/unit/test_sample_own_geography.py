"""A user's geography in place of the synthetic one: real codes, sums that hold, files that cannot be used."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from rnc_epi.extracts.check_report import check_extract
from rnc_epi.extracts.sample import make_sample, write_large_sample
from rnc_epi.extracts.sample.extent import Extent, national_extent, nations_of
from rnc_epi.extracts.sample.own_geography import OwnGeography, own_places, read_communes, read_neighbours
from rnc_epi.extracts.sample.truth import extreme_fifths
from rnc_epi.vocabulary.errors import FileProblem, InputError

YEARS = list(range(2014, 2024))


def rows() -> pd.DataFrame:
    """Return 60 communes of Calvados and Manche in 7 EPCI, of which one lies in both; one is uninhabited."""
    rng = np.random.default_rng(5)
    departement = np.repeat(["14", "50"], 30)
    epci = np.repeat(["E1", "E2", "E3", "E4", "E5", "E6"], 10)
    epci[25:35] = "E7"
    epci[0] = ""
    population = rng.integers(500, 60_000, 60)
    population[59] = 0
    return pd.DataFrame(
        {
            "commune": [f"{d}{n:03d}" for n, d in enumerate(departement)],
            "name": "Nom",
            "epci": epci,
            "departement": departement,
            "population": population,
            "x_lambert93_m": rng.integers(350_000, 500_000, 60),
            "y_lambert93_m": rng.integers(6_850_000, 6_950_000, 60),
            "area_km2": 12.5,
            "mayor": "is not read",
        }
    )


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("own") / "communes.csv.gz"
    rows().to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def made(file: Path) -> Path:
    extent = Extent(["14", "50"], YEARS, frozenset({"lung", "pancreas"}))
    table = read_communes(file)
    codes = rows()["commune"]
    # A chain: each commune touches the next; one pair is given twice.
    pairs = pd.DataFrame({"commune_a": codes[:-1].to_numpy(), "commune_b": codes[1:].to_numpy()})
    chain = file.with_name("neighbours.csv")
    pd.concat([pairs, pairs[:1].rename(columns={"commune_a": "commune_b", "commune_b": "commune_a"})]).to_csv(
        chain, index=False
    )
    own = OwnGeography(table, read_neighbours(chain, table))
    return write_large_sample(file.with_name("own.duckdb"), extent, own=own)


def test_a_sample_of_own_communes_is_clean_and_holds_their_codes(made: Path) -> None:
    report = check_extract(made)
    # D079: nobody lives in one commune, which has no score. D140: a registry whose last year is not complete
    # leaves its trend, as in life.
    assert "D079" in report.codes
    assert set(report.codes) <= {"D079", "D140"}
    with duckdb.connect(str(made), read_only=True) as connection:
        seen = connection.execute(
            "SELECT count(DISTINCT geo_code), min(length(geo_code)) FROM tumours WHERE geo_level = 'commune'"
        ).fetchone()
        levels = dict(connection.execute("SELECT geo_level, count(*) FROM areas GROUP BY ALL").fetchall())
    # Everybody but the uninhabited commune has a lung tumour in eight years.
    assert seen == (59, 5)
    assert levels["commune"] == 60
    assert levels["epci"] == 7
    assert "zone" not in levels


def test_epci_touch_where_two_of_their_communes_do(made: Path) -> None:
    with duckdb.connect(str(made), read_only=True) as connection:
        pairs = connection.execute("SELECT geo_level, geo_code, neighbour_code FROM adjacency").fetchall()
    assert len(pairs) == len(set(pairs))
    assert {(level, b, a) for level, a, b in pairs} == set(pairs)
    assert sum(level == "commune" for level, _, _ in pairs) == 2 * 59
    epci = sorted((a, b) for level, a, b in pairs if level == "epci" and a < b)
    assert epci == [("E1", "E2"), ("E2", "E3"), ("E3", "E7"), ("E4", "E5"), ("E4", "E7"), ("E5", "E6")]


def test_neighbours_that_cannot_be_used_are_refused_by_code(file: Path, tmp_path: Path) -> None:
    table = read_communes(file)
    path = tmp_path / "n.csv"
    for text, code in (("commune_a\n14000", "G002"), ("commune_a,commune_b\n14000,99999", "G003"),
                       ("commune_a,commune_b\n14000,14000", "G003")):  # fmt: skip
        path.write_text(text)
        with pytest.raises(InputError, match=code):
            read_neighbours(path, table)
    with pytest.raises(InputError, match="M005"):
        make_sample(tmp_path / "s.duckdb", size="regional", neighbours=path)


def test_an_epci_across_a_border_has_weights_that_sum_to_one_and_its_communes_their_own_département(
    made: Path,
) -> None:
    with duckdb.connect(str(made), read_only=True) as connection:
        weights = connection.execute(
            "SELECT parent_code, weight FROM membership WHERE child_code = 'E7' ORDER BY ALL"
        ).fetchall()
        parents = connection.execute(
            "SELECT count(*) FROM membership WHERE child_level = 'commune' "
            "AND parent_level = 'departement' AND left(child_code, 2) = parent_code"
        ).fetchone()
    table = rows()
    inside = table[table["epci"] == "E7"].groupby("departement")["population"].sum()
    assert [code for code, _ in weights] == ["14", "50"]
    assert [weight for _, weight in weights] == pytest.approx((inside / inside.sum()).tolist())
    assert parents == (60,)


def test_person_years_of_communes_are_those_of_their_département(made: Path) -> None:
    with duckdb.connect(str(made), read_only=True) as connection:
        found = connection.execute(
            "SELECT left(geo_code, 2), geo_level, CAST(sum(person_years) AS DOUBLE) FROM person_years "
            "GROUP BY ALL ORDER BY ALL"
        ).fetchall()
    communes, whole = ([row[2] for row in found if row[1] == level] for level in ("commune", "departement"))
    # Rounded to the hundredth, 36 cells of 30 communes in two periods.
    assert communes == pytest.approx(whole, abs=0.01 * 36 * 30 * 2)
    table = rows().groupby("departement")["population"].sum()
    # Ten years of a population that grows by less than 1 % a year towards 2022.
    assert whole == pytest.approx((10 * table).tolist(), rel=0.05)


def test_gradients_act_at_the_communes_of_the_user(file: Path) -> None:
    places = own_places(read_communes(file), 0)
    assert len(places.communes.codes) == 59
    # Eight pieces: the EPCI on both sides counts twice, the commune without EPCI is one of its own.
    assert len(places.zones) == 9
    found = extreme_fifths(places, places.commune_level("larynx", 1))
    assert set(found) == {"commune", "epci"}
    assert found["commune"] > found["epci"] > 1


def test_a_nation_is_there_only_where_every_département_is() -> None:
    assert nations_of(Extent(["14", "50"], YEARS)) == []


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda t: t.drop(columns="area_km2"), "G002"),
        (lambda t: pd.concat([t, t[:1]]), "G003"),
        (lambda t: t.assign(departement="99"), "G003"),
        (lambda t: t.assign(population=-1), "G003"),
        (lambda t: t.assign(population=1.5), "G003"),
        (lambda t: t.assign(population="many"), "G003"),
        (lambda t: t.assign(x_lambert93_m=""), "G003"),
        (lambda t: t.assign(area_km2=0), "G003"),
        (lambda t: t.assign(population=10**12), "G003"),
        (lambda t: t.assign(population=9_000_000), "G003"),
        (lambda t: t.assign(x_lambert93_m="1e300"), "G003"),
        (lambda t: t.assign(area_km2="1e-320"), "G003"),
        (lambda t: t.assign(commune=t["commune"] + " "), "G003"),
        (lambda t: t.assign(commune=t["commune"] + "\x00"), "G003"),
        (lambda t: t.assign(commune=t["commune"] + "|1"), "G003"),
        (lambda t: t.assign(epci="two words"), "G003"),
        (lambda t: t[:0], "G003"),
    ],
)
def test_communes_that_cannot_be_used_are_refused_by_code(
    tmp_path: Path, spoil: Callable[[pd.DataFrame], pd.DataFrame], code: str
) -> None:
    path = tmp_path / "c.csv"
    spoil(rows()).to_csv(path, index=False)
    with pytest.raises(InputError, match=code):
        read_communes(path)


def test_a_file_that_is_no_table_of_communes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="G001"):
        read_communes(tmp_path / "absent.csv")
    for name, content in (("empty.csv", b""), ("latin.csv", "é".encode("latin-1")), ("bad.csv.gz", b"no")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(FileProblem, match="G001"):
            read_communes(tmp_path / name)
    with pytest.raises(InputError, match="M005"):
        make_sample(tmp_path / "s.duckdb", communes=tmp_path / "absent.csv")


@pytest.mark.parametrize("change", [{"population": 0}, {"departement": "19"}, {"departement": "75"}])
def test_communes_without_anyone_whom_a_registry_covers_are_refused(
    tmp_path: Path, change: dict[str, object]
) -> None:
    path = tmp_path / "c.csv"
    rows().assign(**change).to_csv(path, index=False)
    with pytest.raises(InputError, match="G011"):
        make_sample(tmp_path / "s.duckdb", size="regional", communes=path)


@pytest.mark.parametrize("departement", ["33", "974"])
def test_a_single_commune_makes_a_sample_without_fifths(tmp_path: Path, departement: str) -> None:
    path = tmp_path / "c.csv"
    rows()[1:2].assign(departement=departement, epci="E").to_csv(path, index=False)
    extent = Extent([departement], YEARS, frozenset({"lung"}))
    made = write_large_sample(tmp_path / "s.duckdb", extent, own=OwnGeography(read_communes(path)))
    assert check_extract(made).accepted
    truth = pd.read_parquet(tmp_path / "s_truth.parquet")
    ratios = truth[truth["quantity"] == "rate_ratio_extreme_fifths"]
    # Declared for the nation, found nowhere here.
    assert set(ratios["geo_level"]) == {"france_entiere"}
    assert truth["value"].notna().all()


def test_the_real_communes_of_a_region_make_a_sample(shared: Callable[[str], Path]) -> None:
    table = read_communes(shared("data/geography/communes.csv.gz"))
    assert len(table) == 34_739
    places = own_places(table, 0)
    assert len(places.departements) == 96
    found = extreme_fifths(places, places.commune_level("lung", 1))
    # The published ratio of Bryere (2018) at communes, diluted at EPCI.
    assert found["commune"] == pytest.approx(1.59, rel=0.03)
    assert 1.2 < found["epci"] < 1.52


@pytest.mark.slow
def test_the_real_communes_of_the_nation_make_a_sample_of_every_département(
    shared: Callable[[str], Path], tmp_path: Path
) -> None:
    table = read_communes(shared("data/geography/communes.csv.gz"))
    own = OwnGeography(table, read_neighbours(shared("data/geography/commune_adjacency.csv.gz"), table))
    extent = dataclasses.replace(national_extent(), leaves=frozenset({"lung"}))
    path = write_large_sample(tmp_path / "n.duckdb", extent, own=own)
    report = check_extract(path)
    assert report.accepted
    # Islands touch nothing; nobody lives in some communes, which have no score; the last year of
    # registries is not complete: true of real communes as of this sample.
    assert {"D076", "D077", "D079"} <= set(report.codes) <= {"D076", "D077", "D079", "D140"}
    with duckdb.connect(str(path), read_only=True) as connection:
        levels = dict(connection.execute("SELECT geo_level, count(*) FROM areas GROUP BY ALL").fetchall())
        deaths = connection.execute(
            "SELECT geo_level, sum(events) FROM death_cells WHERE site = 'lung' GROUP BY ALL ORDER BY ALL"
        ).fetchall()
        lived = connection.execute(
            "SELECT CAST(sum(person_years) AS DOUBLE) FROM person_years "
            "WHERE geo_level = 'departement' AND period_from = 2018"
        ).fetchone()
    assert levels["commune"] == 34_739
    assert levels["departement"] == 96
    assert levels["epci"] > 1_200
    # Communes and départements have the same deaths.
    assert [level for level, _ in deaths] == ["commune", "departement"]
    assert deaths[0][1] == deaths[1][1] > 500_000
    # The table has 5 000 inhabitants less than the code; Insee: 64.970 M.
    assert lived == (pytest.approx(64.97e6, rel=0.001),)
