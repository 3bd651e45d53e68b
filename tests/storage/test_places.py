"""What a run keeps of the places of its reported patches: read back as written, and whatever else is refused."""

import io
import json

import numpy as np
import pytest

from raysat.data.grouped import reported_patches
from raysat.data.groups import Grouping, Groups
from raysat.errors import StorageError
from raysat.planning.build import make_plan
from raysat.storage.copying import copy_run
from raysat.storage.ledger import Ledger
from raysat.storage.places import FILE, KeptPlaces, decode_places, encode_places, keep_places, places_of, read_places
from raysat.storage.verify import verify
from raysat.study.load import load_study
from tests.helpers.data import patches, splits_of, write_store
from tests.helpers.places import lying
from tests.helpers.run import ONE_ARM

SPACE = 6.3e6 * np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1]])


def store_at(path, places):
    count = len(patches())
    return write_store(path, patches(), np.arange(count) % 2, splits_of(count), places=places)


def kept(**changes) -> KeptPlaces:
    known = {
        "indices": np.array([4, 2, 7]),
        "groups": Groups(codes=np.array([0, 1, 0]), grouping=Grouping(by="block", metres=10_000.0)),
        "space": SPACE,
        "apart": np.array([10.0, 0.0, 3e5]),
        "near": 1000.0,
    }
    return KeptPlaces(**known | changes)


@pytest.mark.parametrize("changes", [{}, {"space": None, "apart": None}, {"groups": None}, {"apart": None}])
def test_it_reads_back_as_written_and_the_same_bytes(changes):
    written = kept(**changes)
    content = encode_places(written)
    assert content == encode_places(written)
    found = decode_places(content)
    for name in ("indices", "space", "apart"):
        assert np.array_equal(getattr(found, name), getattr(written, name)) or getattr(written, name) is None
        assert (getattr(found, name) is None) == (getattr(written, name) is None)
    assert (found.groups is None) == (written.groups is None)
    if found.groups is not None:
        assert found.groups.codes.tolist() == [0, 1, 0]
        assert found.groups.grouping == written.groups.grouping
    assert found.near == 1000.0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"indices": np.array([4, 4, 7])}, "distinct"),
        ({"indices": np.array([-1, 4, 7])}, "distinct"),
        ({"groups": None, "space": None, "apart": None}, "neither"),
        ({"space": SPACE[:2]}, "shape"),
        ({"space": SPACE * 1e3}, "not on the Earth"),
        ({"apart": np.array([1.0, np.nan, 2])}, "not on the Earth"),
        ({"apart": np.array([1.0, -1, 2])}, "distances"),
        ({"space": None}, "distances"),
    ],
)
def test_what_cannot_be_is_not_written(changes, said):
    with pytest.raises(ValueError, match=said):
        encode_places(kept(**changes))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"groups": np.array([0, 2, 0])}, "without gaps"),
        ({"groups": np.array([0, 1])}, "for 3 patches"),
        ({"groups": np.zeros(0, np.int64)}, "no word of them"),
        ({"groups": np.array([0.0, 1, 0])}, "float64"),
        ({"about": b"{}"}, "not known"),
        ({"about": b'{"near": 1e99}'}, "not known"),
        ({"about": b'{"near": NaN}'}, "not known"),
        ({"about": b'{"near": 1.0, "grouping": {"by": "block", "metres": -1.0}}'}, "not known"),
        ({"about": b" " * 2000}, "too much"),
        ({"about": np.array([object()])}, "Python objects"),
        ({"more": np.zeros(1)}, "alone"),
    ],
)
def test_a_hostile_file_is_refused(change, said):
    with np.load(io.BytesIO(encode_places(kept()))) as archive:
        arrays = dict(archive)
    change = {key: np.frombuffer(each, np.uint8) if isinstance(each, bytes) else each for key, each in change.items()}
    buffer = io.BytesIO()
    np.savez(buffer, **arrays | change)
    with pytest.raises(ValueError, match=said):
        decode_places(buffer.getvalue())


def test_rows_are_found_by_position_in_any_order():
    assert kept().rows(np.array([7, 4])).tolist() == [2, 0]
    assert kept().rows(np.array([7, 5])) is None


def test_a_run_keeps_places_and_one_without_is_as_it_was(tmp_path):
    (tmp_path / "study.yaml").write_text(ONE_ARM, encoding="utf-8")
    study = load_study(tmp_path / "study.yaml")
    plain = store_at(tmp_path / "plain", None)
    ledger = Ledger(tmp_path / "without")
    make_plan(study, plain).keep(ledger)
    assert sorted(entry.name for entry in ledger.root.iterdir()) == ["plan.json", "study.yaml"]
    assert "places" not in json.loads((ledger.root / "plan.json").read_text())
    assert read_places(ledger) is None

    store = store_at(tmp_path / "placed", lying([(10.0 + 0.1 * row, 45.0) for row in range(12)]))
    ledger = Ledger(tmp_path / "with")
    make_plan(study, store).keep(ledger)
    found, known = read_places(ledger), reported_patches(store)
    assert found.indices.tolist() == known.indices.tolist()
    assert np.array_equal(found.groups.codes, known.groups.codes)
    assert np.array_equal(found.apart, known.apart)
    assert verify(ledger).findings == ()
    copy = copy_run(ledger, tmp_path / "copies")
    assert (copy.path / FILE).read_bytes() == (ledger.root / FILE).read_bytes() == places_of(store)

    keep_places(ledger.root, encode_places(kept()))
    with pytest.raises(StorageError, match="not what the plan"):
        read_places(ledger)
    assert [finding.path.name for finding in verify(ledger).findings] == [FILE]
    (ledger.root / FILE).unlink()
    with pytest.raises(StorageError, match="cannot be read"):
        read_places(ledger)
