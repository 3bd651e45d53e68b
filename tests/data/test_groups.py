"""Groups of patches: from scenes, joined by copies, kept by a store, refused where they are damaged."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from raysat.data.groups import Grouping, Groups, codes_fault, dense, from_scenes, joined, torn_groups
from raysat.data.patch_store import PatchStore
from raysat.data.remote.copy import fetch_store
from raysat.data.remote.files import RangedFiles
from raysat.data.verify import verify_store
from raysat.errors import StoreError
from tests.helpers.data import OPTIONS, patches, quick, splits_of, write_store
from tests.helpers.remote import FolderSource

COLUMN = Grouping(by="column")
CODES = np.arange(12) // 2 % 5


def grouped(path, codes=CODES, grouping=COLUMN):
    groups = None if codes is None else Groups(codes=codes, grouping=grouping)
    return write_store(path, patches(), np.arange(12) % 2, splits_of(12), groups=groups, **OPTIONS)


@quick
@given(st.lists(st.integers(-5, 9), max_size=30))
def test_numbers_without_gaps(codes):
    found = dense(np.array(codes, np.int64))
    order = sorted(set(codes))
    assert found.tolist() == [order.index(code) for code in codes]
    assert bool(codes) != bool(codes_fault(found, len(codes)))  # no patch at all is a fault


def test_scenes_of_a_name_are_one_group():
    codes = from_scenes(np.array([0, 1, 2, 2, 0]), ("a", "b", "a"))
    assert codes.tolist() == [0, 1, 0, 0, 0]


@pytest.mark.parametrize("names", [("a", None, "b"), ("a", "a", "a")])
def test_scenes_without_a_name_or_of_one_are_no_groups(names):
    assert from_scenes(np.array([0, 1, 2]), names) is None


def test_a_scene_that_no_patch_uses_needs_no_name():
    assert from_scenes(np.array([0, 2]), ("a", None, "b")).tolist() == [0, 1]


@quick
@given(
    codes=st.lists(st.integers(0, 7), min_size=12, max_size=12),
    first=st.lists(st.integers(0, 11), min_size=12, max_size=12),
)
def test_copies_join_groups_as_connected_parts(codes, first):
    codes, first = dense(np.array(codes)), np.array(first)
    first = np.minimum(first, np.arange(12))
    first = first[first][first[first]]  # of the first of their kind
    firsts = np.array([min(np.flatnonzero(first == each)) for each in first])
    found = joined(codes, firsts)
    linked = np.eye(12, dtype=bool) | (codes[:, None] == codes) | (firsts[:, None] == firsts)
    for _ in range(12):
        linked = linked @ linked
    np.testing.assert_array_equal(found[:, None] == found, linked)


def test_how_many_groups_are_torn():
    assert torn_groups(np.array([0, 0, 1, 1, 2]), np.array([0, 0, 0, 2, 1])) == 1


@pytest.mark.parametrize(
    ("grouping", "words"),
    [
        (COLUMN, "3 groups"),
        (Grouping(by="scene"), "3 scenes"),
        (Grouping(by="block", metres=2500), "3 blocks of 2.5 km"),
    ],
)
def test_groups_in_words(grouping, words):
    assert Groups(codes=np.array([0, 1, 2]), grouping=grouping).in_words == words


@pytest.mark.parametrize(
    "facts", [{"by": "block"}, {"by": "scene", "metres": 10.0}, {"by": "block", "metres": 0.0}, {"by": "tile"}]
)
def test_what_makes_no_groups(facts):
    with pytest.raises(ValidationError):
        Grouping(**facts)


def test_groups_come_back(tmp_path, monkeypatch):
    monkeypatch.setenv("RAYSAT_CACHE", str(tmp_path / "cache"))
    store = grouped(tmp_path / "s", grouping=Grouping(by="block", metres=500.0))
    source = FolderSource(store.path)
    copies = fetch_store(source, store.digest, store.path), PatchStore.read(RangedFiles(source), store.path)
    for opened in (store, PatchStore.open(store.path), *copies):
        assert opened.groups.codes.tolist() == CODES.tolist()
        assert opened.groups.grouping == Grouping(by="block", metres=500.0)
        assert len(opened.groups) == 5
    assert verify_store(store)


def test_a_store_without_groups_is_as_it_was_before_there_were_any(tmp_path):
    plain, store = grouped(tmp_path / "plain", None), grouped(tmp_path / "s")
    assert plain.groups is None
    assert plain.fingerprint == store.fingerprint
    assert plain.digest != store.digest
    assert sorted(file.name for file in plain.path.iterdir()) == ["images.npy", "labels.npy", "store.json"]
    told, more = (json.loads((each.path / "store.json").read_text()) for each in (plain, store))
    assert more.keys() - told.keys() == {"grouping", "groups"}
    # As raysat wrote it before it knew of groups or places.
    assert list(told) == [
        "format", "bands", "sensor", "classes", "ordinal", "generated", "shape", "dtype", "stats", "nodata", "source",
        "fingerprint", "checksum", "splits",
    ]  # fmt: skip


def test_groups_of_other_patches_are_refused(tmp_path):
    with pytest.raises(ValueError, match="groups of 3 patches for 12"):
        grouped(tmp_path / "s", np.arange(3))
    assert not list(tmp_path.iterdir())


def damage(change):
    def apply(folder):
        np.save(folder / "groups.npy", change(np.load(folder / "groups.npy")), allow_pickle=True)

    return apply


def describe(**facts):
    def apply(folder):
        meta = json.loads((folder / "store.json").read_text()) | facts
        meta = {name: fact for name, fact in meta.items() if fact is not ...}
        (folder / "store.json").write_text(json.dumps(meta))

    return apply


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (damage(lambda codes: codes[::-1]), "its groups were changed"),
        (damage(lambda codes: codes[:-1]), r"groups \(11,\) int64 for 12 patches"),
        (damage(lambda codes: codes.reshape(3, 4)), r"groups \(3, 4\) int64"),
        (damage(lambda codes: codes.astype(np.int32)), "int32"),
        (damage(lambda codes: codes.astype(">i8")), "int64 for 12 patches"),
        (damage(lambda codes: codes + 1), "not numbered from 0"),
        (damage(lambda codes: codes - 1), "not numbered from 0"),
        (damage(lambda codes: codes * 2), "not numbered from 0"),
        (damage(lambda codes: np.where(codes == 4, 1 << 60, codes)), "not numbered from 0"),
        (damage(lambda _: np.array([{}] * 12)), "groups.npy cannot be read"),
        (lambda folder: (folder / "groups.npy").unlink(), "groups.npy cannot be read"),
        (lambda folder: (folder / "groups.npy").write_bytes(b"PK\3\4"), "not an .npy file"),
        (describe(grouping={"by": "scene"}), "its groups were changed"),
        (describe(grouping={"by": "block"}), "grouping: .*blocks have a size"),
        (describe(grouping={"by": "block", "metres": -1.0}), "grouping.metres"),
        (describe(grouping={"by": "block", "metres": "10"}), "grouping.metres"),
        (describe(grouping={"by": "street"}), "grouping.by"),
        (describe(grouping="scene"), "grouping"),
        (describe(grouping=None), "has a digest of groups, and does not say what makes them"),
        (describe(groups=...), "its groups were changed"),
        (describe(groups="0"), "match pattern"),
    ],
)
def test_groups_that_are_not_what_was_written_are_refused(tmp_path, change, words):
    folder = grouped(tmp_path / "s").path
    change(folder)
    with pytest.raises(StoreError, match=words) as caught:
        PatchStore.open(folder)
    assert caught.value.hint


def test_a_file_of_groups_that_nothing_speaks_of_is_found(tmp_path):
    store = grouped(tmp_path / "s", None)
    np.save(store.path / "groups.npy", CODES)
    assert PatchStore.open(store.path).groups is None
    assert "groups.npy" in verify_store(store).faults[0]
