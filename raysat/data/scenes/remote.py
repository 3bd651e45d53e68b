"""Rasters behind a URL: read by range with GDAL where a user allows it, and only formats that keep all in one file."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import rasterio

from raysat.data.scenes.gdal import RASTER_ERRORS, check_size, open_raster, quiet_gdal
from raysat.errors import DataError, UsageError
from raysat.files import ObjectPath, as_path
from raysat.files.objects import SCHEMES
from raysat.files.urls import NamedByKey, Parts, key_fault, masked_url, split_url

_PREFIXES: Final = {"http": "/vsicurl/http", "https": "/vsicurl/https", "s3": "/vsis3", "gs": "/vsigs", "az": "/vsiaz"}
_HOST: Final = re.compile(r"[^@\s\\]+")  # with a port; a user and a password do not belong into a URL
JPEG_2000: Final = (".jp2", ".j2k")  # of names; anything else is to be a GeoTIFF
_LONGEST: Final = 2000  # characters: a signed URL has some 1,000
_HINT: Final = f"URLs begin with {', '.join(f'{scheme}://' for scheme in _PREFIXES)} and have no password"
# Of a server that does not answer; and nothing is asked of it but the file itself.
_PATIENCE: Final = {"GDAL_HTTP_CONNECTTIMEOUT": "20", "GDAL_HTTP_TIMEOUT": "60", "GDAL_HTTP_MAX_RETRY": "2"}


@dataclass(frozen=True, slots=True)
class RemoteFile(NamedByKey):
    """A file behind a URL that GDAL can read by range. Raises UsageError for a text that is no such URL."""

    url: str

    def __post_init__(self) -> None:
        parts = split_url(self.url)
        if parts is None or parts.scheme not in _PREFIXES:
            raise UsageError(f"{self} is no URL of a raster", hint=_HINT)
        if parts.scheme in SCHEMES:
            ObjectPath(self.url)  # says itself what is wrong
        if fault := _fault(parts):
            raise UsageError(f"{self} is no URL of a raster: {fault}", hint=_HINT)

    def __str__(self) -> str:
        """The URL, without what may be a signature."""
        return masked_url(self.url)

    @property
    def key(self) -> str:
        """What follows the host or bucket, without a signature."""
        parts = split_url(self.url)
        return parts.key if parts else ""

    @property
    def parent(self) -> Path:
        """The folder that it lies in, by name: scenes of several files are called after it."""
        return Path("/", *self._pure.parent.parts)

    @property
    def gdal_name(self) -> str:
        """What GDAL knows it by."""
        scheme, _, rest = self.url.partition("://")
        prefix = _PREFIXES[scheme]
        return f"{prefix}://{rest}" if prefix.startswith("/vsicurl") else f"{prefix}/{rest}"


RasterPath: TypeAlias = Path | RemoteFile


def raster_path(text: str | Path) -> RasterPath:
    """Read where a raster lies: a path, from then on one from anywhere on this machine, or a URL.

    Raises UsageError for a URL of which nothing can be read.
    """
    return RemoteFile(str(text)) if is_remote(str(text)) else Path(str(as_path(text))).absolute()


def is_remote(text: str) -> bool:
    """Whether a text is meant as a URL, and not as the path of a file here."""
    return "://" in text and not text.startswith("file://")


def is_http(path: RemoteFile) -> bool:
    """Whether a web server has it, and no object store."""
    return path.url.startswith(("http://", "https://"))


def _fault(parts: Parts) -> str | None:
    """Why nothing can be read behind a URL, or None."""
    if not parts.key:
        return "it names no file"
    if parts.scheme in SCHEMES:  # whose names may have spaces
        return None
    if not _HOST.fullmatch(parts.authority):
        return "its host is none, or has a password"
    written = parts.key + parts.query
    if len(written) > _LONGEST or not written.isprintable() or any(character.isspace() for character in written):
        return "it is too long, or has a space"
    return key_fault(parts.key)


def _endpoint() -> dict[str, str]:
    """Where GDAL finds S3 that is not Amazon's: by the variable that everything else of raysat reads."""
    scheme, _, host = os.environ.get("AWS_ENDPOINT_URL", "").partition("://")
    if not host:
        return {}
    https = "YES" if scheme == "https" else "NO"
    return {"AWS_S3_ENDPOINT": host.rstrip("/"), "AWS_HTTPS": https, "AWS_VIRTUAL_HOSTING": "FALSE"}


def open_anywhere(path: RasterPath) -> rasterio.DatasetReader:
    """Open a raster, here or behind a URL; nothing but its header is read. Close it again.

    Raises DataError as ``open_raster``, and where a server does not answer.
    """
    if isinstance(path, Path):
        return open_raster(path)
    driver = "JP2OpenJPEG" if path.suffix.lower() in JPEG_2000 else "GTiff"
    try:
        with quiet_gdal(), rasterio.Env(**_PATIENCE, **_endpoint()):
            file = rasterio.open(path.gdal_name, driver=driver, sharing=False)
    except RASTER_ERRORS as error:
        cause = str(error.__cause__ or error).replace(path.gdal_name, str(path)).replace(path.url, str(path))
        hint = "check the URL and, of a private bucket, the credentials in the environment"
        raise DataError(f"{path} cannot be read as a raster: {cause}", hint=hint) from error
    return check_size(file, path)
