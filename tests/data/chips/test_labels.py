"""Files of labels that cannot be used are one error each, and nothing is left behind."""

import json

import numpy as np
import pytest
import shapely
from rasterio.transform import Affine

import raysat
from raysat.errors import RaysatError
from tests.helpers.data import left_behind
from tests.helpers.scenes import CRS, map_of, noise, write_labels, write_scene

SPOTS = map_of([20, 30, 40], [20, 30, 40])


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    return write_scene(tmp_path_factory.mktemp("scene") / "s.tif", noise(2), ["a", "b"])


def vector(**columns):
    return lambda path: write_labels(path / "p.gpkg", SPOTS, **columns)


def text(name, content):
    def make(path):
        (path / name).write_text(content)
        return path / name

    return make


def layers(path):
    write_labels(path / "p.gpkg", SPOTS, layer="one", label=list("aab"))
    return write_labels(path / "p.gpkg", SPOTS, layer="two", append=True, label=list("bba"))


def damaged(path):
    content = vector(label=list("aab"))(path).read_bytes()
    (path / "p.gpkg").write_bytes(content[: len(content) // 2])
    return path / "p.gpkg"


def without_crs(path):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return write_labels(path / "p.gpkg", SPOTS, crs=None, label=list("aab"))


def geojson(geometry, label='"a"', crs="EPSG::32635"):
    """A file of one feature, whose geometry and label are JSON as text: what no writer writes."""
    feature = f'{{"type":"Feature","properties":{{"label":{label}}},"geometry":{geometry}}}'
    named = f'{{"type":"name","properties":{{"name":"urn:ogc:def:crs:{crs}"}}}}'
    return text("p.geojson", f'{{"type":"FeatureCollection","crs":{named},"features":[{feature}]}}')


def point(x, y):
    return f'{{"type":"Point","coordinates":[{x},{y}]}}'


INSIDE = point(600_200, 4_799_800)
NESTED = '{"type":"GeometryCollection","geometries":[' * 5000 + INSIDE + "]}" * 5000
EMPTY = json.dumps({"type": "FeatureCollection", "features": []})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "options", "words"),
    [
        (lambda path: path / "none.gpkg", {}, "No such file"),
        (text("p.csv", "x,y,label\n1,2,a\n"), {}, "no vector or raster file of a format that is read"),
        (text("p.vrt", "<OGRVRTDataSource/>"), {}, "no vector or raster file"),
        (text("p.geojson", "{"), {}, "p.geojson cannot be read"),
        (text("p.geojson", EMPTY), {}, "no feature|no layer|which column"),
        (damaged, {}, "p.gpkg"),
        (without_crs, {}, "does not say its CRS"),
        (layers, {}, "has 2 layers: 'one', 'two'"),
        (layers, {"layer": "three"}, "has no layer 'three'"),
        (vector(x=[1, 2, 3], y=list("aab")), {}, "which column is the class\\? It has 'x', 'y'"),
        (vector(label=list("aab")), {"label_column": "lable"}, "no column 'lable'"),
        (vector(label=list("aab")), {"split_column": "fold"}, "no column 'fold'"),
        (vector(label=["a", "", "b"]), {}, "feature 2 has no label"),
        (vector(label=np.array(["a", None, "b"], object)), {}, "feature 2 has no label"),
        (vector(label=[0.5, 1.0, 2.0]), {}, "feature 1: 0.5 is no class, but a measure"),
        (vector(label=["a", "b\nc", "b"]), {}, "feature 2: class .* cannot be printed"),
        (vector(label=["a", "A", "b"]), {}, "differ in case"),
        (vector(label=list("aab")), {"classes": ["a"]}, "feature 3: unknown label 'b'"),
        (
            vector(label=list("aab"), split=["train", "val", "tset"]),
            {"split_column": "split"},
            "feature 3: unknown split",
        ),
        (vector(label=list("aab"), split=list("vvv")), {"split_column": "split", "split_by": "scene"}, "both say the"),
        (vector(label=list("aab")), {"split_by": "scene"}, "1 scene with chips cannot be split"),
        (vector(label=list("aab")), {"size": 0}, "size must be a whole number from 1"),
        (vector(label=list("aab")), {"map": "map.xyz"}, "cannot draw to map.xyz"),
        (vector(label=list("aab")), {"bands": ["a", "c"]}, "has no band c"),
        (vector(label=list("aab")), {"size": 61}, "leaves the scene; 3 labels in all"),
        (geojson(point("1e300", "-1e300")), {}, "it lies outside the scene"),
        (geojson(point("1e999", "0")), {}, "cannot be read: .*Unrecognized number"),
        (geojson(point("1" * 5000, "0")), {}, "cannot be read: .*Unrecognized number"),
        (geojson(point("NaN", "NaN")), {}, "lies outside the scene|has no geometry"),
        (geojson(f'{{"type":"Polygon","coordinates":{"[" * 100_000}{"]" * 100_000}}}'), {}, "nested"),
        (geojson(NESTED), {}, "nested"),
        (geojson(INSIDE, label='{"x":' * 100_000 + "1" + "}" * 100_000), {}, "nested"),
        (geojson(INSIDE, label="[1, 2]"), {}, "feature 1: a list is no class"),
        (geojson('{"type":"Point","coordinates":["a","b"]}'), {}, "feature 1 has no geometry|cannot be read"),
        (geojson("null"), {}, "feature 1 has no geometry"),
        (geojson('{"type":"Point","coordinates":[]}'), {}, "feature 1 has no geometry"),
        (geojson('{"type":"Polygon","coordinates":[[[0,0],[1,1]]]}'), {}, "cannot be read"),
    ],
)
def test_labels_that_cannot_be_used_are_one_error(scene, tmp_path, make, options, words):
    labels = make(tmp_path)
    before = left_behind(tmp_path)
    with pytest.raises(RaysatError, match=words) as caught:
        raysat.import_chips(scene, labels, tmp_path / "s", **{"size": 5} | options)
    assert "\n" not in caught.value.message
    assert left_behind(tmp_path) == before


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: write_scene(path / "t.tif", noise(3), ["a", "b", "c"]), "has bands a, b, t has a, b, c"),
        (
            lambda path: write_scene(path / "t.tif", noise(2, dtype=np.float32), ["a", "b"]),
            "uint16, t has float32",
        ),
        (
            lambda path: write_scene(path / "t.tif", noise(2), ["a", "b"], transform=Affine(20, 0, 6e5, 0, -20, 4.8e6)),
            "pixels of s have 10 m, those of t 20 m",
        ),
        (lambda path: write_scene(path / "t.tif", noise(2), ["a", "b"], crs=None), "t does not say its CRS"),
        (lambda path: write_scene(path / "s.tif", noise(2), ["a", "b"]), "two scenes are called 's'"),
    ],
)
def test_scenes_that_differ_are_refused(scene, tmp_path, make, words):
    labels = write_labels(tmp_path / "p.gpkg", SPOTS, label=list("aab"))
    other = make(tmp_path)
    with pytest.raises(RaysatError, match=words):
        raysat.import_chips([scene, other], labels, tmp_path / "out", size=5)
    assert not (tmp_path / "out").exists()


