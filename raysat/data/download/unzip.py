"""Unpacks a zip file that may be anything: no path leaves the folder, no link, and no more bytes than are allowed."""

from __future__ import annotations

import shutil
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Final

from raysat.data.importers.base import Progress, no_progress
from raysat.errors import DataError
from raysat.files import install_folder, partial_folder, writing
from raysat.formatting import echo

_MEMBERS: Final = 1_000_000
_PIECE: Final = 1 << 20
_REMEDY: Final = "download it again"


def unzip(archive: Path, target: Path, *, max_bytes: int, progress: Progress = no_progress) -> None:
    """Unpack a zip file into a folder that becomes whole or does not appear.

    Args:
        archive: the file.
        target: the folder to make; one that is there is replaced.
        max_bytes: all files together may not have more.
        progress: called with the bytes written so far and in all.

    Raises:
        DataError: the archive is damaged, too large, or holds what would be written elsewhere.
        DiskError: it cannot be written.
    """
    try:
        with zipfile.ZipFile(archive) as content:
            members = [member for member in content.infolist() if not member.is_dir()]
            _check(archive, members, max_bytes)
            total, done = sum(member.file_size for member in members), 0
            with writing(target), partial_folder(target) as work:
                for member in members:
                    place = work / member.filename
                    place.parent.mkdir(parents=True, exist_ok=True)
                    with content.open(member) as source, place.open("xb") as out:
                        shutil.copyfileobj(source, out, _PIECE)  # zipfile reads no more than the member's size
                    done += member.file_size
                    progress(done, total)
                install_folder(work, target)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, RuntimeError) as error:
        raise DataError(f"{archive} cannot be unpacked: {error}", hint=_REMEDY) from error


def _check(archive: Path, members: list[zipfile.ZipInfo], max_bytes: int) -> None:
    """Raise DataError for an archive that must not be unpacked."""
    total = sum(member.file_size for member in members)
    if total > max_bytes or len(members) > _MEMBERS:
        raise DataError(
            f"{archive} holds {len(members):,} files of {total:,} bytes, expected {max_bytes:,} bytes at most",
            hint=_REMEDY,
        )
    for member in members:
        path, mode = PurePosixPath(member.filename), member.external_attr >> 16
        outside = path.is_absolute() or ".." in path.parts or "\\" in member.filename or ":" in path.parts[0]
        if outside or (mode and not stat.S_ISREG(mode) and stat.S_IFMT(mode)):
            kind = "would be written elsewhere" if outside else "is no plain file"
            raise DataError(f"{archive} holds {echo(member.filename)}, which {kind}", hint="do not use it")
