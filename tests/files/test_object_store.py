"""Files in a real S3 server: read, replaced, made once, listed, deleted; and each failure one clear line, soon."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from raysat.errors import DataError, DiskError, StorageError
from raysat.files import (
    FileModel,
    ObjectPath,
    check_put_if_absent,
    check_real_folder,
    file_exists,
    folder_entries,
    open_regular,
    put_if_absent,
    read_bytes,
    read_model,
    read_text,
    remove_file,
    remove_tree,
    sweep_partial,
    write_atomic,
    write_unsynced,
)
from raysat.files.object_store import bucket_store
from tests.helpers.object_store import SECRET, ask

pytestmark = pytest.mark.slow


class Model(FileModel):
    number: int


def test_what_is_written_is_read(bucket):
    path = bucket / "runs" / "a b%20ü.json"
    assert not file_exists(path)
    write_atomic(path, '{"number": 1}')
    write_unsynced(path, '{"number": 2}')
    assert file_exists(path)
    assert not file_exists(path.parent)  # a folder
    assert read_text(path, max_bytes=99) == '{"number": 2}'
    assert read_model(Model, path, remedy="").number == 2
    write_atomic(path, b"")
    assert read_bytes(path, max_bytes=0) == b""


def test_what_is_large_is_read_whole_and_by_ranges(bucket):
    content = bytes(range(256)) * (20 << 12)  # 20 MiB: of several parts
    write_atomic(bucket / "large", content)
    assert read_bytes(bucket / "large", max_bytes=len(content)) == content
    with open_regular(bucket / "large", max_bytes=len(content)) as file:
        assert file.read(10) == content[:10]
        file.seek(-5, 2)
        assert (file.read(), file.read()) == (content[-5:], b"")
        file.seek(9 << 20)
        assert file.read(1000) == content[9 << 20 :][:1000]


@pytest.mark.parametrize("read", [read_bytes, read_text])
def test_what_is_too_large_or_missing_is_the_given_error(bucket, read):
    write_atomic(bucket / "f", b"12345")
    with pytest.raises(DataError, match="larger than 4 bytes"):
        read(bucket / "f", max_bytes=4, error=DataError)
    with pytest.raises(DataError, match="no such object") as caught:
        read(bucket / "absent", max_bytes=4, error=DataError, remedy="write it again")
    assert caught.value.hint == "write it again"
    for name in ("f", "absent"):
        with pytest.raises(StorageError), open_regular(bucket / name, max_bytes=4):
            pass


def test_only_one_of_many_makes_an_object(bucket):
    path = bucket / "lease" / "1.json"
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda number: put_if_absent(path, b"%d" % number), range(8)))
    winner = int(read_bytes(path, max_bytes=9))
    assert [number for number, is_made in enumerate(made) if is_made] == [winner]
    assert put_if_absent(path, b"%d" % winner)  # as where an answer was lost, and obstore asked again


def test_folders_hold_what_lies_in_them_by_name(bucket):
    for key in ("x/b", "x/a/1", "x/a/2", "xy", "x/c%20d"):
        write_atomic(bucket / key, b"")
    entries = folder_entries(bucket / "x")
    assert [(entry.name, entry.path) for entry in entries] == [(n, bucket / "x" / n) for n in ("a", "b", "c%20d")]
    assert [entry.name for entry in folder_entries(bucket)] == ["x", "xy"]
    assert folder_entries(bucket / "absent") == folder_entries(bucket / "xy") == []
    check_real_folder(bucket / "x")
    sweep_partial(bucket / "x")


def test_what_is_deleted_is_gone_and_nothing_beside_it(bucket):
    for key in ("run/a", "run/t/1", "run/t/2/3", "run/t2", "run2"):
        write_atomic(bucket / key, b"")
    run = bucket / "run"
    remove_file(run / "a", run)
    remove_file(run / "absent", run)
    remove_tree(run / "t", run)
    remove_tree(run / "absent", run)
    assert [entry.name for entry in folder_entries(run)] == ["t2"]
    assert file_exists(bucket / "run2")
    with pytest.raises(ValueError, match="does not lie in"):
        remove_tree(bucket / "run2", run)


def test_a_missing_bucket_is_one_line(s3_endpoint):
    path = ObjectPath("s3://no-such-bucket/runs/x")
    for act in (
        lambda: write_atomic(path, b""),
        lambda: write_atomic(path, bytes(9 << 20)),
        lambda: put_if_absent(path, b""),
        lambda: read_bytes(path, max_bytes=9),
        lambda: folder_entries(path),
        lambda: remove_tree(path, path.parent),
    ):
        with pytest.raises(StorageError, match=r"no bucket s3://no-such-bucket") as caught:
            act()
        assert caught.value.exit_code == 2
        assert caught.value.hint


@pytest.fixture
def elsewhere(monkeypatch):
    """Sets the environment of stores; they are made anew in it, and after it."""

    def go(**settings: str | None) -> None:
        for name, value in settings.items():
            monkeypatch.setenv(name, value) if value is not None else monkeypatch.delenv(name)
        bucket_store.cache_clear()

    yield go
    bucket_store.cache_clear()


def fails(path: ObjectPath, cause: str, within: float = 15) -> DiskError:
    """Every request to a store ends in one line, soon, with the environment's exit code."""
    errors = []
    for act in (lambda: file_exists(path), lambda: write_atomic(path, b"x"), lambda: folder_entries(path.parent)):
        began = time.monotonic()
        with pytest.raises(DiskError, match=cause) as caught:
            act()
        assert time.monotonic() - began < within
        assert "\n" not in caught.value.message
        assert caught.value.exit_code == 3
        errors.append(caught.value)
    return errors[0]


