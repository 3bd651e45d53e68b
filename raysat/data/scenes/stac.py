"""Scenes that a STAC item lists: which asset, and which band in it, holds each band.

An asset holds a band where its key, or one of its ``eo:bands`` (``bands`` since STAC 1.1), is called like it, or plays
its role (``common_name``). Of several the first by key is taken, but ones whose role is not ``data`` come last.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from raysat.data.scenes.bands import Wanted, fold
from raysat.data.scenes.raster import assemble
from raysat.data.scenes.remote import RasterPath, RemoteFile, is_remote, open_anywhere
from raysat.data.scenes.scene import Scene, SceneFile
from raysat.errors import BandError, DataError, UsageError
from raysat.files import read_bytes
from raysat.installation import extra_module

if TYPE_CHECKING:
    from pystac import Asset, Item

_MAX_BYTES: Final = 4 << 20
_TIMEOUT_S: Final = 30
_REMEDY: Final = "give a STAC item: a GeoJSON feature with assets"


def open_item(
    place: Path | str,
    *,
    bands: Sequence[str],
    sensor: str | None,
    resample: bool = False,
    pixel_size: float | None = None,
    allow_remote: bool = False,
) -> Scene:
    """Open the scene of a STAC item; of its pixels nothing is read yet.

    Args:
        place: the item's JSON file, or its URL (http, https).
        bands: which are wanted, in order.
        sensor: that names them.
        resample: bring all to one grid, as ``open_scene`` does.
        pixel_size: of the scene in metres, with ``resample``.
        allow_remote: whether assets may lie behind URLs.

    Returns:
        The scene; close it, or use it as a context manager.

    Raises:
        InstallationError: pystac is not installed.
        DataError: what is no item, or a file that cannot be read.
        BandError: an asset is missing for a band.
        UsageError: an asset lies behind a URL, and that is not allowed.
    """
    item = _read(place)
    with ExitStack() as stack:
        files: dict[str, SceneFile] = {}
        for position, (band, asset, index) in enumerate(_find(item, Wanted(bands=tuple(bands), sensor=sensor))):
            where = _place_of(asset, place, allow_remote=allow_remote)
            if str(where) not in files:
                data = stack.enter_context(open_anywhere(where))
                files[str(where)] = SceneFile(path=where, data=data, mask=None)
            file = files[str(where)]
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


def item_platform(place: Path | str) -> str:
    """What an item says of the instrument that took it: its constellation and platform, in lower case."""
    properties = _read(place).properties
    return " ".join(str(properties.get(key) or "") for key in ("constellation", "platform")).strip().lower()


def _read(place: Path | str) -> Item:
    pystac = extra_module("pystac", extra="stac")
    content = _content(place)
    try:
        parsed = json.loads(content)
        if not isinstance(parsed, dict) or parsed.get("type") != "Feature":
            raise DataError(f"{_shown(place)} is no STAC item", hint=_REMEDY)
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
        raise DataError(f"{_shown(place)} is no STAC item: {error}", hint=_REMEDY) from error
    return item


def _content(place: Path | str) -> bytes:
    if isinstance(place, Path):
        return read_bytes(place, max_bytes=_MAX_BYTES, remedy=_REMEDY, error=DataError)
    if not place.startswith(("http://", "https://")):
        raise UsageError(f"{_shown(place)} cannot be read: items are files, or behind http or https", hint=_REMEDY)
    try:
        with urllib.request.urlopen(place, timeout=_TIMEOUT_S) as answer:  # noqa: S310  (http or https)
            content: bytes = answer.read(_MAX_BYTES + 1)
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise DataError(f"{_shown(place)} cannot be read: {error}", hint="check the URL") from error
    if len(content) > _MAX_BYTES:
        raise DataError(f"{_shown(place)} cannot be read: it is larger than {_MAX_BYTES:,} bytes", hint=_REMEDY)
    return content


def _find(item: Item, wanted: Wanted) -> Iterator[tuple[str, Asset, int]]:
    """Each wanted band with the asset that holds it, and its number there."""
    spellings = wanted.spellings
    found: dict[str, tuple[Asset, int]] = {}
    ordered = sorted(item.assets.items(), key=lambda pair: ("data" not in (pair[1].roles or ["data"]), pair[0]))
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


def _listed(asset: Asset) -> list[list[str]]:
    """The names that an asset gives its bands."""
    bands: Any = asset.extra_fields.get("eo:bands") or asset.extra_fields.get("bands") or []
    if not isinstance(bands, list) or not all(isinstance(band, dict) for band in bands):
        return []
    keys = ("name", "eo:common_name", "common_name")
    return [[band[key] for key in keys if isinstance(band.get(key), str)] for band in bands]


def _place_of(asset: Asset, item: Path | str, *, allow_remote: bool) -> RasterPath:
    """Where an asset lies: an item that came from a URL names no files of this machine."""
    href = asset.href
    if isinstance(item, str):
        href = urllib.parse.urljoin(item, href)
    if is_remote(href):
        if not allow_remote:
            raise UsageError(f"an asset lies at {RemoteFile(href)}", hint="{--allow-remote} lets it be read")
        return RemoteFile(href)
    if isinstance(item, str):
        raise UsageError(f"{_shown(item)} names a file of this machine", hint="download the item if you trust it")
    return item.parent / href.removeprefix("file://")


def _shown(place: Path | str) -> str:
    return str(place) if isinstance(place, Path) else str(RemoteFile(place))
