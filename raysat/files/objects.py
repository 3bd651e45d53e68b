"""Paths in object stores, such as ``s3://bucket/runs/study``, beside those on disks; reading a path from text.

``ObjectPath`` has no ``__fspath__``: whatever would open it as a file of this machine fails at once.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeAlias
from urllib.parse import unquote

from raysat.errors import UsageError
from raysat.files.urls import NamedByKey, key_fault, masked_url, split_url

# Scheme -> the variables of the environment that lead to such a store.
SCHEMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "s3": "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and, where it is not Amazon's, AWS_ENDPOINT_URL",
        "gs": "GOOGLE_APPLICATION_CREDENTIALS or GOOGLE_SERVICE_ACCOUNT",
        "az": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN",
    }
)
_COLLAPSED: Final = re.compile(rf"(?:{'|'.join(SCHEMES)}|file):/(?!/)")  # what Path makes of a URL
_BUCKET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,221}")


@dataclass(frozen=True, slots=True, repr=False)
class ObjectPath(NamedByKey):
    """A path in an object store: the URL of a bucket, then names; a folder is what the keys below it have in common."""

    url: str  # without a slash at its end

    def __post_init__(self) -> None:
        parts = split_url(self.url)
        if parts is None or parts.scheme not in SCHEMES:
            raise UsageError(f"{masked_url(self.url)} is no URL of an object store", hint=_forms())
        if not _BUCKET.fullmatch(parts.authority):
            raise UsageError(f"{masked_url(self.url)} names no bucket", hint=_forms())
        key = f"/{parts.key}".rstrip("/")
        if fault := key_fault(key[1:] + parts.query):
            shown = masked_url(self.url)
            raise UsageError(f"{shown} is no path in an object store: {fault}", hint=_forms())
        object.__setattr__(self, "url", f"{parts.scheme}://{parts.authority}{key}")

    def __truediv__(self, name: str) -> ObjectPath:
        return ObjectPath(f"{self.url}/{name}")

    def __str__(self) -> str:
        return self.url

    def __repr__(self) -> str:
        return f"ObjectPath({self.url!r})"

    @property
    def scheme(self) -> str:
        """``s3``, ``gs`` or ``az``."""
        return self.url.partition("://")[0]

    @property
    def bucket(self) -> str:
        """The URL of the bucket alone."""
        return self.url.removesuffix(f"/{self.key}") if self.key else self.url

    @property
    def key(self) -> str:
        """What the store knows it by; empty for the bucket itself."""
        return self.url.partition("://")[2].partition("/")[2]

    @property
    def parent(self) -> ObjectPath:
        """The folder that it lies in; a bucket is its own."""
        return ObjectPath(f"{self.bucket}/{self.key.rpartition('/')[0]}")

    def with_name(self, name: str) -> ObjectPath:
        """The path beside it of another name."""
        return self.parent / name

    def lies_in(self, folder: ObjectPath) -> bool:
        """Whether it lies below a folder, at whatever depth."""
        return self.url.startswith(f"{folder.url}/")


AnyPath: TypeAlias = Path | ObjectPath


def as_path(text: str | os.PathLike[str] | ObjectPath) -> AnyPath:
    """Read a path: of this machine's disks, ``file:///...``, or in an object store, ``s3://``, ``gs://``, ``az://``.

    Raises UsageError for any other URL, and for one that holds a password or is otherwise none.
    """
    if isinstance(text, ObjectPath):
        return text
    text = os.fspath(text)
    parts = split_url(text)
    if parts is None:
        if _COLLAPSED.match(text):
            raise UsageError(
                f"{masked_url(text)} is no URL",
                hint="two slashes follow its colon, as in s3://BUCKET/PATH; in Python, give it as text, not as a Path",
            )
        return Path(text)
    if parts.scheme != "file":
        return ObjectPath(text)
    host, slash, path = text.partition("://")[2].partition("/")
    if host not in {"", "localhost"} or not slash:
        raise UsageError(f"{masked_url(text)} names no file of this machine", hint="file:// is followed by /path")
    return Path(f"/{unquote(path)}")


def absolute(path: AnyPath) -> AnyPath:
    """The path from anywhere on this machine, links followed; one in an object store is that already."""
    return path.resolve() if isinstance(path, Path) else path


def _forms() -> str:
    """What a path may look like, and where credentials are."""
    forms = "s3://BUCKET/PATH, gs://BUCKET/PATH, az://CONTAINER/PATH, file:///PATH"
    return f"give a path or {forms}; credentials come from the environment"
