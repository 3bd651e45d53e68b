"""How fast a patch store reaches a machine: from a URL by ranges in parallel, and from the driver's disk by Ray.

    python benchmarks/stores.py                          # 1 GB, three times each; some minutes on two cores
    python benchmarks/stores.py --megabytes 20 --repeats 1 --no-ray

The URL is that of a small server on loopback which answers as S3 does. Each of its answers begins after ``--latency``
and comes no faster than ``--rate``, as an object store's: what one request leaves unused, others take. Times are of
copying alone, and of all until the store is open: hashed, compared with its fingerprint, synced.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from raysat.data.remote import copy
from raysat.data.remote.source import Source
from raysat.data.store import PatchStore, StoreWriter

BANDS: Final = tuple(f"B{band}" for band in range(1, 12))
PARALLEL: Final = (1, 4, 8, 16)
BATCHES: Final = 20  # of 32 patches
PIECE: Final = 1 << 20  # bytes that the server sends at a time


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--latency", type=float, default=0.03, help="seconds before an answer begins")
    parser.add_argument("--rate", type=float, default=60, help="MB/s of an answer; 0 for no limit")
    parser.add_argument("--no-ray", action="store_true", help="leave out the driver's disk")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="raysat-stores-") as work:
        os.environ["RAYSAT_CACHE"] = f"{work}/cache"
        store = make_store(Path(work) / "store", given.megabytes * 1_000_000 // (len(BANDS) * 65 * 65))
        print(f"{store.files.total() / 1e6:,.0f} MB; MB/s of {given.repeats} repeats: copied, and open")
        with server(store, given.latency, given.rate * 1e6) as source:
            show("from a URL", lambda ranges: timed(source, store, ranges), given.repeats)
            batches(source, store)
        if not given.no_ray:
            with cluster(store) as copy_there:
                show("from the driver's disk to another node", copy_there, given.repeats)


def make_store(folder: Path, patches: int) -> PatchStore:
    """Random patches of the size of droughtwatch's."""
    rng = np.random.default_rng(0)
    with StoreWriter(folder, bands=BANDS, classes=("a", "b"), sensor=None, source={"kind": "benchmark"}) as writer:
        for number in range(patches):
            patch = rng.integers(0, 255, (len(BANDS), 65, 65), dtype=np.uint8)
            writer.add(patch, number % 2, "val" if number % 3 == 1 else "train")
        return writer.close()


def show(title: str, measure: Callable[[int], tuple[float, float]], repeats: int) -> None:
    print(title)
    found: dict[int, list[tuple[float, float]]] = {ranges: [] for ranges in PARALLEL}
    for _ in range(repeats):  # in turn, so that what else the machine does meets all alike
        for ranges in PARALLEL:
            found[ranges].append(measure(ranges))
    for ranges, speeds in found.items():
        copied, opened = (", ".join(f"{speed:.0f}" for speed in each) for each in zip(*speeds, strict=True))
        print(f"  {ranges:>2} at a time: {copied:<22} open: {opened}", flush=True)


def timed(source: Any, store: PatchStore, parallel: int) -> tuple[float, float]:
    """Copy a store into an empty cache; returns MB/s of copying and of all."""
    seconds: list[float] = []
    plain = copy.copy_files

    def copy_files(*words: Any) -> None:
        started = time.perf_counter()
        plain(*words)
        seconds.append(time.perf_counter() - started)

    shutil.rmtree(os.environ["RAYSAT_CACHE"], ignore_errors=True)
    copy.copy_files = copy_files
    started = time.perf_counter()
    opened = copy.fetch_store(replace(source, parallel=parallel), store.digest, store.path)
    seconds.append(time.perf_counter() - started)
    copy.copy_files = plain
    if opened is None:
        raise SystemExit("the store does not fit the cache: see RAYSAT_CACHE_LIMIT")
    return (*(opened.files.total() / 1e6 / each for each in seconds),)  # type: ignore[return-value]


def batches(source: Source, store: PatchStore) -> None:
    """Take batches of random patches by range, then all patches in order."""
    from raysat.data.remote.files import RangedFiles

    ranged = PatchStore.read(RangedFiles(source), store.path)
    rows = np.random.default_rng(0).permutation(len(store))
    started = time.perf_counter()
    for batch in range(BATCHES):
        ranged.images[rows[32 * batch : 32 * (batch + 1)]]
    each = (time.perf_counter() - started) / BATCHES
    first, started = min(len(store), 4096), time.perf_counter()
    for start in range(0, first, 256):
        ranged.images[start : min(first, start + 256)]
    speed = store.images[:first].nbytes / 1e6 / (time.perf_counter() - started)
    print(f"  by range: {1000 * each:.0f} ms a batch of 32 random patches; {speed:.0f} MB/s in order", flush=True)


