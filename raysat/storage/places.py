"""``places.npz``: what a run keeps of the places of its reported patches, for reports, which read no store.

<out>/<study>/places.npz   indices (n,) int64 of the store; groups (n,) int64; space (n, 3) float64, metres; apart (n,)
                           float64, metres to the nearest training patch; about: JSON in bytes. What is not known has
                           length 0. ``plan.json`` has its SHA-256; a run without places has neither.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

import numpy as np
import numpy.typing as npt
from pydantic import ConfigDict, Field, ValidationError

from raysat.data.grouped import near_limit, reported_patches
from raysat.data.groups import Grouping, Groups, codes_fault
from raysat.data.patch_store import PatchStore
from raysat.errors import StorageError
from raysat.files import AnyPath, FileModel, read_bytes, write_atomic
from raysat.storage.npz import MAX_BYTES, read_npz

if TYPE_CHECKING:
    from raysat.storage.ledger import Ledger

FILE: Final = "places.npz"
_FARTHEST: Final = 1.3e7  # metres between two points of the Earth: no more than its diameter
_MAX_ABOUT: Final = 1000  # bytes
_TYPES: Final = {"indices": "<i8", "groups": "<i8", "space": "<f8", "apart": "<f8", "about": "|u1"}


class _About(FileModel):
    """What the arrays alone do not say."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)

    format: Annotated[int, Field(ge=1, le=1)] = 1
    grouping: Grouping | None = None  # None where there are no groups
    near: Annotated[float, Field(gt=0, le=_FARTHEST)]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KeptPlaces:
    """The places of n reported patches."""

    indices: npt.NDArray[np.int64]  # (n,) positions in the store
    groups: Groups | None = None
    space: npt.NDArray[np.float64] | None = None  # (n, 3), metres
    apart: npt.NDArray[np.float64] | None = None  # (n,), metres to the nearest training patch
    near: float  # metres below which two patches are hardly two places

    def rows(self, indices: npt.NDArray[np.int64]) -> npt.NDArray[np.int64] | None:
        """Where some patches are in here, by their positions in the store; None where one is not."""
        order = np.argsort(self.indices, kind="stable")
        found = np.searchsorted(self.indices, indices, sorter=order)
        rows = order[np.minimum(found, len(order) - 1)]
        return rows if np.array_equal(self.indices[rows], indices) else None

    def fault(self) -> str:
        """What is wrong with it, or nothing."""
        n = len(self.indices)
        if self.indices.shape != (n,) or not n or self.indices.min() < 0 or len(np.unique(self.indices)) != n:
            return "its patches are not distinct positions in a store"
        if self.groups is None and self.space is None:
            return "it knows neither groups nor places"
        if self.groups is not None and self.groups.codes.shape != (n,):
            return f"it has groups {self.groups.codes.shape} of {n:,} patches"
        for name, array, shape in (("space", self.space, (n, 3)), ("apart", self.apart, (n,))):
            if array is not None and array.shape != shape:
                return f"its {name} has the shape {array.shape} for {n:,} patches"
            if array is not None and not (np.abs(array) <= _FARTHEST).all():  # nothing holds for NaN
                return f"its {name} is not on the Earth"
        if self.apart is not None and (self.space is None or self.apart.min() < 0):
            return "its distances are none"
        return ""


def places_of(store: PatchStore) -> bytes | None:
    """Return the content of ``places.npz`` of a store's reported patches; None where no place and no group is known."""
    if (known := reported_patches(store)) is None:
        return None
    apart = known.apart if known.apart is not None and np.isfinite(known.apart).all() else None  # nothing to train on
    return encode_places(
        KeptPlaces(indices=known.indices, groups=known.groups, space=known.space, apart=apart, near=near_limit(store))
    )


def encode_places(places: KeptPlaces) -> bytes:
    """Encode ``places.npz``. Raises ValueError for what is not as the head of this file says."""
    if fault := places.fault():
        raise ValueError(fault)
    about = _About(grouping=None if places.groups is None else places.groups.grouping, near=places.near)
    arrays: dict[str, Any] = {
        "indices": places.indices.astype("<i8"),
        "groups": np.zeros(0, "<i8") if places.groups is None else places.groups.codes.astype("<i8"),
        "space": np.zeros((0, 3), "<f8") if places.space is None else places.space.astype("<f8"),
        "apart": np.zeros(0, "<f8") if places.apart is None else places.apart.astype("<f8"),
        "about": np.frombuffer(about.model_dump_json().encode(), np.uint8),
    }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def decode_places(content: bytes) -> KeptPlaces:
    """Read ``places.npz``, whose parts are checked before they are unpacked. Raises ValueError for any fault."""
    found = read_npz(content, _TYPES)
    if found["about"].ndim != 1 or len(found["about"]) > _MAX_ABOUT:
        raise ValueError("it says too much of itself")
    try:
        about = _About.model_validate_json(found["about"].tobytes())
    except ValidationError as error:
        raise ValueError(f"what it says of itself is not known: {error.errors()[0]['msg']}") from error
    codes, n = found["groups"], len(found["indices"])
    if (about.grouping is None) != (len(codes) == 0):
        raise ValueError("it has groups and no word of them, or the other way round")
    if about.grouping is not None and (fault := codes_fault(codes, n)):
        raise ValueError(f"it has {fault}")
    places = KeptPlaces(
        indices=found["indices"],
        groups=None if about.grouping is None else Groups(codes=codes, grouping=about.grouping),
        space=found["space"] if len(found["space"]) else None,
        apart=found["apart"] if len(found["apart"]) else None,
        near=about.near,
    )
    if fault := places.fault():
        raise ValueError(fault)
    return places


def digest_of(content: bytes) -> str:
    """The digest by which a plan knows its places."""
    return hashlib.sha256(content).hexdigest()


def keep_places(run: AnyPath, content: bytes) -> None:
    """Write ``places.npz`` into a run's folder."""
    write_atomic(run / FILE, content)


def read_places(ledger: Ledger) -> KeptPlaces | None:
    """Read the places of a run; None where its plan knows of none.

    Raises:
        StorageError: the plan or the file is damaged, or the file is missing or another than the plan's.
    """
    if (digest := ledger.read_plan().places) is None:
        return None
    file, again = ledger.root / FILE, "run the study again, which writes it anew"
    content = read_bytes(file, max_bytes=MAX_BYTES, remedy=again)
    if digest_of(content) != digest:
        raise StorageError(f"{file} is not what the plan beside it was made with", hint=again)
    try:
        return decode_places(content)
    except ValueError as error:
        raise StorageError(f"{file} is damaged: {error}", hint=again) from error
