"""What a converted store says beside its images, so that it can be imported as it was: ``raysat.json``, ``places.npy``.

In Zarr the first is an attribute of the group and the second an array of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final, Literal

import numpy as np
import numpy.typing as npt
from pydantic import ConfigDict, Field

from raysat.data.fields import BandNames, ClassNames, PixelSize, PixelType, SensorName
from raysat.data.groups import Grouping, codes_fault
from raysat.data.layouts import Layout
from raysat.data.npy import map_npy
from raysat.data.patch_store import PatchStore
from raysat.data.places import MAX_SCENES, Places, SceneRef, from_table, table_fault
from raysat.data.store_files import GROUPS, PLACES
from raysat.errors import DataError
from raysat.files import FileModel, file_exists, parse_model, read_bytes
from raysat.files.models import MAX_BYTES

DESCRIPTION: Final = "raysat.json"
_REMEDY: Final = "convert the store again, or remove the file and name the bands with {--sensor} or {--bands}"

Size = Annotated[int, Field(ge=1, lt=2**63)]


class Description(FileModel):
    """What images, labels and splits do not say. Types are strict, as those of ``store.json``."""

    model_config = ConfigDict(strict=True)

    format: Literal[1] = 1
    layout: Layout
    bands: BandNames
    sensor: SensorName | None
    classes: ClassNames
    ordinal: bool
    generated: bool = False
    shape: tuple[Size, Size, Size, Size]  # of the images, (N, C, H, W)
    dtype: PixelType
    nodata: bool  # whether some pixels are
    pixel_size: PixelSize | None = None  # None where it is not known
    scenes: Annotated[tuple[SceneRef, ...], Field(max_length=MAX_SCENES)] = ()  # that the places name; none without
    # What makes the groups of the patches; a conversion without any is as before there were any.
    grouping: Annotated[Grouping | None, Field(exclude_if=lambda grouping: grouping is None)] = None
    kind: Annotated[str, Field(max_length=200)]  # where the store's patches came from
    fingerprint: Annotated[str, Field(pattern="^[0-9a-f]{32}$")]  # of the store


def describe(store: PatchStore, layout: Layout) -> Description:
    """Return what a conversion of a store has to say."""
    count, bands, height, width = store.images.shape
    return Description(
        layout=layout,
        bands=store.bands,
        sensor=store.sensor,
        classes=store.classes,
        ordinal=store.ordinal,
        generated=store.generated,
        shape=(count, bands, height, width),
        dtype=store.images.dtype.name,
        nodata=any(store.nodata or ()),
        pixel_size=store.pixel_size,
        scenes=() if store.places is None else store.places.scenes,
        grouping=None if store.groups is None else store.groups.grouping,
        kind=str(store.source.get("kind", ""))[:200],
        fingerprint=store.fingerprint,
    )


def write_description(told: Description, store: PatchStore, folder: Path) -> None:
    """Write what is told, where the patches lie and their groups into a folder that is being made.

    Args:
        told: what the layout does not say.
        store: that is converted.
        folder: where to.

    Raises:
        OSError: it cannot be written.
    """
    (folder / DESCRIPTION).write_text(told.model_dump_json(indent=1), encoding="utf-8")
    if store.places is not None:
        np.save(folder / PLACES, store.places.table())
    if store.groups is not None:
        np.save(folder / GROUPS, store.groups.codes)


def read_description(folder: Path) -> Description | None:
    """Read what a converted store says of itself; None where another tool wrote the folder.

    Raises DataError where the file is damaged or of another format.
    """
    if not file_exists(folder / DESCRIPTION, DataError):
        return None
    content = read_bytes(folder / DESCRIPTION, max_bytes=MAX_BYTES, remedy=_REMEDY, error=DataError)
    return parse_description(content, folder / DESCRIPTION)


def parse_description(content: str | bytes, source: Path | str) -> Description:
    """Read the text of a description. Raises DataError, naming the source, where it is damaged."""
    return parse_model(Description, content, source, remedy=_REMEDY, error=DataError)


def read_places(told: Description | None, folder: Path) -> Places | None:
    """Read where the patches of a converted store lie, by their positions in it; None where that is not known.

    Raises DataError where the file is missing or damaged.
    """
    if told is None or not told.scenes:
        return None
    return check_places(map_npy(folder / PLACES, remedy=_REMEDY), told, folder / PLACES)


def read_groups(told: Description | None, folder: Path) -> npt.NDArray[np.int64] | None:
    """Read the groups of the patches of a converted store, by their positions in it; None where it has none.

    Raises DataError where the file is missing or damaged.
    """
    if told is None or told.grouping is None:
        return None
    return check_groups(map_npy(folder / GROUPS, remedy=_REMEDY), told, folder / GROUPS)


def check_groups(codes: npt.NDArray[Any], told: Description, source: Path) -> npt.NDArray[np.int64]:
    """Return the groups of a converted store's patches.

    Args:
        codes: its ``groups.npy``, (N,).
        told: what it says of itself.
        source: of the groups, for errors.

    Raises:
        DataError: they are not those of these patches.
    """
    if fault := codes_fault(codes, told.shape[0]):
        raise DataError(f"{source} is damaged: {fault}", hint=_REMEDY)
    return np.array(codes)


def check_places(table: npt.NDArray[Any], told: Description, source: Path) -> Places:
    """Return the places of a converted store's patches.

    Args:
        table: its ``places.npy``, (N, 3).
        told: what it says of itself.
        source: of the table, for errors.

    Raises:
        DataError: the table is not one of these patches.
    """
    if fault := table_fault(table, told.shape[0], told.scenes):
        raise DataError(f"{source} is damaged: {fault}", hint=_REMEDY)
    return from_table(np.asarray(table), told.scenes)
