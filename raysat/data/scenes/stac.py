"""Scenes that a STAC item lists: which asset, and which band in it, holds each band.

An asset holds a band where its key, or one of its ``eo:bands`` (``bands`` since STAC 1.1), is called like it, or plays
its role (``common_name``). Of several the first by key is taken, but ones whose role is not ``data`` come last.
"""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from raysat.data.scenes.bands import Wanted, fold
from raysat.data.scenes.raster import assemble
from raysat.data.scenes.remote import RasterPath, RemoteFile, is_http, is_remote, open_anywhere
from raysat.data.scenes.scene import Scene, SceneFile
from raysat.errors import BandError, DataError, UsageError
from raysat.files import read_bytes
from raysat.installation import extra_module

if TYPE_CHECKING:
    from pystac import Asset, Item

_MAX_BYTES: Final = 4 << 20
_TIMEOUT_S: Final = 30
_REMEDY: Final = "give a STAC item: a GeoJSON feature with assets"


def read_item(place: RasterPath) -> Item:
    """Read a STAC item: a JSON file, or what lies behind a URL (http, https).

    Raises:
        InstallationError: pystac is not installed.
        UsageError: a URL of another kind.
        DataError: it is no item, or cannot be read.
    """
    pystac = extra_module("pystac", extra="stac")
    content = _content(place)
    try:
        parsed = json.loads(content)
        if not isinstance(parsed, dict) or parsed.get("type") != "Feature":
            raise DataError(f"{place} is no STAC item", hint=_REMEDY)
        item: Item = pystac.Item.from_dict(parsed, migrate=False)
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        RecursionError,
        pystac.STACError,
        pystac.STACTypeError,
    ) as error:
        raise DataError(f"{place} is no STAC item: {error}", hint=_REMEDY) from error
    return item


def instruments(item: Item) -> tuple[str, ...]:
    """What an item says it was taken by, in lower case: its constellation and its platform, as far as it does."""
    said = (item.properties.get(key) for key in ("constellation", "platform"))
    return tuple(text.lower() for text in said if isinstance(text, str) and text)


def open_item(
    item: Item,
    place: RasterPath,
    *,
    bands: Sequence[str],
    sensor: str | None,
    resample: bool = False,
    pixel_size: float | None = None,
    allow_remote: bool = False,
) -> Scene:
    """Open the scene of a STAC item; of its pixels nothing is read yet.

    Args:
        item: as ``read_item`` gave it.
        place: where it was read, by which its assets are found.
        bands: which are wanted, in order.
        sensor: that names them.
        resample: bring all to one grid, as ``open_scene`` does.
        pixel_size: of the scene in metres, with ``resample``.
        allow_remote: whether assets may lie behind URLs.

    Returns:
        The scene; close it, or use it as a context manager.

    Raises:
        DataError: a file that cannot be read.
        BandError: an asset is missing for a band.
        UsageError: an asset lies behind a URL, and that is not allowed.
    """
    with ExitStack() as stack:
        files: dict[RasterPath, SceneFile] = {}
        for position, (band, asset, index) in enumerate(_find(item, Wanted(bands=tuple(bands), sensor=sensor))):
            where = _place_of(asset, place, allow_remote=allow_remote)
            if where not in files:
                data = stack.enter_context(open_anywhere(where))
                files[where] = SceneFile(path=where, data=data, mask=None)
            file = files[where]
            if index > file.data.count:
                raise DataError(f"{where} has {file.data.count} bands; the item says that {band} is number {index}")
            file.indexes.append(index)
            file.positions.append(position)
        return assemble(
            item.id,
            list(files.values()),
            tuple(bands),
            stack=stack,
            sensor=sensor,
            resample=resample,
            pixel_size=pixel_size,
        )


def _content(place: RasterPath) -> bytes:
    if isinstance(place, Path):
        return read_bytes(place, max_bytes=_MAX_BYTES, remedy=_REMEDY, error=DataError)
    if not is_http(place):
        raise UsageError(f"{place} cannot be read: items are files, or behind http or https", hint=_REMEDY)
    try:
        with urllib.request.urlopen(place.url, timeout=_TIMEOUT_S) as answer:  # noqa: S310  (http or https)
            content: bytes = answer.read(_MAX_BYTES + 1)
    except (OSError, ValueError, HTTPException) as error:
        raise DataError(f"{place} cannot be read: {error}", hint="check the URL") from error
    if len(content) > _MAX_BYTES:
        raise DataError(f"{place} cannot be read: it is larger than {_MAX_BYTES:,} bytes", hint=_REMEDY)
    return content


def _find(item: Item, wanted: Wanted) -> Iterator[tuple[str, Asset, int]]:
    """Each wanted band with the asset that holds it, and its number there."""
    spellings = wanted.spellings
    found: dict[str, tuple[Asset, int]] = {}
    ordered = sorted(item.assets.items(), key=lambda pair: (not _is_data(pair[1]), pair[0]))
    for key, asset in ordered:
        listed = _listed(asset)
        names = [(fold(name), index) for index, names in enumerate(listed, 1) for name in names]
        if len(listed) <= 1:
            names.insert(0, (fold(key), 1))
        for name, index in names:
            if (band := spellings.get(name)) is not None:
                found.setdefault(band, (asset, index))
    if missing := [band for band in wanted.names if band not in found]:
        has = ", ".join(sorted(item.assets)[:20])
        raise BandError(f"item {item.id} has no asset of band {', '.join(missing)}; it has {has}")
    yield from ((band, *found[band]) for band in wanted.names)


def _is_data(asset: Asset) -> bool:
    """Whether an asset is one of data, as one is that does not say what it is for."""
    roles: Any = asset.roles
    return not roles or (isinstance(roles, list) and "data" in roles)


def _listed(asset: Asset) -> list[list[str]]:
    """The names that an asset gives its bands."""
    bands: Any = asset.extra_fields.get("eo:bands") or asset.extra_fields.get("bands") or []
    if not isinstance(bands, list) or not all(isinstance(band, dict) for band in bands):
        return []
    keys = ("name", "eo:common_name", "common_name")
    return [[band[key] for key in keys if isinstance(band.get(key), str)] for band in bands]


def _place_of(asset: Asset, item: RasterPath, *, allow_remote: bool) -> RasterPath:
    """Where an asset lies: an item that came from a URL names no files of this machine."""
    href = asset.href
    if isinstance(item, RemoteFile):
        with suppress(ValueError):  # what is no URL stays as it is
            href = urllib.parse.urljoin(item.url, href)
    if is_remote(href):
        if not allow_remote:
            raise UsageError(f"an asset lies at {RemoteFile(href)}", hint="{--allow-remote} lets it be read")
        return RemoteFile(href)
    if isinstance(item, RemoteFile):
        raise UsageError(f"{item} names a file of this machine", hint="download the item if you trust it")
    return item.parent / href.removeprefix("file://")
