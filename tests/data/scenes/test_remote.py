"""Rasters behind URLs, from a server on loopback that answers ranges, and from an S3 server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from rasterio.windows import Window

from raysat.data.scenes.raster import open_scene
from raysat.data.scenes.remote import RemoteFile, is_remote, raster_path
from raysat.errors import DataError, UsageError
from raysat.files import ObjectPath, write_atomic
from tests.helpers.maps import BANDS, random_pixels, write_scene

pytestmark = pytest.mark.slow


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The URL of a folder's files, which are served by range."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def _answer(self, *, body: bool) -> None:
            file = tmp_path / self.path.partition("?")[0].strip("/")
            if not file.is_file():
                self.send_error(404)
                return
            content, size = file.read_bytes(), file.stat().st_size
            asked = self.headers.get("Range")
            if asked:
                first, _, last = asked.removeprefix("bytes=").partition("-")
                begin, end = int(first), min(int(last or size), size - 1)
                content = content[begin : end + 1]
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {begin}-{end}/{size}")
            else:
                self.send_response(200)
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if body:
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{httpd.server_port}"
    httpd.shutdown()


def test_a_scene_behind_http_is_read_by_range(tmp_path, server) -> None:
    pixels = random_pixels(64, 64)
    write_scene(tmp_path / "scene.tif", pixels, tiled=True, blockxsize=32, blockysize=32)
    with open_scene(RemoteFile(f"{server}/scene.tif?sig=secret"), bands=BANDS[1:], sensor="sentinel2") as scene:
        assert scene.name == "scene"
        np.testing.assert_array_equal(scene.read(Window(16, 8, 32, 40))[0], pixels[1:, 8:48, 16:48])


def test_a_scene_in_s3_is_read(tmp_path, bucket: ObjectPath) -> None:
    pixels = random_pixels(40, 40)
    write_atomic(bucket / "a" / "scene.tif", write_scene(tmp_path / "scene.tif", pixels).read_bytes())
    with open_scene(RemoteFile(f"{bucket}/a/scene.tif"), bands=BANDS) as scene:
        np.testing.assert_array_equal(scene.read(Window(0, 0, 40, 40))[0], pixels)


def test_bands_in_files_behind_urls(tmp_path, server) -> None:
    pixels = random_pixels(32, 32)
    urls = []
    for band, name in zip(pixels, BANDS, strict=True):
        write_scene(tmp_path / f"T32_{name}.tif", band[None], bands=None)
        urls.append(RemoteFile(f"{server}/T32_{name}.tif"))
    with open_scene(urls[::-1], bands=BANDS, sensor="sentinel2") as scene:
        np.testing.assert_array_equal(scene.read(Window(0, 0, 32, 32))[0], pixels)


def test_what_cannot_be_read_is_named_without_its_signature(tmp_path, server) -> None:
    (tmp_path / "text.tif").write_text("no raster")
    for name in ("gone.tif", "text.tif"):
        with pytest.raises(DataError, match=f"{name}.* cannot be read as a raster") as caught:
            open_scene(RemoteFile(f"{server}/{name}?sig=secret"), bands=BANDS)
        assert "secret" not in str(caught.value)


def test_a_list_of_files_behind_a_url_is_no_raster(tmp_path, server) -> None:
    local = write_scene(tmp_path / "local.tif", random_pixels(16, 16))
    vrt = f'<VRTDataset rasterXSize="16" rasterYSize="16"><VRTRasterBand dataType="UInt16" band="1"><SimpleSource><SourceFilename>{local}</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>'  # noqa: E501
    (tmp_path / "planted.tif").write_text(vrt)
    with pytest.raises(DataError, match="cannot be read as a raster"):
        open_scene(RemoteFile(f"{server}/planted.tif"), bands=["B02"])


@pytest.mark.parametrize(
    ("url", "said"),
    {
        "ftp://host/a.tif": "is no URL of a raster",
        "/a.tif": "is no URL of a raster",
        "s3:/x": "is no URL of a raster",
        "https://user:word@host/a.tif": "its host is none, or has a password",
        "https:///a.tif": "its host is none",
        "https://host": "names no file",
        "s3://bucket": "names no file",
        "https://host/a b.tif": "has a space",
        "https://host/a.tif?x=1 2": "has a space",
        "https://host/a/../b.tif": "a name in it is empty, '.' or '..'",
        "https://host/a\\b.tif": "characters that are not for names",
        "s3://user:word@bucket/a.tif": "names no bucket",
        "s3://bucket/a.tif?x": "is no path in an object store",
    }.items(),
)
def test_other_urls_are_refused_without_their_password(url: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        RemoteFile(url)
    assert "word@" not in str(caught.value)


def test_what_is_a_url() -> None:
    assert is_remote("s3://bucket/a.tif")
    assert not is_remote("file:///a.tif")
    assert not is_remote("a/b.tif")
    assert RemoteFile("s3://bucket/a/b.tif").gdal_name == "/vsis3/bucket/a/b.tif"
    assert RemoteFile("https://h/a.tif").gdal_name == "/vsicurl/https://h/a.tif"


def test_where_a_raster_lies_is_the_same_from_anywhere(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert raster_path("a.tif") == raster_path(tmp_path / "a.tif") == raster_path(f"file://{tmp_path}/a.tif")
    assert raster_path("https://h/a.tif?sig=x") == RemoteFile("https://h/a.tif?sig=x")
    for url in ("s3:/bucket/a.tif", "file://host/a.tif"):
        with pytest.raises(UsageError):
            raster_path(url)
