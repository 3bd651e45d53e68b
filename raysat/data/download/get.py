"""Brings a data set onto this machine: each file through pooch, checked, unpacked, with its licence beside it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import pooch

from raysat.data.download.catalog import DataSet, RemoteFile
from raysat.data.download.record import FileRecord, read_record, write_record
from raysat.data.download.resume import ResumingDownloader
from raysat.data.download.unzip import unzip
from raysat.errors import BusyError, DataError, DownloadError
from raysat.files import reading, writing
from raysat.files.locks import exclusive_now

Progress = Callable[[str, int, int], None]  # what is done, how far it is, and its end
_DEEP: Final = 3  # folders below an archive's root in which the data may lie


def no_progress(_what: str, _done: int, _total: int) -> None:
    """Report progress to nobody.

    Args:
        _what: what is done.
        _done: how far it is.
        _total: its end.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Downloaded:
    """A data set that is here."""

    data_set: DataSet
    folder: Path  # its files, with ``dataset.json``
    files: tuple[FileRecord, ...]
    root: Path | None  # what to import; None where no command does
    notes: tuple[str, ...]

    @property
    def command(self) -> str | None:
        """The command that makes a store of it; None where there is none."""
        return None if self.root is None else import_command(self.data_set, self.root)


def import_command(data_set: DataSet, root: Path) -> str:
    """The command that makes a store of a data set's folder."""
    name, _, options = data_set.importing.partition(" ")
    return " ".join(filter(None, ("raysat data import", name, str(root), options, f"--out {data_set.name}-store")))


def download(data_set: DataSet, folder: Path, *, progress: Progress = no_progress) -> Downloaded:
    """Download what is missing of a data set, check it, unpack it.

    Args:
        data_set: of the catalog.
        folder: where its files lie, or are to lie.
        progress: called with what is done, the bytes so far and in all.

    Returns:
        Where it is, and what is known of its files.

    Raises:
        DownloadError: a file cannot be had; the hint says how to bring it by hand.
        DataError: a file is another than it should be; it is not kept.
        DiskError: the disk is too small, or fails.
        BusyError: another raysat downloads into the same folder.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with exclusive_now(folder / ".lock") as alone:
        if not alone:
            raise BusyError(f"another raysat downloads into {folder}", hint="wait until it is done")
        seen = read_record(folder)
        known = {file.name: file for file in seen.files} if seen else {}
        files: list[FileRecord] = []
        for file in data_set.files:
            files.append(_bring(data_set, file, folder, known.get(file.name), progress))
            others = [other for name, other in known.items() if name not in {each.name for each in files}]
            write_record(folder, data_set, (*files, *others))  # the first hash of a file is kept, whatever follows
        root = _unpack(data_set, folder, progress)
    notes = tuple(
        f"{file.name}: nobody publishes a hash, so it could not be checked; dataset.json keeps its own, {file.hash}"
        for file in files
        if not file.published
    )
    return Downloaded(data_set=data_set, folder=folder, files=tuple(files), root=root, notes=notes)


def _bring(
    data_set: DataSet, file: RemoteFile, folder: Path, seen: FileRecord | None, progress: Progress
) -> FileRecord:
    """Download one file unless it is here, and check it."""
    target = folder / file.name
    expected = file.hash or (seen.hash if seen else None)
    part = folder / f"{file.name}.part"
    downloader = ResumingDownloader(part=part, size=file.size, progress=partial(progress, f"downloading {file.name}"))
    pooch.get_logger().setLevel("ERROR")
    try:
        pooch.retrieve(file.url, known_hash=expected, fname=file.name, path=folder, downloader=downloader)
    except DownloadError as error:
        raise DownloadError(error.template, hint=_by_hand(data_set, file, folder)) from error
    except ValueError as error:
        whose = "its publisher says" if file.hash else "the first download had"
        raise DataError(
            f"{file.url} does not hash to what {whose} ({expected}): it was not kept",
            hint=f"try again later; see {data_set.homepage}",
        ) from error
    except OSError:
        with writing(target):
            raise
    with reading(target, error=DataError):
        size = target.stat().st_size
        found = expected or f"sha256:{pooch.file_hash(str(target))}"
    return FileRecord(name=file.name, url=file.url, size=size, hash=found, published=file.hash is not None)


def _by_hand(data_set: DataSet, file: RemoteFile, folder: Path) -> str:
    """How to bring a file without this command, and what then."""
    follows = f"; then: {import_command(data_set, folder / Path(file.name).stem)}" if data_set.importing else ""
    save = f"save {file.url} as {folder / file.name} and run it again, which checks the file{follows}"
    return f"run the command again when there is a network: it goes on where it was; or by hand: {save}"


def _unpack(data_set: DataSet, folder: Path, progress: Progress) -> Path | None:
    """Unpack zip files that are not yet, and return the folder to import."""
    if not data_set.unpacked:
        return None
    archive = next(folder / file.name for file in data_set.files if file.name.endswith(".zip"))
    target = folder / archive.stem
    if not target.is_dir():
        unzip(archive, target, max_bytes=data_set.unpacked, progress=partial(progress, f"unpacking {archive.name}"))
    root = _root(target, data_set.marker)
    if root is None:
        raise DataError(f"{archive} holds no folder {data_set.marker}", hint=f"see {data_set.homepage}")
    for file in data_set.files:  # lists of splits lie beside the classes
        if file.name.endswith(".txt"):
            with writing(root):
                shutil.copyfile(folder / file.name, root / file.name)
    return root


def _root(folder: Path, marker: str) -> Path | None:
    """The folder that holds one of a name, not far below."""
    for depth in range(_DEEP + 1):
        for found in sorted(folder.glob("*/" * depth + marker)):
            if found.is_dir():
                return found.parent
    return None
