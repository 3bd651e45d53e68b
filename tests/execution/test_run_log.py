"""What of a run's events is logged: each new state of a trial, where, and why; nodes; beginning and end."""

from __future__ import annotations

from pathlib import Path

from raysat.execution.events import Ended, Event, NodeLost, Progress, Resized, Retrying, Started
from raysat.execution.messages import EpochDone, JobDone, JobFailed, TrialDone, WorkerPlace
from raysat.execution.run_log import RunLog
from raysat.execution.run_state import RunState
from raysat.planning.stages import train_jobs
from raysat.storage.event_log import EventLog, LoggedEvent, read_events
from raysat.storage.ledger import Ledger
from raysat.storage.records import Failure
from tests.helpers.stages import way

PLACE = WorkerPlace(host="node2", address="10.77.0.2", pid=77)


def logged(ledger: Ledger) -> list[tuple[str, ...]]:
    def line(event: LoggedEvent) -> tuple[str, ...]:
        what = (event.name, event.event, event.epoch, event.host if event.address else None, event.reason)
        return tuple(str(part) for part in what if part is not None)

    return [line(event) for event in read_events(ledger.root)]


def test_a_trial_that_moves_to_another_node_and_one_that_fails(tmp_path: Path) -> None:
    ledger, long = Ledger(tmp_path), way("long", 6)
    first, other = train_jobs([way("short", 3, long.states[:4]), long, way("other", 2)])
    log, state = EventLog(tmp_path), RunState([first, other])
    listener = RunLog(log, ledger)

    def tell(event: Event) -> None:
        listener(event)

    tell(Started(state=state, slots=1, most=1, workers=1, cpus=1.0, gpus=0.0, validation_split=None))
    state.subscribers.append(lambda row: tell(Progress(row=row)))
    state.start(first)
    state.receive(EpochDone(job=first.id, epoch=1), PLACE)
    state.receive(EpochDone(job=first.id, epoch=2), PLACE)
    state.tick()
    state.hand_back(first, lost_node="10.77.0.2", reason="its node 10.77.0.2 was lost")
    tell(NodeLost(node="10.77.0.2", jobs=1))
    tell(Resized(slots=1))
    state.start(first)
    state.receive(TrialDone(job=first.id, trial="short"), PLACE)
    state.receive(JobDone(job=first.id), PLACE)
    state.end(first)
    state.start(other)
    state.hand_back(other, lost_node=None, reason="The actor died")
    tell(Retrying(name="other", seed=0, reason="The actor died"))  # its row says so already
    state.start(other)
    ledger.write_failure(Failure(id="other", error="the loss\nis not finite", time=0.0))
    state.receive(JobFailed(job=other.id), PLACE)
    tell(Ended())
    log.close()
    name, last, third = (trial.name for trial in (*first.trials, *other.trials))
    assert logged(ledger) == [
        ("run started", "1 job at a time"),
        (name, "starting", "0"),
        (name, "training", "1", "node2"),
        (name, "waiting", "2", "node2", "its node 10.77.0.2 was lost"),
        ("node lost", "10.77.0.2, with 1 job"),
        ("nodes changed", "1 job at a time"),
        (name, "starting", "2"),
        (name, "done", "3", "node2"),
        (last, "done", "6", "node2"),
        (third, "starting", "0"),
        (third, "waiting", "0", "The actor died"),
        (third, "starting", "0"),
        (third, "failed", "0", "node2", "the loss is not finite"),
        ("run ended", "2 jobs done, 1 failed"),
    ]


def test_a_run_that_never_began_leaves_no_log(tmp_path: Path) -> None:
    log = EventLog(tmp_path)
    RunLog(log, Ledger(tmp_path))(Ended())
    log.close()
    assert not list(tmp_path.iterdir())
