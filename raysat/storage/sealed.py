"""The files of finished work: whole or not there, and each is what was written, by its checksum, or it is an error.

On a disk they lie in the folder itself, which is written aside and renamed. In an object store, each attempt to write
them has a folder of its own; what makes one of them the record is ``SHA256SUMS``, put last, and only where there is
none:

    <folder>/SHA256SUMS         <sha256>  <attempt>/<name>
             <attempt>/<name>

Either layout is read wherever it lies: runs are copied from buckets to disks and back.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from raysat.errors import DeniedError, DiskError, StorageError
from raysat.files import (
    SAFE_NAME,
    AnyPath,
    ObjectPath,
    current_folder,
    file_exists,
    open_regular,
    put_if_absent,
    read_bytes,
    read_text,
    remove_tree,
    write_atomic,
    write_folder,
)

SUMS: Final = "SHA256SUMS"
WEIGHTS: Final = "model.pt"
RECORD: Final = "record.json"
FILES: Final = (RECORD, "spec.json", "history.csv", "predictions.npz", WEIGHTS)  # of a trial
ATTEMPT: Final = re.compile(r"[0-9a-f]{8}")
_LINE: Final = re.compile(rf"([0-9a-f]{{64}})  (?:({ATTEMPT.pattern})/)?({SAFE_NAME.pattern})")
_MAX_SUMS: Final = 64 << 10  # bytes: five lines are 400
MAX_FILE: Final = 16 << 30  # bytes: weights of a model of four billion parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class _Manifest:
    """``SHA256SUMS``."""

    attempt: str  # that the files are of; empty where they lie beside it
    digests: Mapping[str, str]  # file name -> SHA-256


class SealedFolder:
    """A folder of finished work; its checksums are read when they are asked for, once."""

    def __init__(self, root: AnyPath, *, needed: Collection[str] = FILES) -> None:
        """Take a folder, or the backup of a replacement that was killed midway.

        Args:
            root: where the work is, or would be.
            needed: files that its checksums must name.
        """
        self.root: AnyPath = root if isinstance(root, ObjectPath) else current_folder(root, RECORD)
        self._needed = needed

    def is_there(self) -> bool:
        """Whether there is finished work, even if damaged. Raises StorageError where that cannot be seen."""
        if isinstance(self.root, ObjectPath):
            return file_exists(self.root / SUMS)
        if file_exists(self.root / RECORD):
            return True
        if not file_exists(self.root / SUMS):
            return False
        try:
            return bool(self._manifest.attempt)
        except (DeniedError, DiskError):
            raise
        except StorageError:
            return False

    @cached_property
    def folder(self) -> AnyPath:
        """Where its files lie. Raises StorageError where only its checksums say that, and are missing or damaged."""
        if not isinstance(self.root, ObjectPath) and (file_exists(self.root / RECORD) or not self.is_there()):
            return self.root
        attempt = self._manifest.attempt
        return self.root / attempt if attempt else self.root

    @cached_property
    def _manifest(self) -> _Manifest:
        """Read the checksums. Raises StorageError where they are missing or damaged, or leave out a file."""
        file = self.root / SUMS
        digests: dict[str, str] = {}
        attempts: set[str] = set()
        text = read_text(file, max_bytes=_MAX_SUMS, remedy=again(self.root))
        for number, line in enumerate(text.splitlines(), start=1):
            match = _LINE.fullmatch(line)
            if match is None or match[3] in digests:
                raise StorageError(f"{file} is damaged: line {number} is no checksum of a file", hint=again(self.root))
            digests[match[3]] = match[1]
            attempts.add(match[2] or "")
        if missing := [name for name in self._needed if name not in digests]:
            raise StorageError(f"{file} is damaged: it does not name {', '.join(missing)}", hint=again(self.root))
        if len(attempts) > 1:
            raise StorageError(f"{file} is damaged: it names files of several attempts", hint=again(self.root))
        return _Manifest(attempt=next(iter(attempts), ""), digests=digests)

    @property
    def digests(self) -> Mapping[str, str]:
        """The SHA-256 of each of its files, by name. Raises StorageError."""
        return self._manifest.digests

    @property
    def names(self) -> tuple[str, ...]:
        """The files that its checksums name. Raises StorageError."""
        return tuple(self._manifest.digests)

    def read(self, name: str, *, max_bytes: int) -> bytes:
        """Read a file, one that is larger excepted. Raises StorageError where it is missing or not what was written."""
        content = read_bytes(self.folder / name, max_bytes=max_bytes, remedy=again(self.root))
        self.check_content(name, content)
        return content

    def check_content(self, name: str, content: bytes) -> None:
        """Raise StorageError where what was read of a file is not what was written."""
        self._check(name, hashlib.sha256(content).hexdigest())

    def check(self, name: str) -> None:
        """Raise StorageError where a file, however large, is missing or not what was written."""
        with open_regular(self.folder / name, max_bytes=MAX_FILE, remedy=again(self.root)) as file:
            self._check(name, hashlib.file_digest(file, "sha256").hexdigest())

    def _check(self, name: str, digest: str) -> None:
        if self._manifest.digests[name] != digest:
            raise StorageError(f"{self.folder / name} is damaged: its checksum is wrong", hint=again(self.root))


def write_sealed(root: AnyPath, files: Mapping[str, bytes], *, replace: bool) -> None:
    """Write finished work at once, with checksums.

    Args:
        root: its folder.
        files: contents by name.
        replace: whether what is there is damaged; else, in an object store, whoever is first finishes the work.

    Raises:
        DiskError: it cannot be written; what was there is kept.
    """
    if not isinstance(root, ObjectPath):
        return write_folder(root, {**files, SUMS: encode_sums(files)})
    put_attempt(
        root,
        {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
        lambda name, path: write_atomic(path, files[name]),
        replace=replace,
    )
    return None


def put_attempt(
    root: ObjectPath, digests: Mapping[str, str], put: Callable[[str, ObjectPath], object], *, replace: bool
) -> None:
    """Finish work in an object store: its files, then their checksums, where there are none.

    Args:
        root: its folder.
        digests: SHA-256 by name.
        put: has the file of a name at a path.
        replace: whether the checksums that are there are of something damaged.

    Raises:
        StorageError: it cannot be put; what was there is kept.
    """
    attempt = secrets.token_hex(4)
    try:
        for name in digests:
            put(name, root / attempt / name)
    except StorageError:
        _discard(root, attempt)
        raise
    sums = format_sums({f"{attempt}/{name}": digest for name, digest in digests.items()})
    if replace:
        write_atomic(root / SUMS, sums)
    elif not put_if_absent(root / SUMS, sums):  # where this fails it may have been put: the files stay
        _discard(root, attempt)


def _discard(root: ObjectPath, attempt: str) -> None:
    with suppress(StorageError):  # what stays is found by ``ledger gc``
        remove_tree(root / attempt, root)


def encode_sums(files: Mapping[str, bytes]) -> bytes:
    """Write the checksums of files, as ``sha256sum`` does."""
    return format_sums({name: hashlib.sha256(content).hexdigest() for name, content in files.items()})


def format_sums(digests: Mapping[str, str]) -> bytes:
    """Write checksums that are known, by name, as ``sha256sum`` does."""
    return "".join(f"{digest}  {name}\n" for name, digest in digests.items()).encode()


def again(folder: AnyPath) -> str:
    """What to do about a damaged trial: its folder is whole or worthless."""
    return f"delete {folder} and run the study again"
