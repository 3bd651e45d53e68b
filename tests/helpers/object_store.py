"""A real S3 server on loopback: moto's, in this process, found through the environment that obstore reads."""

from __future__ import annotations

import logging
import os
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from raysat.files import ObjectPath

SECRET = "told-to-nobody-but-the-store"  # noqa: S105


@contextmanager
def s3_server() -> Iterator[str]:
    """Start a server on a free port and set the environment, also for processes that are started; yields its URL."""
    from moto.server import ThreadedMotoServer  # seconds that other tests do without

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # else a line a request
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    with pytest.MonkeyPatch.context() as environment:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            environment.delenv(name)
        settings = {
            "ENDPOINT_URL": endpoint,
            "ACCESS_KEY_ID": "id",
            "SECRET_ACCESS_KEY": SECRET,
            "REGION": "us-east-1",
        }
        for name, value in {**settings, "ALLOW_HTTP": "true"}.items():
            environment.setenv(f"AWS_{name}", value)
        yield endpoint
    server.stop()


def ask(url: str, method: str, body: bytes = b"") -> None:
    """Send a request to a server on loopback."""
    request = urllib.request.Request(url, body, {"Content-Type": "text/plain"}, method=method)  # noqa: S310
    urllib.request.urlopen(request).close()  # noqa: S310


def make_bucket(endpoint: str) -> ObjectPath:
    """Make a bucket with a name of its own."""
    name = f"bucket-{uuid.uuid4().hex}"
    ask(f"{endpoint}/{name}", "PUT")
    return ObjectPath(f"s3://{name}")


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """The URL of a server that all tests share."""
    with s3_server() as endpoint:
        yield endpoint


@pytest.fixture
def bucket(s3_endpoint: str) -> ObjectPath:
    """An empty bucket of a server that all tests share."""
    return make_bucket(s3_endpoint)
