"""How many trials are in which state, in the words of the metrics."""

from raysat.execution.messages import EpochDone, JobDone
from raysat.execution.monitoring.run_metrics import Room, RunMetrics, counts, run_metrics
from raysat.execution.run_state import RunState
from raysat.planning.stages import train_jobs
from tests.helpers.stages import way


def test_each_trial_is_in_one_state() -> None:
    jobs = train_jobs([way(name, 4) for name in "abcdefg"])
    state = RunState(jobs, already_done=3)
    assert counts(state) == {"missing": 7, "running": 0, "waiting": 0, "done": 3, "stopped": 0, "failed": 0}
    for job in jobs[:6]:
        state.start(job)
    state.receive(EpochDone(job="b", epoch=1))
    state.receive(JobDone(job="c"))
    state.fail(jobs[3])
    state.end(jobs[4])
    state.hand_back(jobs[5], lost_node=None, reason="died")
    found = counts(state)
    assert found == {"missing": 1, "running": 2, "waiting": 1, "done": 4, "stopped": 1, "failed": 1}
    assert sum(found.values()) == state.total


def test_nothing_listens_where_nobody_collects() -> None:
    state = RunState()
    with run_metrics(None, state, lambda: Room(slots=1, nodes=1)):
        assert not state.subscribers
    with run_metrics("study", state, lambda: Room(slots=1, nodes=1)) as metrics:
        assert isinstance(metrics, RunMetrics)
        assert len(state.subscribers) == 1
