"""Any change of a file of a run is read as what it says, or refused as what it is: never another exception."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from raysat.config.schema import Config
from raysat.errors import RaysatError, StorageError
from raysat.reporting.analysis.analyze import analyze
from raysat.reporting.analysis.collect import collect
from raysat.search.log import Candidate, Log, Score, read_log, save_log
from raysat.storage.artifacts import Artifacts
from raysat.storage.heartbeat import RunStatus, read_status, write_status
from raysat.storage.ledger import Ledger
from raysat.storage.progress import read_progress
from raysat.storage.sealed import SealedFolder
from raysat.storage.verify import verify
from tests.helpers.artifacts import generate_record
from tests.helpers.hostile import A, C, hostile_run
from tests.helpers.ledger import reseal
from tests.helpers.search import identity_of

pytestmark = pytest.mark.slow

WORDS = ["", "x", "../x", "\x1b[0m", "\ud800", "a\0b", "9" * 400]
NUMBERS = [0, -1, 1, 2**31, 2**63, 10**400, -0.0, 0.5, 1e308, float("nan"), float("inf")]
LEAVES = st.sampled_from([None, True, *WORDS, *NUMBERS])
KEYS = st.sampled_from(WORDS)
VALUES = st.recursive(LEAVES, lambda of: st.lists(of, max_size=3) | st.dictionaries(KEYS, of, max_size=2))


def change(data: st.DataObject, value: Any) -> Any:
    """Put anything in the place of some part of a JSON value, or take a part out, or put one in twice."""
    if not isinstance(value, dict | list) or not value or data.draw(st.integers(0, 7)) == 0:
        return data.draw(VALUES)
    if isinstance(value, dict):
        key = data.draw(st.sampled_from(sorted(value)))
        if data.draw(st.integers(0, 4)) == 0:
            return {name: part for name, part in value.items() if name != key}
        return value | {key: change(data, value[key])}
    at = data.draw(st.integers(0, len(value) - 1))
    if data.draw(st.integers(0, 4)) == 0:
        return [*value, value[at]]
    return [*value[:at], change(data, value[at]), *value[at + 1 :]]


@pytest.fixture(name="run", scope="module")
def _run(tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    run = hostile_run(tmp_path_factory.mktemp("runs") / "run")
    score = Score(balanced_accuracy=0.5, icv=0.1)
    candidates = tuple(
        Candidate(number=number, job=f"{number:016x}", params={"optim.lr": 0.1}, config=Config(), val=score)
        for number in range(2)
    )
    log = Log(study="s", identity=identity_of(Config()), data="d", patches={"val": 1}, reported="test")
    save_log(run.root, log.model_copy(update={"candidates": candidates}))
    write_status(run.progress, RunStatus(done=0, failed=0, already_done=0, total=1, running=(), eta_seconds=1.0))
    (run.root / "generated" / "g").mkdir(parents=True)
    (run.root / "generated" / "g" / "record.json").write_bytes(generate_record("g"))
    return run


def read_everything(run: Ledger) -> None:
    """Do all that commands do with a run, but for drawing."""
    for act in (lambda: read_progress(run), lambda: verify(run), lambda: collect(run), lambda: analyze([run.root])):
        with suppress(RaysatError):
            act()


READERS: dict[str, Callable[[Ledger], object]] = {
    "plan.json": read_everything,
    f"trials/{A}/record.json": read_everything,
    f"trials/{A}/spec.json": lambda run: (run.read_spec(A).settings, read_everything(run)),
    f"failures/{C}.json": read_everything,
    "progress.json": lambda run: (read_status(run.progress), read_progress(run)),
    "search.json": lambda run: [log.ranked() for log in [read_log(run.root)] if log],
    "generated/g/record.json": lambda run: Artifacts(run.root / "generated").read("g").quality.measures(),
}


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_any_change_of_a_json_file_is_read_or_refused(run: Ledger, name: str, data: st.DataObject) -> None:
    file = run.root / name
    before = file.read_bytes()
    content = json.dumps(change(data, json.loads(before))).encode()
    write(run, file, content)
    try:
        with suppress(StorageError):
            READERS[name](run)
    finally:
        write(run, file, before)


def write(run: Ledger, file: Path, content: bytes) -> None:
    """Write a file of a run, and the checksums of its trial."""
    if file.parent.parent.name == "trials":
        reseal(run, file.parent.name, {file.name: content})
    else:
        file.write_bytes(content)


@pytest.mark.parametrize("name", ["history.csv", "predictions.npz"])
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_changed_bytes_are_read_or_refused(run: Ledger, name: str, data: st.DataObject) -> None:
    file = run.root / "trials" / A / name
    before = file.read_bytes()
    content = bytearray(before)
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)) | st.just(len(content)))
    write(run, file, bytes(content[:cut]))
    try:
        for read in (run.read_history, run.read_predictions):
            with suppress(StorageError):
                read(A)
    finally:
        write(run, file, before)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode(errors="replace")))
def test_any_checksums_are_read_or_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "SHA256SUMS").write_bytes(content)
    with pytest.raises(StorageError):
        _ = SealedFolder(tmp_path).names
