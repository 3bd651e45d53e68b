"""Rasters behind a URL: read by range with GDAL where a user allows it, and only formats that keep all in one file."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, TypeAlias

import rasterio
from rasterio.errors import RasterioError

from raysat.data.scenes.gdal import check_blocks, open_raster, quiet_gdal
from raysat.errors import DataError, UsageError
from raysat.formatting import one_line

_PREFIXES: Final = {"http": "/vsicurl/http", "https": "/vsicurl/https", "s3": "/vsis3", "gs": "/vsigs", "az": "/vsiaz"}
_URL: Final = re.compile(r"([a-z][a-z0-9+.-]*)://([^/?#@\s]+)(/[^\s\\]*)?", re.IGNORECASE)
_JPEG_2000: Final = (".jp2", ".j2k")  # of names; anything else is to be a GeoTIFF
_LONGEST: Final = 2000  # characters: a signed URL has some 1,000
# Of a server that does not answer; and nothing is asked of it but the file itself.
_PATIENCE: Final = {"GDAL_HTTP_CONNECTTIMEOUT": "20", "GDAL_HTTP_TIMEOUT": "60", "GDAL_HTTP_MAX_RETRY": "2"}


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file behind a URL that GDAL can read by range."""

    url: str

    def __post_init__(self) -> None:
        match = _URL.fullmatch(self.url)
        if match is None or match[1].lower() not in _PREFIXES or len(self.url) > _LONGEST or not self._pure.name:
            forms = ", ".join(f"{scheme}://" for scheme in _PREFIXES)
            raise UsageError(f"{self} is no URL of a raster", hint=f"URLs begin with {forms} and have no password")

    def __str__(self) -> str:
        """The URL, without what may be a signature."""
        return one_line(re.sub(r"[?#].*", "?...", self.url, flags=re.DOTALL))

    @property
    def _pure(self) -> PurePosixPath:
        return PurePosixPath(re.split("[?#]", self.url)[0].partition("://")[2].partition("/")[2])

    @property
    def name(self) -> str:
        """The last name."""
        return self._pure.name

    @property
    def stem(self) -> str:
        """The last name without its suffix."""
        return self._pure.stem

    @property
    def suffix(self) -> str:
        """The end of the last name, from its last dot."""
        return self._pure.suffix

    @property
    def parent(self) -> Path:
        """The folder that it lies in, by name: scenes of several files are called after it."""
        return Path("/", *self._pure.parent.parts)

    @property
    def gdal_name(self) -> str:
        """What GDAL knows it by."""
        scheme, _, rest = self.url.partition("://")
        prefix = _PREFIXES[scheme.lower()]
        return f"{prefix}://{rest}" if prefix.startswith("/vsicurl") else f"{prefix}/{rest}"


RasterPath: TypeAlias = Path | RemoteFile


def is_remote(text: str) -> bool:
    """Whether a text is meant as a URL, and not as the path of a file here."""
    return "://" in text and not text.startswith("file://")


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
    driver = "JP2OpenJPEG" if path.suffix.lower() in _JPEG_2000 else "GTiff"
    try:
        with quiet_gdal(), rasterio.Env(**_PATIENCE, **_endpoint()):
            file = rasterio.open(path.gdal_name, driver=driver, sharing=False)
    except (RasterioError, OSError, ValueError, MemoryError) as error:
        cause = str(error.__cause__ or error).replace(path.gdal_name, str(path)).replace(path.url, str(path))
        hint = "check the URL and, of a private bucket, the credentials in the environment"
        raise DataError(f"{path} cannot be read as a raster: {cause}", hint=hint) from error
    return check_blocks(file, path)
