"""Parts of large objects, read several at a time, and all of one version: what replaces an object is noticed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from obstore.exceptions import PreconditionError

from raysat.errors import RaysatError, StorageError
from raysat.files.object_errors import asking
from raysat.files.object_store import bucket_store
from raysat.files.objects import ObjectPath


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """An object as it was at a moment: parts of it can be read until it is replaced."""

    path: ObjectPath
    size: int
    tag: str | None  # the store's name for this content; None where it has none


def object_version(path: ObjectPath, error: type[RaysatError] = StorageError) -> ObjectVersion | None:
    """What there is of an object now; None where there is none. Raises DiskError where that cannot be told."""
    with asking(path, "read", error=error):
        try:
            found = bucket_store(path.bucket).head(path.key)
        except FileNotFoundError as caught:
            if "NoSuchBucket" in str(caught):
                raise
            return None
    tag = found["e_tag"]
    return ObjectVersion(path, found["size"], None if tag is None or tag.startswith("W/") else tag)


def read_part(
    version: ObjectVersion, start: int, stop: int, error: type[RaysatError] = StorageError
) -> bytes | memoryview:
    """Read a part of an object, as it was.

    Args:
        version: the object.
        start: the first byte.
        stop: the byte after the last, at most the object's size.
        error: kind of error to raise.

    Returns:
        The bytes: fewer where the object is shorter now, and has no tag that would tell.

    Raises:
        StorageError: or the given kind: it is gone, or was replaced.
        DiskError: the store cannot be asked.
    """
    if start == stop:
        return b""
    options: Any = {"range": (start, stop)} | ({"if_match": version.tag} if version.tag else {})
    again = "run the same command again"
    with asking(version.path, "read", again, error):
        try:
            return memoryview(bucket_store(version.path.bucket).get(version.path.key, options=options).bytes())
        except PreconditionError:
            raise error(f"{version.path} was replaced while it was read", hint=again) from None
