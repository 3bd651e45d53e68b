"""Public data sets: what they are, whose, and onto this machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from typing_extensions import override

from raysat.api.importers import ImportResult, import_droughtwatch
from raysat.api.layouts import import_image_folder
from raysat.config.arguments import checked
from raysat.data.download.catalog import DATA_SETS, DataSet, find_data_set
from raysat.data.download.record import FileRecord
from raysat.errors import UsageError
from raysat.views.data_sets import show_data_set, show_download
from raysat.views.shown import Shown


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Download(Shown):
    """A data set that is here: ``folder``, ``root`` (what to import), ``files`` with their hashes, ``notes``."""

    data_set: DataSet
    folder: Path
    files: tuple[FileRecord, ...]
    root: Path | None
    notes: tuple[str, ...]
    command: str | None
    imported: ImportResult | None = None

    def __repr__(self) -> str:
        return f"<Download of {self.data_set.name} at {str(self.folder)!r}>"

    @override
    def show(self, console: Console) -> None:
        show_download(self, console)


@dataclass(frozen=True, slots=True, repr=False)
class DataSetInfo(Shown):
    """What a data set is, whose it is and how large."""

    data_set: DataSet

    def __repr__(self) -> str:
        return f"<DataSetInfo of {self.data_set.name}>"

    @override
    def show(self, console: Console) -> None:
        show_data_set(self.data_set, console)


@checked
def data_set(name: str) -> DataSetInfo:
    """Return what is known of a data set: title, licence, citation, files, size.

    Raises:
        UsageError: an unknown name.
    """
    return DataSetInfo(find_data_set(name))


@checked
def download(
    name: str,
    *,
    folder: Path | str = "datasets",
    out: Path | str | None = None,
    overwrite: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
) -> Download:
    """Download a public data set, or what is missing of it; files are checked, and zip files unpacked.

    Args:
        name: ``droughtwatch``, ``eurosat``, ``so2sat`` or ``bigearthnet-s2``.
        folder: the data set gets a folder of its name in this one.
        out: make a store here, too.
        overwrite: replace a store at ``out``.
        progress: called with what is done, the bytes so far and in all.

    Returns:
        Where it is, what its files hash to, and how to make a store of it.

    Raises:
        UsageError: an unknown data set, or ``out`` for one that no importer reads.
        DownloadError: a file cannot be had; the hint says how to bring it by hand.
        DataError: a file is another than it should be, or ``out`` exists.
        DiskError: the disk is too small, or fails.
        BusyError: another raysat downloads into the same folder.
    """
    from raysat.data.download.get import download as bring
    from raysat.data.download.get import no_progress

    wanted = find_data_set(name)
    if out is not None and not wanted.importing:
        raise UsageError(f"no command makes a store of {name}", hint=wanted.otherwise)
    if out is not None and not overwrite and Path(out).exists():
        raise UsageError(f"{out} exists already", hint="choose another {--out}, or replace it with {--overwrite}")
    report = progress or no_progress
    done = bring(wanted, Path(folder) / name, progress=report)
    imported = None
    if out is not None and done.root is not None:
        imported = _import(wanted, done.root, Path(out), overwrite=overwrite, report=report)
    return Download(
        data_set=wanted,
        folder=done.folder,
        files=done.files,
        root=done.root,
        notes=done.notes,
        command=done.command,
        imported=imported,
    )


def _import(
    wanted: DataSet, root: Path, out: Path, *, overwrite: bool, report: Callable[[str, int, int], None]
) -> ImportResult:
    def progress(done: int, total: int) -> None:
        report("importing", done, total)

    if wanted.importing == "droughtwatch":
        return import_droughtwatch(root, out, allow_duplicates=True, overwrite=overwrite, progress=progress)
    sensor = wanted.importing.split()[-1]
    return import_image_folder(root, out, sensor=sensor, allow_duplicates=True, overwrite=overwrite, progress=progress)


def data_set_names() -> tuple[str, ...]:
    """Names of the data sets that can be downloaded."""
    return tuple(DATA_SETS)
