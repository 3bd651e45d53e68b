"""A study, a search and generators whose results go to a bucket of a real S3 server: as on a disk."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

import raysat as raysat_api
from raysat.data.store import PatchStore
from raysat.files import ObjectPath, file_exists, folder_entries, read_bytes
from raysat.files.object_store import objects_below
from raysat.storage.lease import TTL_S
from raysat.storage.ledger import Ledger
from tests.helpers.faults import start, wait_for
from tests.helpers.object_store import SECRET
from tests.helpers.patience import PATIENCE_S

STUDY = """
study: bucket
base: {model: {name: test_resnet}, optim: {epochs: 20, batch_size: 8}}
seeds: 1
arms:
  plain: {}
  more b: {synthetic: {kind: dcgan, classes: [b], steps: 4, patches: 6, equalise: false}}
"""


def end(process: subprocess.Popen[str], code: int) -> str:
    try:
        output, _ = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
    assert process.returncode == code, output
    assert "Traceback" not in output, output
    return output


def test_a_run_in_a_bucket_is_held_by_one_driver_and_read_like_one_on_a_disk(
    tmp_path: Path, bucket: ObjectPath, landsat_store: PatchStore, raysat: Callable[..., object]
) -> None:
    """That it equals one on a disk, whatever befalls its driver, is seen in tests/hosts and by schedules of faults."""
    space, out = tmp_path / "bucket.yaml", bucket / "runs"
    space.write_text(STUDY, encoding="utf-8")
    run = Ledger(out / "bucket")
    first = start(space, landsat_store, out)  # type: ignore[arg-type]
    wait_for(lambda: file_exists(run.root / "plan.json"), first)
    began = time.monotonic()
    output = end(start(space, landsat_store, out), 3)  # type: ignore[arg-type]
    assert f"in use by another raysat (pid {first.pid} on " in output
    assert "--wait" in output
    assert time.monotonic() - began < TTL_S + 10  # of which Python's start takes some
    assert f"pid {first.pid}" in raysat("status", run.root).out
    end(first, 0)

    assert not list(run.checkpoints.names())
    generated = run.read_plan().generate[0].id
    assert file_exists(out / "generated" / generated / "SHA256SUMS")
    verified = raysat("ledger", "verify", run.root)
    assert (verified.code, verified.err) == (0, "")
    assert "2 done, 0 running, 0 failed, 0 missing" in raysat("status", run.root).out
    assert raysat("report", run.root, "--format", "md,json").code == 0
    assert {"report.md", "report.json", "figures"} <= {entry.name for entry in folder_entries(run.root / "report")}
    assert raysat("ablate", "--space", run.root / "study.yaml", "--data", landsat_store.path, "--out", out).code == 0


SEARCH = {
    "study": "hunt",
    "base": {"model": {"name": "test_resnet"}, "optim": {"epochs": 2, "batch_size": 16}},
    "search": {"optim.lr": {"log_uniform": [1e-3, 1e-1]}},
    "budget": {"trials": 2},
}


def search_and_generate(out: str, store: Path) -> None:
    found = raysat_api.tune(SEARCH, store, out=out)
    assert found.to_frame()["state"].tolist() == ["finished"] * 2
    opened = raysat_api.open_search(f"{out}/hunt")
    assert opened.log == found.log
    assert [arm.name for arm in opened.confirming_study().arms] == ["base", "best-1"]
    generators = raysat_api.generate(store, out=f"{out}/generated", classes=["b"], patches=6, steps=4)
    assert len(generators.stores["b"]) == 6
    assert generators.train_on_synthetic() == generators.train_on_synthetic()
    again = raysat_api.generate(store, out=f"{out}/generated", classes=["b"], patches=6, steps=4)
    assert (again.outcome.finished, len(again.finished)) == (0, 1)


def test_a_search_and_generators_in_a_bucket_are_read_there(bucket: ObjectPath, landsat_store: PatchStore) -> None:
    # In a process of its own: a Ray that runs here already has started without the variables that lead to the bucket.
    process = get_context("spawn").Process(target=search_and_generate, args=(f"{bucket}/runs", landsat_store.path))
    process.start()
    process.join()
    assert process.exitcode == 0
    written = objects_below(bucket)
    assert len(written) > 20
    assert not [path for path in written if SECRET.encode() in read_bytes(path, max_bytes=1 << 30)]
