"""A clock that is off is found: before raysat's own files, against an object store's answer, against a node."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from raysat.execution.doctor.clock import clock, disk_offset, endpoint, node_clock, server_offset, synchronised
from raysat.files import ObjectPath

HOUR = 3600.0


@pytest.fixture(name="store")
def _store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[float | None], None]]:
    """An object store whose clock differs by so many seconds from this one's; None: that gives no date."""
    ahead: list[float | None] = [0.0]

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response_only(403)
            if ahead[0] is not None:
                self.send_header("Date", formatdate(real() + ahead[0], usegmt=True))
            self.end_headers()

    real = time.time
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        yield lambda seconds: ahead.__setitem__(0, seconds)
        server.shutdown()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ahead", "level", "words"),
    [
        (0.0, "ok", "as by the object store"),
        (20.0, "ok", "as by the object store"),
        (-120.0, "warning", "2 min ahead of the object store"),
        (600.0, "warning", "10 min behind the object store"),
        (2 * HOUR, "fault", "2 h 0 min behind the object store"),
        (None, "ok", "UTC"),
    ],
)
def test_against_an_object_store(store: Callable[[float | None], None], ahead: float | None, level: str, words: str):
    store(ahead)
    check = clock("s3://bucket/runs")
    assert check.level == level, check
    assert words in check.found
    assert (check.remedy is None) == (level == "ok")


@pytest.mark.slow
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu", "America/St_Johns"])
def test_a_zone_is_no_offset(store: object, zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        assert clock("s3://bucket/runs").level == "ok"
        assert abs(server_offset(endpoint(ObjectPath("s3://bucket")) or "") or 0.0) < 10
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_store_that_does_not_answer_tells_nothing() -> None:
    assert server_offset("http://127.0.0.1:1") is None


def test_addresses_of_stores(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    assert endpoint(ObjectPath("s3://bucket/x")) == "https://s3.eu-central-1.amazonaws.com"
    assert endpoint(ObjectPath("gs://bucket/x")) == "https://storage.googleapis.com"
    assert endpoint(ObjectPath("az://container/x")) is None
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "mine")
    assert endpoint(ObjectPath("az://container/x")) == "https://mine.blob.core.windows.net"


def test_against_the_disk_and_what_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = clock(str(tmp_path / "runs"))
    assert right.level == "ok"
    assert time.strftime("%Y-%m-%d", time.gmtime()) in right.found
    assert right.found.endswith("as by the disk of the runs")
    now = time.time
    monkeypatch.setattr("raysat.execution.doctor.clock.time.time", lambda: now() + HOUR)
    assert "1 h 0 min ahead of the disk of the runs" in clock(str(tmp_path)).found.replace("60 min", "1 h 0 min")
    monkeypatch.setattr("raysat.execution.doctor.clock.time.time", lambda: 1e6)
    wrong = clock(str(tmp_path))
    assert (wrong.level, wrong.found) == ("fault", "says 1970-01-12 13:46 UTC, before raysat was installed")
    assert not list(tmp_path.iterdir()), "nothing stays"


def test_a_folder_that_cannot_be_written_tells_nothing(tmp_path: Path) -> None:
    assert disk_offset(tmp_path / "none") is None


def test_a_node() -> None:
    asked, answered = 1000.0, 1010.0
    assert node_clock(1003.0, 1008.0, asked, answered).level == "ok"
    assert node_clock(990.0, 995.0, asked, answered).level == "ok", "ten seconds are no harm"
    behind, ahead = node_clock(400.0, 405.0, asked, answered), node_clock(4600.0, 4605.0, asked, answered)
    assert (behind.level, ahead.level) == ("warning", "warning")
    assert behind.found == "10 min or more behind the driver's"
    assert ahead.found == "60 min or more ahead of the driver's"


def test_the_kernel_is_asked() -> None:
    assert synchronised() in (True, False, None)