def test_labels_of_whole_numbers_are_ordered_as_numbers(scene, tmp_path):
    labels = write_labels(tmp_path / "p.gpkg", SPOTS, value=[10.0, 9.0, 10.0])
    assert raysat.import_chips(scene, labels, tmp_path / "s", size=5).store.classes == ("9", "10")


def test_several_points_of_one_feature_are_a_chip_each(scene, tmp_path):
    labels = write_labels(tmp_path / "p.gpkg", [shapely.MultiPoint(SPOTS)], crs=CRS, label=["a"])
    assert len(raysat.import_chips(scene, labels, tmp_path / "s", size=5).store) == 3


@pytest.mark.filterwarnings("error")
def test_a_polygon_larger_than_the_earth_holds_every_chip(scene, tmp_path):
    ring = "[[-1e300,-1e300],[1e300,-1e300],[1e300,1e300],[-1e300,1e300],[-1e300,-1e300]]"
    labels = geojson(f'{{"type":"Polygon","coordinates":[{ring}]}}')(tmp_path)
    assert len(raysat.import_chips(scene, labels, tmp_path / "s", size=20).store) == 12  # of 60 x 80 pixels


def test_labels_of_another_crs_say_that_it_may_be_wrong(scene, tmp_path):
    labels = geojson(INSIDE, crs="EPSG::32636")(tmp_path)
    with pytest.raises(RaysatError, match="lies outside the scene") as caught:
        raysat.import_chips(scene, labels, tmp_path / "s", size=5)
    assert "is the CRS right" in caught.value.hint
