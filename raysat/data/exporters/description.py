"""``raysat.json``: what a converted store says of itself beside its images, so that it can be imported as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, ConfigDict, Field

from raysat.data.names import name_fault, names_fault
from raysat.data.patch_store import PatchStore
from raysat.data.store_meta import DTYPES
from raysat.errors import DataError
from raysat.files import FileModel, file_exists, parse_model, read_bytes

Layout = Literal["imagefolder", "torchgeo", "webdataset", "zarr"]
LAYOUTS: Final[tuple[Layout, ...]] = ("imagefolder", "torchgeo", "webdataset", "zarr")
DESCRIPTION: Final = "raysat.json"
_MAX_BYTES: Final = 1 << 20
_REMEDY: Final = "convert the store again, or remove the file and name the bands with {--sensor} or {--bands}"

Size = Annotated[int, Field(ge=1, lt=2**63)]


def _checked(fault: str, value: Any) -> Any:
    if fault:
        raise ValueError(fault)
    return value


class Description(FileModel):
    """What images, labels and splits do not say. Types are strict, as those of ``store.json``."""

    model_config = ConfigDict(strict=True)

    format: Literal[1] = 1
    layout: Layout
    bands: Annotated[tuple[str, ...], AfterValidator(lambda names: _checked(names_fault(names, "band"), names))]
    sensor: Annotated[str, AfterValidator(lambda name: _checked(name_fault(name, "sensor"), name))] | None
    classes: Annotated[tuple[str, ...], AfterValidator(lambda names: _checked(names_fault(names, "class"), names))]
    ordinal: bool
    generated: bool = False
    shape: tuple[Size, Size, Size, Size]  # of the images, (N, C, H, W)
    dtype: Annotated[
        str, AfterValidator(lambda name: _checked("" if name in DTYPES else "no type of a store's pixels", name))
    ]
    nodata: bool  # whether some pixels are
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
        kind=str(store.source.get("kind", ""))[:200],
        fingerprint=store.fingerprint,
    )


def write_description(told: Description, folder: Path) -> None:
    """Write it into a folder that is being made. Raises OSError."""
    (folder / DESCRIPTION).write_text(told.model_dump_json(indent=1), encoding="utf-8")


def read_description(folder: Path) -> Description | None:
    """Read what a converted store says of itself; None where another tool wrote the folder.

    Raises DataError where the file is damaged or of another format.
    """
    if not file_exists(folder / DESCRIPTION, DataError):
        return None
    content = read_bytes(folder / DESCRIPTION, max_bytes=_MAX_BYTES, remedy=_REMEDY, error=DataError)
    return parse_description(content, folder / DESCRIPTION)


def parse_description(content: str | bytes, source: Path | str) -> Description:
    """Read the text of a description. Raises DataError, naming the source, where it is damaged."""
    return parse_model(Description, content, source, remedy=_REMEDY, error=DataError)
