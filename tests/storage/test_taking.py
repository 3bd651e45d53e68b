"""Finished work in another place too: whole or not there, whoever is first, checked where it is to be."""

from __future__ import annotations

from pathlib import Path

import pytest

from raysat.errors import StorageError
from raysat.files import AnyPath, ObjectPath, folder_entries, write_atomic
from raysat.storage.sealed import SUMS, SealedFolder, write_sealed
from raysat.storage.taking import take_over
from tests.helpers.ledger import ID, whole_files
from tests.helpers.object_store import make_bucket

pytestmark = pytest.mark.slow

WAYS = ["disk", "bucket", "buckets", "up", "down"]


@pytest.fixture(name="places", params=WAYS)
def _places(
    request: pytest.FixtureRequest, tmp_path: Path, bucket: ObjectPath, s3_endpoint: str
) -> tuple[AnyPath, AnyPath]:
    """A folder of finished work, and where it goes."""
    source = tmp_path / "there" if request.param in {"disk", "up"} else bucket / "there"
    targets = {"disk": tmp_path, "down": tmp_path, "bucket": bucket, "up": bucket}
    target = targets[request.param] if request.param in targets else make_bucket(s3_endpoint)
    write_sealed(source, whole_files(ID), replace=False)
    return source, target / "here"


def contents(place: AnyPath) -> dict[str, bytes]:
    sealed = SealedFolder(place)
    return {name: sealed.read(name, max_bytes=1 << 20) for name in sealed.names}


def test_it_is_the_same(places: tuple[AnyPath, AnyPath]) -> None:
    source, target = places
    take_over(SealedFolder(source), target, replace=False, check=True)
    assert contents(target) == contents(source) == whole_files(ID)


def test_what_is_damaged_is_replaced(places: tuple[AnyPath, AnyPath]) -> None:
    source, target = places
    write_sealed(target, whole_files(ID) | {"model.pt": b"other"}, replace=False)
    write_atomic(SealedFolder(target).folder / "model.pt", b"broken")
    take_over(SealedFolder(source), target, replace=True, check=True)
    assert contents(target) == whole_files(ID)


@pytest.mark.parametrize("damage", ["changed", "checksums"])
def test_damage_is_noticed_before_anything_is_there(places: tuple[AnyPath, AnyPath], damage: str) -> None:
    source, target = places
    sealed = SealedFolder(source)
    if damage == "changed":
        write_atomic(sealed.folder / "model.pt", b"evil")
    else:
        write_atomic(sealed.root / SUMS, "not checksums\n")
    with pytest.raises(StorageError):
        take_over(SealedFolder(source), target, replace=False, check=True)
    assert not SealedFolder(target).is_there()
    assert not folder_entries(target)


def test_whoever_was_first_in_a_bucket_stays(bucket: ObjectPath) -> None:
    write_sealed(bucket / "a", whole_files(ID), replace=False)
    write_sealed(bucket / "b", whole_files(ID) | {"model.pt": b"first"}, replace=False)
    take_over(SealedFolder(bucket / "a"), bucket / "b", replace=False, check=False)
    assert contents(bucket / "b")["model.pt"] == b"first"
    assert len(folder_entries(bucket / "b")) == 2  # its attempt and the checksums
