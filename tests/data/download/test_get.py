"""Downloads from a real server on this machine: resumed where they were cut, refused where they are another file."""

import hashlib
import io
import json
import re
import socket
import zipfile

import numpy as np
import pytest

from raysat.data.download import resume
from raysat.data.download.catalog import DataSet, RemoteFile
from raysat.data.download.get import download
from raysat.errors import BusyError, DataError, DiskError, DownloadError
from raysat.files.locks import exclusive_now
from tests.helpers.data import left_behind
from tests.helpers.http_server import serving

CONTENT = np.random.default_rng(0).bytes(300_000)
MD5 = f"md5:{hashlib.md5(CONTENT).hexdigest()}"  # noqa: S324


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    monkeypatch.setattr(resume, "_PAUSE", 0.0)
    monkeypatch.setattr(resume, "_PIECE", 10_000)


@pytest.fixture
def site():
    with serving({"/a.bin": CONTENT}) as found:
        yield found


def of(site, **changes):
    file = {"name": "a.bin", "url": f"{site.url}/a.bin", "hash": MD5, "size": len(CONTENT)} | changes
    return DataSet(
        name="eurosat",
        title="A title",
        homepage="https://example.org",
        licence="a licence",
        citation="A citation",
        files=(RemoteFile(**file),),
        otherwise="nothing",
    )


def test_a_file_comes_whole_with_its_licence_beside_it(site, tmp_path):
    seen = []
    done = download(of(site), tmp_path / "d", progress=lambda *step: seen.append(step))
    assert (tmp_path / "d/a.bin").read_bytes() == CONTENT
    assert left_behind(tmp_path / "d") == [".lock", "a.bin", "dataset.json"]
    record = json.loads((tmp_path / "d/dataset.json").read_text())
    assert (record["licence"], record["citation"]) == ("a licence", "A citation")
    assert record["files"] == [
        {"name": "a.bin", "url": f"{site.url}/a.bin", "size": 300_000, "hash": MD5, "published": True}
    ]
    assert (done.notes, done.command) == ((), None)
    assert seen[-1] == ("downloading a.bin", 300_000, 300_000)
    download(of(site), tmp_path / "d")
    assert len(site.asked) == 1  # what is there and right is not asked for again


def test_a_cut_connection_goes_on_where_it_was(site, tmp_path):
    site.cut_after = 123_456
    download(of(site), tmp_path / "d")
    assert (tmp_path / "d/a.bin").read_bytes() == CONTENT
    first, second = site.asked
    assert first == ("/a.bin", None)
    start = int(re.fullmatch(r"bytes=(\d+)-", second[1])[1])
    assert 0 < start <= 123_456


def test_an_interrupted_download_goes_on_in_the_next_run(site, tmp_path):
    def stop(what, done, total):
        if done > 100_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(of(site), tmp_path / "d", progress=stop)
    assert left_behind(tmp_path / "d") == [".lock", "a.bin.part", "a.bin.part.json"]
    part = (tmp_path / "d/a.bin.part").read_bytes()
    assert part == CONTENT[: len(part)]
    download(of(site), tmp_path / "d")
    assert site.asked[-1] == ("/a.bin", f"bytes={len(part)}-")
    assert (tmp_path / "d/a.bin").read_bytes() == CONTENT
    assert left_behind(tmp_path / "d") == [".lock", "a.bin", "dataset.json"]


def leave_part(folder, site, content=b"x" * 1000, size=300_000, url=None):
    folder.mkdir()
    (folder / "a.bin.part").write_bytes(content)
    state = {"format": 1, "url": url or f"{site.url}/a.bin", "version": '"0"', "size": size}
    (folder / "a.bin.part.json").write_text(json.dumps(state))


def test_a_part_of_an_older_version_is_not_continued(site, tmp_path):
    leave_part(tmp_path / "d", site)
    download(of(site), tmp_path / "d")
    assert (tmp_path / "d/a.bin").read_bytes() == CONTENT
    assert site.asked == [("/a.bin", "bytes=1000-")]  # If-Range: the server sends the whole


