"""Another user of the machine, during a run: no token, no file, no socket, and no port that does what it is told."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from ray.core.generated import (
    core_worker_pb2,
    core_worker_pb2_grpc,
    gcs_service_pb2,
    gcs_service_pb2_grpc,
    node_manager_pb2,
    node_manager_pb2_grpc,
)

from raysat.data.patch_store import PatchStore
from tests.helpers.command import STUDY, ablate
from tests.helpers.other_user import as_other_user
from tests.helpers.patience import PATIENCE_S
from tests.helpers.processes import LOOPBACK, command, descendants, listening

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not Path("/proc/net/tcp").exists(), reason="becomes another user, and reads Linux's tables"
)
# Of what Ray answers without the token, none tells more than that Ray runs.
HARMLESS = {"/", "/api/gcs_healthz", "/api/local_raylet_healthz", "/api/authentication_mode"}
PATHS = (
    *sorted(HARMLESS),
    "/api/jobs/",
    "/api/job_agent/jobs/",
    "/api/v0/nodes",
    "/api/v0/logs",
    "/api/version",
    "/logs/",
    "/metrics",
    "/nodes?view=summary",
    "/worker/traceback?pid=1",
)


@dataclass(frozen=True)
class Victim:
    """A run that is in the midst of its training."""

    process: subprocess.Popen[str]
    folder: Path  # its private one

    @property
    def ports(self) -> set[int]:
        return {port for _, port in listening(self.process.pid)}


@pytest.fixture(name="victim", scope="module")
def _victim(landsat_store: PatchStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victim]:
    folder = tmp_path_factory.mktemp("victim")
    (folder / "tiny.yaml").write_text(STUDY, encoding="utf-8")
    words = ablate(folder / "tiny.yaml", landsat_store, folder / "runs", "--epochs", 5000, "--seeds", 1)
    words += ["--checkpoint-every", "1epoch", "--workers", 2, "--cpus-per-trial", 0.5]  # they open ports of their own
    line = [sys.executable, "-m", "raysat", *map(str, words)]
    with (folder / "output").open("w", encoding="utf-8") as output:
        process = subprocess.Popen(line, stdout=output, stderr=subprocess.STDOUT, text=True, umask=0)
    try:
        deadline = time.monotonic() + PATIENCE_S  # the dashboard has a low priority
        text = ""
        while not (list(folder.glob("runs/tiny/checkpoints/*")) and "its token in " in text):
            text = (folder / "output").read_text(encoding="utf-8")
            assert process.poll() is None, text
            assert time.monotonic() < deadline, text
            time.sleep(0.2)
        token = Path(text.partition("its token in ")[2].splitlines()[0])
        assert token.stat().st_size == 64
        yield Victim(process, token.parent)
        tree = descendants(process.pid)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130
        assert not token.parent.exists()
        assert [words for words in map(command, tree) if words] == []
    finally:
        process.kill()


def test_nothing_listens_beyond_loopback(victim: Victim) -> None:
    addresses = {address for address, _ in listening(victim.process.pid)}
    assert addresses
    assert addresses <= LOOPBACK


def test_no_file_can_be_reached(victim: Victim) -> None:
    inside = [str(path) for path in victim.folder.rglob("*")]
    secrets = [f"/proc/{pid}/environ" for pid in descendants(victim.process.pid)]

    def readable() -> list[str]:
        found = [str(victim.folder)] if os.access(victim.folder, os.R_OK | os.X_OK) else []
        for path in inside + secrets:
            try:
                os.close(os.open(path, os.O_RDONLY))
            except OSError:
                continue
            found.append(path)
        return found

    assert len(inside) > 20
    assert as_other_user(readable) == []


def test_no_unix_socket_can_be_reached(victim: Victim) -> None:
    names = [line.split()[-1] for line in Path("/proc/net/unix").read_text(encoding="utf-8").splitlines()[1:]]
    sockets = [name for name in names if name.startswith(str(victim.folder))]

    def connected() -> list[str]:
        found = []
        for name in sockets:
            with socket.socket(socket.AF_UNIX) as connection:
                if connection.connect_ex(name) == 0:
                    found.append(name)
        return found

    assert sockets
    assert as_other_user(connected) == []


def test_no_web_server_tells_or_does_anything_without_the_token(victim: Victim) -> None:
    job, ports = json.dumps({"entrypoint": "id"}), victim.ports

    def status(port: int, method: str, path: str, **headers: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=3)
        try:
            connection.request(method, path, job if method == "POST" else None, headers)
            return connection.getresponse().status
        except (http.client.HTTPException, OSError):
            return 0  # it speaks another protocol
        finally:
            connection.close()

    def answers_of(port: int) -> list[list[object]]:
        if not status(port, "GET", "/"):
            return []
        found: list[list[object]] = [[port, "GET", path, status(port, "GET", path)] for path in PATHS]
        for token in ("", "Bearer " + "0" * 64):
            found.append([port, "POST", "/api/jobs/", status(port, "POST", "/api/jobs/", Authorization=token)])
        return found

    def answers() -> list[list[object]]:
        with ThreadPoolExecutor(8) as pool:  # many say nothing until their time is up
            return [answer for found in pool.map(answers_of, ports) for answer in found]

    found = as_other_user(answers)
    posted = {code for _, method, _, code in found if method == "POST"}
    assert {401, 403} <= posted, "no job without a token, or with another one; agents may have started or not"
    assert not {code for code in posted if 0 < code < 400}
    assert [(method, path) for _, method, path, code in found if code == 200 and path not in HARMLESS] == []


@pytest.mark.parametrize("token", ["", "Bearer " + "0" * 64], ids=["no token", "another token"])
def test_no_server_of_ray_does_anything_without_the_token(victim: Victim, token: str) -> None:
    def refusals(port: int) -> set[grpc.StatusCode]:
        channel, codes = grpc.insecure_channel(f"127.0.0.1:{port}"), set()
        jobs = gcs_service_pb2_grpc.JobInfoGcsServiceStub(channel)
        keys = gcs_service_pb2_grpc.InternalKVGcsServiceStub(channel)
        node = node_manager_pb2_grpc.NodeManagerServiceStub(channel)
        worker = core_worker_pb2_grpc.CoreWorkerServiceStub(channel)
        calls = (
            (jobs.GetAllJobInfo, gcs_service_pb2.GetAllJobInfoRequest()),
            (keys.InternalKVKeys, gcs_service_pb2.InternalKVKeysRequest()),
            (node.GetNodeStats, node_manager_pb2.GetNodeStatsRequest()),
            (worker.GetCoreWorkerStats, core_worker_pb2.GetCoreWorkerStatsRequest()),
        )
        for call, request in calls:
            with pytest.raises(grpc.RpcError) as caught:
                call(request, timeout=3, metadata=(("authorization", token),) if token else ())
            codes.add(caught.value.code())
            if caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                break  # Gloo's, which says nothing
        return codes

    with ThreadPoolExecutor(8) as pool:
        codes = dict(zip(ports := victim.ports, pool.map(refusals, ports), strict=True))
    guarded = [port for port, found in codes.items() if grpc.StatusCode.UNAUTHENTICATED in found]
    assert len(guarded) >= 4, "the control store, the node manager, the driver and the workers"
