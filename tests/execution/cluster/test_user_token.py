"""The user's token for clusters is taken away from others, and checked before Ray connects."""

import logging
import os
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from ray._raylet import AuthenticationTokenLoader, Config
from ray.core.generated.gcs_service_pb2 import GetClusterIdReply, GetClusterIdRequest
from ray.core.generated.gcs_service_pb2_grpc import (
    NodeInfoGcsServiceServicer,
    add_NodeInfoGcsServiceServicer_to_server,
)

from raysat.errors import ClusterError
from raysat.execution.cluster.user_token import check_token, keep_token_private


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("RAY_AUTH_TOKEN_PATH", raising=False)
    return tmp_path


def test_the_token_and_its_folder_as_ray_makes_them(home: Path) -> None:
    folder, token = home / ".ray", home / ".ray" / "auth_token"
    folder.mkdir(mode=0o755)
    token.write_text("secret", encoding="ascii")
    token.chmod(0o644)
    keep_token_private()
    assert (mode(folder), mode(token)) == (0o700, 0o600)
    assert token.read_text(encoding="ascii") == "secret"


def test_without_a_token_nothing_is_made(home: Path) -> None:
    keep_token_private()
    assert not list(home.iterdir())


def test_a_token_elsewhere_leaves_its_folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token = home / "token"
    token.touch(mode=0o644)
    home.chmod(0o755)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(token))
    keep_token_private()
    assert (mode(home), mode(token)) == (0o755, 0o600)


def test_a_symlink_is_not_followed(home: Path) -> None:
    other = home / "other"
    other.touch()
    other.chmod(0o644)
    (home / ".ray").mkdir()
    (home / ".ray" / "auth_token").symlink_to(other)
    keep_token_private()
    assert mode(other) == 0o644


class Cluster(NodeInfoGcsServiceServicer):  # type: ignore[misc]  # ray ships no types
    """What a cluster says to who asks for its id, with a token or, as old ones, without."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    def GetClusterId(self, request: GetClusterIdRequest, context: grpc.ServicerContext) -> GetClusterIdReply:  # noqa: N802
        given = dict(context.invocation_metadata()).get("authorization")
        if self._token and given != f"Bearer {self._token}":
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "InvalidAuthToken")
        return GetClusterIdReply(cluster_id=b"1")


@contextmanager
def cluster(token: str | None) -> Iterator[str]:
    server = grpc.server(ThreadPoolExecutor(1))
    add_NodeInfoGcsServiceServicer_to_server(Cluster(token), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


@contextmanager
def having(token: str | None) -> Iterator[None]:
    """Have a token as a user has one; Ray reads the environment once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", "/proc/nope")
        for name, value in (("RAY_AUTH_MODE", "token"), ("RAY_AUTH_TOKEN", token), ("RAY_AUTH_TOKEN_PATH", None)):
            patch.delenv(name, raising=False)
            if token and value:
                patch.setenv(name, value)
        Config.initialize("")
        AuthenticationTokenLoader.instance().reset_cache()
        yield
    Config.initialize("")
    AuthenticationTokenLoader.instance().reset_cache()


@pytest.mark.parametrize(("asked", "given"), [("a" * 64, "a" * 64), (None, "a" * 64), (None, None)])
def test_a_token_that_fits(asked: str | None, given: str | None) -> None:
    with cluster(asked) as address, having(given):
        check_token(address)


def test_a_token_is_offered_without_a_word_where_the_user_did_not_say_whether(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(logging.getLogger("ray"), "handlers", [caplog.handler])
    with cluster("a" * 64) as address, having("a" * 64), pytest.MonkeyPatch.context() as patch:
        patch.delenv("RAY_AUTH_MODE")
        Config.initialize("")
        check_token(address)
        assert os.environ["RAY_AUTH_MODE"] == "token"
    assert caplog.text == ""


def test_a_server_of_grpc_that_is_not_ray() -> None:
    server = grpc.server(ThreadPoolExecutor(1))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with having(None), pytest.raises(ClusterError, match="what answers there is not Ray"):
            check_token(f"127.0.0.1:{port}")
    finally:
        server.stop(None).wait()


def test_a_head_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("raysat.execution.cluster.user_token._PATIENCE_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent, having(None):
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(ClusterError, match="its head does not answer") as caught:
            check_token(address)
    assert "ray status" in (caught.value.hint or "")


def test_a_token_that_cannot_be_read(tmp_path: Path) -> None:
    with cluster("a" * 64) as address, having(None), pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "nope"))
        AuthenticationTokenLoader.instance().reset_cache()
        with pytest.raises(ClusterError, match=r"your token for clusters cannot be read: .*nope") as caught:
            check_token(address)
    assert "RAY_AUTH_TOKEN_PATH" in (caught.value.hint or "")


@pytest.mark.parametrize(("given", "message"), [("b" * 64, "does not accept your token"), (None, "you have none")])
def test_a_token_that_does_not_fit(given: str | None, message: str) -> None:
    with cluster("a" * 64) as address, having(given), pytest.raises(ClusterError, match=message) as caught:
        check_token(address)
    assert "RAY_AUTH_TOKEN_PATH" in (caught.value.hint or "")
    assert "bbbb" not in str(caught.value)