@pytest.mark.parametrize("left", ["another url", "too long", "no state", "nonsense", "whole but wrong"])
def test_a_part_that_cannot_be_trusted(site, tmp_path, left):
    content = b"x" * (len(CONTENT) if left == "whole but wrong" else 1000)
    size = 10 if left == "too long" else len(CONTENT)
    leave_part(tmp_path / "d", site, content, size, "http://other" if left == "another url" else None)
    state = tmp_path / "d/a.bin.part.json"
    if left == "no state":
        state.unlink()
    if left == "nonsense":
        state.write_text("[" * 10_000)
    if left == "whole but wrong":
        with pytest.raises(DataError, match="does not hash to what its publisher says"):
            download(of(site), tmp_path / "d")
        assert left_behind(tmp_path / "d") == [".lock"]
    download(of(site), tmp_path / "d")
    assert site.asked == [("/a.bin", None)]
    assert (tmp_path / "d/a.bin").read_bytes() == CONTENT


def test_a_server_without_ranges_sends_it_all_again(site, tmp_path):
    site.ranges, site.cut_after = False, 123_456
    download(of(site), tmp_path / "d")
    assert (tmp_path / "d/a.bin").read_bytes() == CONTENT


def test_a_part_longer_than_what_is_there_now(site, tmp_path):
    site.files["/a.bin"] = CONTENT[:500]
    leave_part(tmp_path / "d", site, b"x" * 1000)
    state = json.loads((tmp_path / "d/a.bin.part.json").read_text()) | {"version": '"1"'}
    (tmp_path / "d/a.bin.part.json").write_text(json.dumps(state))
    md5 = f"md5:{hashlib.md5(CONTENT[:500]).hexdigest()}"  # noqa: S324
    download(of(site, hash=md5, size=500), tmp_path / "d")
    assert (tmp_path / "d/a.bin").read_bytes() == CONTENT[:500]


def test_another_content_is_refused_and_not_kept(site, tmp_path):
    site.files["/a.bin"] = CONTENT[:-1] + b"?"
    with pytest.raises(DataError, match="does not hash to what its publisher says") as caught:
        download(of(site), tmp_path / "d")
    assert caught.value.exit_code == 2
    assert left_behind(tmp_path / "d") == [".lock"]


@pytest.mark.parametrize("size", [10, 300_001])
def test_another_length_is_refused_before_a_byte_is_written(site, tmp_path, size):
    with pytest.raises(DataError, match=f"has 300,000 bytes, expected {size:,}: it is another file"):
        download(of(site, size=size), tmp_path / "d")
    assert left_behind(tmp_path / "d") == [".lock"]


def test_a_file_without_a_published_hash_keeps_its_first(site, tmp_path):
    done = download(of(site, hash=None, size=None), tmp_path / "d")
    sha = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
    assert done.files[0].hash == sha
    assert not done.files[0].published
    assert done.notes == (
        f"a.bin: nobody publishes a hash, so it could not be checked; dataset.json keeps its own, {sha}",
    )
    (tmp_path / "d/a.bin").write_bytes(b"changed")
    download(of(site, hash=None, size=None), tmp_path / "d")
    assert (tmp_path / "d/a.bin").read_bytes() == CONTENT  # it was not the first any more
    site.files["/a.bin"], site.etag = b"another", '"2"'
    (tmp_path / "d/a.bin").unlink()
    with pytest.raises(DataError, match="does not hash to what the first download had"):
        download(of(site, hash=None, size=None), tmp_path / "d")