def test_an_endpoint_where_nobody_listens_is_one_line(bucket, elsewhere):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    elsewhere(AWS_ENDPOINT_URL=f"http://user:hunter2@127.0.0.1:{port}")
    error = fails(bucket / "x", f"http://127.0.0.1:{port} cannot be reached", within=5)
    assert "AWS_ENDPOINT_URL" in (error.hint or "")
    assert "hunter2" not in f"{error.message}{error.hint}"


def test_an_endpoint_that_never_answers_is_one_line_soon(bucket, elsewhere):
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        elsewhere(AWS_ENDPOINT_URL=f"http://127.0.0.1:{server.getsockname()[1]}")
        began = time.monotonic()
        with pytest.raises(DiskError, match="cannot be reached"):
            file_exists(bucket / "x")
        assert time.monotonic() - began < 15


def test_an_endpoint_without_encryption_must_be_allowed(bucket, elsewhere):
    elsewhere(AWS_ALLOW_HTTP=None)
    assert "AWS_ALLOW_HTTP" in (fails(bucket / "x", "without encryption", within=2).hint or "")


def test_credentials_that_are_refused_are_one_line(bucket, s3_endpoint):
    def allowed(requests: int) -> None:
        ask(f"{s3_endpoint}/moto-api/reset-auth", "POST", str(requests).encode())

    allowed(0)
    try:
        error = fails(bucket / "x", "refuses these credentials", within=5)
    finally:
        allowed(1 << 60)
    assert "AWS_ACCESS_KEY_ID" in (error.hint or "")
    assert SECRET not in f"{error.message}{error.hint}"


class _Proxy(BaseHTTPRequestHandler):
    """Hands requests on to a server: without the condition that there be no such object, or with some answers lost."""

    endpoint = ""
    is_careless = False
    lost: ClassVar[list[str]] = []  # the next requests whose answers are lost, by what their path ends with
    protocol_version = "HTTP/1.1"

    def hand_on(self) -> None:
        server = HTTPConnection(self.endpoint.removeprefix("http://"))
        dropped = "if-none-match" if self.is_careless else ""
        headers = {name: value for name, value in self.headers.items() if name.lower() != dropped}
        server.request(self.command, self.path, self.rfile.read(int(self.headers.get("content-length", 0))), headers)
        answer = server.getresponse()
        body = answer.read()
        server.close()
        if self.lost and self.path.endswith(self.lost[0]):
            self.lost.pop(0)
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in {"transfer-encoding", "content-length", "connection"}:
                self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def proxy(elsewhere, endpoint: str, **settings: object) -> Iterator[None]:
    methods = dict.fromkeys(["do_GET", "do_PUT", "do_POST", "do_HEAD", "do_DELETE"], _Proxy.hand_on)
    handler = type("Handler", (_Proxy,), {"endpoint": endpoint, **methods, **settings})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        elsewhere(AWS_ENDPOINT_URL=f"http://127.0.0.1:{server.server_port}")
        yield
        elsewhere(AWS_ENDPOINT_URL=endpoint)
        server.shutdown()


def test_a_store_that_puts_where_there_is_an_object_is_refused_before_it_is_used(bucket, s3_endpoint, elsewhere):
    check_put_if_absent(bucket / "runs")
    assert not folder_entries(bucket / "runs")
    with proxy(elsewhere, s3_endpoint, is_careless=True):
        write_atomic(bucket / "x", b"1")
        assert read_bytes(bucket / "x", max_bytes=9) == b"1"
        with pytest.raises(DiskError, match="If-None-Match") as caught:
            check_put_if_absent(bucket / "runs")
        assert "\n" not in caught.value.message
        assert caught.value.hint
        assert not folder_entries(bucket / "runs")


def test_an_answer_that_is_lost_makes_nobody_believe_that_another_was_first(bucket, s3_endpoint, elsewhere):
    lost = ["/lease", "/record", "/plan.json"]
    with proxy(elsewhere, s3_endpoint, lost=lost):
        assert put_if_absent(bucket / "lease", b"mine")
        assert not put_if_absent(bucket / "lease", b"another's")
        write_atomic(bucket / "record", b"1")
        write_atomic(bucket / "plan.json", b"2")
    assert not lost
    assert [read_bytes(bucket / name, max_bytes=9) for name in ("lease", "record", "plan.json")] == [
        b"mine",
        b"1",
        b"2",
    ]


def test_a_store_that_fails_now_and_then_is_asked_again(bucket, elsewhere):
    """Two refused answers, then a good one."""
    answers = [b"HTTP/1.1 503 Slow Down\r\ncontent-length: 0\r\n\r\n"] * 2 + [
        b'HTTP/1.1 200 OK\r\netag: "1"\r\ncontent-length: 0\r\n\r\n'
    ]
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            for answer in answers:
                connection, _ = server.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(answer.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))

        threading.Thread(target=serve, daemon=True).start()
        elsewhere(AWS_ENDPOINT_URL=f"http://127.0.0.1:{server.getsockname()[1]}")
        write_atomic(bucket / "x", b"")