class Handler(BaseHTTPRequestHandler):
    """Answers HEAD and GET of ranges, late and at a bounded rate."""

    protocol_version = "HTTP/1.1"
    folder: Path
    latency: float
    rate: float

    def log_message(self, *_: Any) -> None:
        """Print nothing."""

    def do_HEAD(self) -> None:
        """Say how large a file is."""
        file = self._file()
        self._head(200 if file.is_file() else 404, file.stat().st_size if file.is_file() else 0)

    def do_GET(self) -> None:
        """Send a range of a file."""
        time.sleep(self.latency)
        file = self._file()
        first, last = map(int, self.headers["Range"].removeprefix("bytes=").split("-"))
        size = file.stat().st_size
        at, stop = first, min(last + 1, size)
        self._head(206, stop - first, f"bytes {first}-{stop - 1}/{size}")
        started = time.perf_counter()
        with file.open("rb") as content:
            while at < stop:
                at += os.sendfile(self.connection.fileno(), content.fileno(), at, min(stop - at, PIECE))
                if self.rate:
                    time.sleep(max(0.0, (at - first) / self.rate - (time.perf_counter() - started)))

    def _file(self) -> Path:
        return self.folder / self.path.rpartition("/")[2]

    def _head(self, status: int, length: int, span: str = "") -> None:
        self.send_response(status)
        headers = {"Content-Length": str(length), "ETag": '"1"', "Last-Modified": "Wed, 21 Oct 2015 07:28:00 GMT"}
        for name, value in (headers | ({"Content-Range": span} if span else {})).items():
            self.send_header(name, value)
        self.end_headers()


def serve(folder: Path, latency: float, rate: float, ports: Any) -> None:
    Handler.folder, Handler.latency, Handler.rate = folder, latency, rate
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as here:
        here.daemon_threads = True
        ports.put(here.server_port)
        here.serve_forever()


@contextmanager
def server(store: PatchStore, latency: float, rate: float) -> Iterator[Source]:
    """Serve a store from another process; yields it as what lies behind a URL."""
    from raysat.data.remote.object_source import ObjectSource
    from raysat.files import ObjectPath

    ports: Any = multiprocessing.Queue()
    process = multiprocessing.Process(target=serve, args=(store.path, latency, rate, ports), daemon=True)
    process.start()
    environment = {"ENDPOINT_URL": f"http://127.0.0.1:{ports.get()}", "ACCESS_KEY_ID": "id", "SECRET_ACCESS_KEY": "key"}
    for name, value in {**environment, "REGION": "us-east-1", "ALLOW_HTTP": "true"}.items():
        os.environ[f"AWS_{name}"] = value
    try:
        yield ObjectSource(ObjectPath("s3://benchmark/store"))
    finally:
        process.kill()
        process.join()


@contextmanager
def cluster(store: PatchStore) -> Iterator[Callable[[int], tuple[float, float]]]:
    """Two Ray nodes on this machine, each with its object store; yields what copies to the one without the driver."""
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # on loopback alone
    import ray
    from ray.cluster_utils import Cluster
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    from raysat.execution.storage.driver_disk import driver_disk, remote_files
    from raysat.execution.workers.node_stores import DriverSource

    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    nodes.add_node(num_cpus=1)
    ray.init(address=nodes.address, log_to_driver=False, logging_level="ERROR")
    here = ray.get_runtime_context().get_node_id()
    there = next(node["NodeID"] for node in ray.nodes() if node["NodeID"] != here)
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    where = NodeAffinitySchedulingStrategy(there, soft=False)
    cache, place = os.environ["RAYSAT_CACHE"], store.path
    with driver_disk(Path(cache).parent / "run", place, Path(cache).parent / "generated") as disk:

        @ray.remote(num_cpus=1, scheduling_strategy=where)
        def copy_there(ranges: int) -> tuple[float, float]:
            os.environ["RAYSAT_CACHE"] = cache
            source = DriverSource(place=place, driver=remote_files(disk), job=None)
            return timed(source, PatchStore.open(place), ranges)

        yield lambda ranges: ray.get(copy_there.remote(ranges))
    ray.shutdown()
    nodes.shutdown()


if __name__ == "__main__":
    main()