def test_a_file_brought_by_hand_is_checked_and_used(site, tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d/a.bin").write_bytes(CONTENT)
    download(of(site), tmp_path / "d")
    assert site.asked == []


def closed_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.mark.parametrize(
    ("url", "cause"),
    [
        (f"http://127.0.0.1:{closed_port()}/a.bin", r"no connection \(Connection refused\)"),
        ("http://no-such-host.invalid/a.bin", "no connection"),
    ],
    ids=["nobody listens", "no such host"],
)
def test_without_a_network_the_steps_by_hand_are_said(site, tmp_path, url, cause):
    with pytest.raises(DownloadError, match=cause) as caught:
        download(of(site, url=url), tmp_path / "eurosat")
    assert caught.value.exit_code == 3
    for said in (url, str(tmp_path / "eurosat/a.bin"), "by hand"):
        assert said in caught.value.hint
    assert left_behind(tmp_path / "eurosat") == [".lock"]


@pytest.mark.parametrize(("status", "asked"), [(404, 1), (403, 1), (503, resume.ATTEMPTS)])
def test_what_the_server_refuses(site, tmp_path, status, asked):
    site.status = status
    with pytest.raises(DownloadError, match=f"the server says {status}"):
        download(of(site), tmp_path / "d")
    assert len(site.asked) == asked


def test_redirects_are_followed_but_not_for_ever_nor_to_another_scheme(site, tmp_path):
    site.redirect = "/moved/a.bin"
    download(of(site), tmp_path / "d")
    assert [path for path, _ in site.asked] == ["/a.bin", "/moved/a.bin"]
    site.redirect = "/a.bin"
    with pytest.raises(DownloadError, match="without end"):
        download(of(site), tmp_path / "e")
    for target in ("ftp://127.0.0.1/a.bin", "file:///etc/passwd"):
        site.redirect = target
        with pytest.raises(DownloadError, match="which is not https"):
            download(of(site), tmp_path / "f")


def test_https_is_never_left(monkeypatch, tmp_path):
    """A session that answers as a server of https would: there is none with a certificate here."""
    import requests

    def get(self, url, **options):
        response = requests.Response()
        response.status_code, response.url, response.raw = 302, url, io.BytesIO()
        response.headers["location"] = "http://127.0.0.1/a.bin"
        return response

    monkeypatch.setattr(requests.Session, "get", get)
    downloader = resume.ResumingDownloader(part=tmp_path / "p", size=None, progress=lambda done, total: None)
    with pytest.raises(DownloadError, match=r"leads to http://127\.0\.0\.1/a\.bin, which is not https"):
        downloader("https://example.org/a.bin", str(tmp_path / "out"), None)


def test_a_disk_that_is_too_small_is_said_before_it_is_full(site, tmp_path, monkeypatch):
    usage = resume.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(resume.shutil, "disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(DiskError, match=r"has 1\.0 kB free, the file takes 300\.0 kB more"):
        download(of(site), tmp_path / "d")
    assert left_behind(tmp_path / "d") == [".lock"]


def test_two_at_once(site, tmp_path):
    (tmp_path / "d").mkdir()
    with exclusive_now(tmp_path / "d/.lock"), pytest.raises(BusyError, match="another raysat downloads"):
        download(of(site), tmp_path / "d")


def test_a_record_that_is_damaged(site, tmp_path):
    download(of(site), tmp_path / "d")
    (tmp_path / "d/dataset.json").write_text('{"format": 1, "files": 3}')
    with pytest.raises(DataError, match=r"dataset\.json is damaged"):
        download(of(site), tmp_path / "d")


def zipped(names):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as out:
        for name in names:
            out.writestr(name, name.encode())
    return file.getvalue()


def test_a_zip_file_is_unpacked_once_and_its_folder_found(tmp_path):
    content = zipped(["top/EuroSAT/AnnualCrop/a.tif", "top/readme.txt"])
    with serving({"/E.zip": content, "/s/eurosat-train.txt": b"a.jpg\n"}) as site:
        data_set = DataSet(
            name="eurosat",
            title="",
            homepage="",
            licence="",
            citation="",
            files=(
                RemoteFile(name="E.zip", url=f"{site.url}/E.zip", hash=None),
                RemoteFile(name="eurosat-train.txt", url=f"{site.url}/s/eurosat-train.txt", hash=None),
            ),
            unpacked=1000,
            marker="AnnualCrop",
            importing="imagefolder --sensor sentinel2",
        )
        done = download(data_set, tmp_path / "d")
        assert done.root == tmp_path / "d/E/top/EuroSAT"
        assert left_behind(done.root) == ["AnnualCrop", "eurosat-train.txt"]
        assert done.command == (f"raysat data import imagefolder {done.root} --sensor sentinel2 --out eurosat-store")
        (done.root / "AnnualCrop/mine").write_text("kept")
        download(data_set, tmp_path / "d")
        assert (done.root / "AnnualCrop/mine").exists()
        missing = DataSet(**{**{name: getattr(data_set, name) for name in DataSet.__slots__}, "marker": "none"})
        with pytest.raises(DataError, match="holds no folder none"):
            download(missing, tmp_path / "d")
