"""``dataset.json``: what a downloaded data set is, whose, and what its files hash to; it lies beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field

from raysat.data.download.catalog import DataSet
from raysat.errors import DataError
from raysat.files import FileModel, file_exists, read_model, write_atomic

RECORD: Final = "dataset.json"
_REMEDY: Final = "remove the file, and download the data set again"

Text = Annotated[str, Field(max_length=2_000)]


class FileRecord(FileModel):
    """One file that was downloaded."""

    model_config = ConfigDict(strict=True)

    name: Text
    url: Text
    size: Annotated[int, Field(ge=0)]  # bytes
    hash: Annotated[str, Field(pattern="^(md5:[0-9a-f]{32}|sha256:[0-9a-f]{64})$")]
    published: bool  # whether its publisher gives the hash; else it is that of the first download


class DataSetRecord(FileModel):
    """What lies in the folder of a data set."""

    model_config = ConfigDict(strict=True)

    format: Literal[1] = 1
    name: Text
    title: Text
    homepage: Text
    licence: Text
    citation: Text
    files: tuple[FileRecord, ...]


def read_record(folder: Path) -> DataSetRecord | None:
    """Read the record of a folder; None where there is none. Raises DataError where it is damaged."""
    if not file_exists(folder / RECORD, DataError):
        return None
    return read_model(DataSetRecord, folder / RECORD, remedy=_REMEDY, max_bytes=1 << 20, error=DataError)


def write_record(folder: Path, data_set: DataSet, files: tuple[FileRecord, ...]) -> None:
    """Write what is known of the files in a folder.

    Args:
        folder: of the data set.
        data_set: what it is.
        files: those that are there.

    Raises:
        DiskError: it cannot be written.
    """
    record = DataSetRecord(
        name=data_set.name,
        title=data_set.title,
        homepage=data_set.homepage,
        licence=data_set.licence,
        citation=data_set.citation,
        files=files,
    )
    write_atomic(folder / RECORD, record.model_dump_json(indent=1))
