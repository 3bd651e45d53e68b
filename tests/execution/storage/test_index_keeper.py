"""While a run goes on, its finished records are noted in the index, so that who looks need not read them."""

import time
from pathlib import Path

from raysat.execution.messages import EpochDone, JobDone, TrialDone
from raysat.execution.run_state import RunState
from raysat.execution.storage.index_keeper import IndexKeeper
from raysat.planning.stages import train_jobs
from raysat.storage.index import FILE, RecordIndex
from raysat.storage.ledger import Ledger
from tests.helpers.ledger import whole_files
from tests.helpers.stages import way


def test_finished_trials_are_noted_and_a_damaged_one_is_not(tmp_path: Path) -> None:
    long = way("long", 6)
    trials = [way("short", 3, long.states[:4]), long, way("damaged", 4)]
    ledger = Ledger(tmp_path)
    ledger.index = RecordIndex(tmp_path, tmp_path / "trials", worth=2, clock=lambda: time.time() + 10)
    state = RunState(train_jobs(trials))
    for trial in trials:
        ledger.write(trial.id, whole_files(trial.id))
    (tmp_path / "trials" / "damaged" / "history.csv").write_bytes(b"other")
    with IndexKeeper(state, ledger, interval=0.01):
        state.receive(EpochDone(job="long", epoch=3))
        state.receive(JobDone(job="damaged"))
        state.receive(TrialDone(job="long", trial="short"))
        time.sleep(0.1)
        assert not (tmp_path / FILE).exists()  # for one record none is written
        state.receive(JobDone(job="long"))
        deadline = time.monotonic() + 20
        while not (tmp_path / FILE).exists() and time.monotonic() < deadline:
            time.sleep(0.01)
    read: list[str] = []

    def is_whole(trial: str) -> bool:
        read.append(trial)
        return ledger.is_finished(trial)

    assert ledger.index.finished([trial.id for trial in trials], is_whole).keys() == {"short", "long"}
    assert read == ["damaged"]


def test_it_ends_at_once(tmp_path: Path) -> None:
    began = time.monotonic()
    with IndexKeeper(RunState(), Ledger(tmp_path)):
        pass
    assert time.monotonic() - began < 5
