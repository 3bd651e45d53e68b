"""Files on disk: written whole or not at all, read as typed models within limits, and what the disk says as one error.

A write goes under a temporary name, is synced, then renamed into place. One process at a time may write to a folder,
since it tidies up what killed ones left.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from raysat.errors import FormatError, RaysatError, StorageError

MAX_BYTES: Final = 64 << 20  # of a JSON file: far above the plan of the largest study, far below a machine's memory
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
# How network file systems, FUSE and Windows say that they cannot sync a folder; its files are synced all the same.
_NO_FOLDER_SYNC: Final = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES})
SAFE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

_M = TypeVar("_M", bound=BaseModel)


class FileModel(BaseModel):
    """Base of what is kept as JSON: keys that an older or newer raysat wrote beside ours are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


def read_model(
    model: type[_M],
    path: Path,
    *,
    remedy: str,
    max_bytes: int = MAX_BYTES,
    error: type[RaysatError] = StorageError,
) -> _M:
    """Read a JSON file; one that is nested more than 200 deep is refused by the parser.

    Args:
        model: what the file holds; a ``format`` field says which versions of it can be read.
        path: the file.
        remedy: hint of the error: what to do about a file that cannot be used.
        max_bytes: a larger file is not read.
        error: kind of error to raise.

    Returns:
        The model, whole and valid.

    Raises:
        StorageError: or the given kind: the file is missing, too large, no JSON, of another format or not the model.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            content = file.read(min(size, max_bytes))
    except OSError as caught:
        raise error(f"{path} cannot be read: {caught.strerror or caught}", hint=remedy) from caught
    if size > max_bytes:
        raise error(f"{path} cannot be read: it is larger than {max_bytes:,} bytes", hint=remedy)
    return parse_model(model, content, path, remedy=remedy, error=error)


def parse_model(
    model: type[_M],
    content: str | bytes,
    source: Path | str,
    *,
    remedy: str,
    error: type[RaysatError] = StorageError,
) -> _M:
    """Read the text of a JSON file.

    Args:
        model: what it holds.
        content: the text.
        source: the file, for errors.
        remedy: hint of the error.
        error: kind of error to raise.

    Returns:
        The model, whole and valid.

    Raises:
        StorageError: or the given kind, as ``read_model``.
    """
    try:
        return model.model_validate_json(content)
    except ValidationError as caught:
        faults = caught.errors()
        fault = next((fault for fault in faults if fault["loc"] == ("format",)), faults[0])
        where = ".".join(map(str, fault["loc"])) + ": " if fault["loc"] else ""
        match fault["type"]:
            case "json_invalid":
                cause = f"cannot be read: {fault['msg']}"
            case "literal_error" if fault["loc"] == ("format",):
                cause = f"has format {fault['input']!r}, this raysat reads {fault['ctx']['expected']}"
                remedy = "use the raysat that wrote it, or a newer one"
                error = FormatError if error is StorageError else error
            case "model_type":
                cause = f"is damaged: {where}not a JSON object"
            case _:
                cause = f"is damaged: {where}{fault['msg']}"
        raise error(f"{source} {cause}", hint=remedy) from caught


def write_atomic(path: Path, content: str | bytes) -> None:
    """Replace a file at once, text as UTF-8; makes its folder. Raises StorageError, the old file is then kept."""
    work = _partial(path)
    with os_errors(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_synced(work, _encoded(content))
            work.replace(path)
        finally:
            with suppress(OSError):
                work.unlink(missing_ok=True)
        _sync_folder(path.parent)


def write_unsynced(path: Path, content: str | bytes) -> None:
    """Replace a file at once without waiting for the disk, for what may be lost. Raises OSError."""
    work = _partial(path)
    try:
        work.write_bytes(_encoded(content))
        work.replace(path)
    finally:
        work.unlink(missing_ok=True)


def write_folder(target: Path, files: Mapping[str, bytes]) -> None:
    """Replace a folder of files at once. Raises StorageError, the old folder is then kept."""
    work = _partial(target)
    with os_errors(target):
        try:
            work.mkdir(parents=True)
            for name, content in files.items():
                _write_synced(work / name, content)
            install_folder(work, target)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    for left in target.parent.glob(f".{target.name}-{'?' * 8}.partial"):  # of attempts that were killed
        shutil.rmtree(left, ignore_errors=True)


def install_folder(work: Path, target: Path) -> None:
    """Rename a folder, whose files are synced, into the place of another. Raises OSError, the old one is then kept.

    A folder cannot be renamed over another: an old one moves to ``backup_path`` until the new one is in place. Where
    the process is killed in between, that holds it, whole.
    """
    backup = backup_path(target)
    _sync_folder(work)
    try:
        if target.exists():
            if backup.exists():
                shutil.rmtree(backup)
            target.rename(backup)
        work.rename(target)
    finally:
        if backup.exists() and not target.exists():
            backup.rename(target)
    _sync_folder(target.parent)
    shutil.rmtree(backup, ignore_errors=True)


def cache_folder() -> Path:
    """Where raysat keeps what it can make again: ``$RAYSAT_CACHE``, else ``raysat`` in the user's cache folder."""
    if folder := os.environ.get("RAYSAT_CACHE"):
        return Path(folder)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "raysat"


def sync_file(path: Path) -> None:
    """Make a file's content survive a power cut."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def safe_name(name: str, what: str) -> str:
    """Return a name that is safe as a file name, or raise StorageError."""
    if not SAFE_NAME.fullmatch(name):
        raise StorageError(
            f"{what} {name!r} cannot name a folder",
            hint="use letters, digits, '.', '_' and '-', starting with a letter or digit",
        )
    return name


def backup_path(folder: Path) -> Path:
    """Where a folder lies while another takes its place."""
    return folder.with_name(f".{folder.name}.replaced")


def current_folder(target: Path, name: str) -> Path:
    """The folder to read: the target or, where it lacks a file, the backup of a replacement that was killed midway."""
    folders = (target, backup_path(target))
    return next((folder for folder in folders if (folder / name).is_file()), target)


@contextmanager
def os_errors(path: Path, error: type[RaysatError] = StorageError) -> Iterator[None]:
    """Turn a failure to write (disk full, no permission) into an error that names the path and what to do."""
    try:
        yield
    except OSError as caught:
        action = "free some space" if caught.errno in _FULL else "check the permissions of the output folder"
        raise error(
            f"{path} cannot be written: {caught.strerror or caught}",
            hint=f"{action} and run the same command again: what is finished is kept",
        ) from caught


def _encoded(content: str | bytes) -> bytes:
    return content.encode(errors="backslashreplace") if isinstance(content, str) else content


def _partial(path: Path) -> Path:
    return path.with_name(f".{path.name}-{secrets.token_hex(4)}.partial")


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    """Make a rename survive a power cut, where the file system can."""
    try:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
