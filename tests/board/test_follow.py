"""What the board says of a run is what its storage holds, now and after each change; it leaves the storage as it is."""

import json
import shutil
import time
from pathlib import Path

import pytest

from raysat.board.follow import Follower, check_run
from raysat.board.leaders import LeaderMaker
from raysat.board.models import Delta, Leaders, Snapshot
from raysat.data.store import PatchStore
from raysat.errors import StorageError
from raysat.reporting.analysis.analyze import analyze
from raysat.reporting.analysis.paired import Contrast, PairedBootstrap
from raysat.storage.event_log import EventLog, LoggedEvent
from raysat.storage.heartbeat import RunningJob, RunStatus, write_status
from raysat.storage.ledger import Ledger
from raysat.storage.records import Failure
from tests.helpers.ledger import edit_plan, everything_under
from tests.helpers.report import write_trial
from tests.helpers.report_fixtures import MakeRun
from tests.helpers.run import plan_of

ARMS = {"plain": (0.9, 0.5, 0.6, 0.4), "LDAM": (0.9, 0.7, 0.7, 0.5)}
GONE = (("LDAM", 1), ("LDAM", 2))


@pytest.fixture(name="run")
def _run(make_run: MakeRun) -> Ledger:
    failed = {("plain", 2): "the loss became NaN"}
    return make_run(ARMS, failed=failed, missing=GONE)


def changes(follower: Follower, since: Snapshot) -> list[Delta]:
    """The messages that follow a snapshot; each is read as its own model."""
    messages = follower.feed.after(since.revision)
    assert messages is not None
    return [Delta.model_validate_json(message) for _, message in messages]


def looked(run: Ledger) -> Follower:
    follower = Follower(run.root)
    follower.look()
    return follower


def test_a_snapshot_has_the_plan_and_the_state_of_each_trial(run: Ledger) -> None:
    found = looked(run).snapshot()
    assert (found.kind, found.head.study, found.reported) == ("run", "table2", "test")
    assert [arm.name for arm in found.arms] == ["plain", "LDAM"]
    assert (found.seeds, found.cells) == ((0, 1, 2), "ddfdmm")
    head = found.head
    assert (head.done, head.running, head.failed, head.missing, head.total) == (3, 0, 1, 2, 6)
    assert head.saved == pytest.approx(1 / 3)
    assert head.fault is None


def test_a_record_that_appears_is_one_short_message(run: Ledger) -> None:
    follower = looked(run)
    before = follower.snapshot()
    write_trial(run, "0000000100000001", ARMS["LDAM"], seed=1)
    follower.look()
    (delta,) = changes(follower, before)
    assert delta.cells == ((4, "d"),)
    assert delta.head is not None
    assert delta.head.done == 4
    assert len(delta.model_dump_json()) < 1000
    follower.look()
    assert len(changes(follower, before)) == 1  # nothing is said twice


def test_a_record_that_is_deleted_or_damaged_is_not_done(run: Ledger) -> None:
    follower = looked(run)
    shutil.rmtree(run.root / "trials" / "0000000000000000")
    (run.root / "trials" / "0000000100000000" / "predictions.npz").write_bytes(b"other")
    assert looked(run).snapshot().cells == "mdffmm"
    follower.look()
    assert follower.snapshot().cells[0] == "m"


def test_a_failure_has_its_last_lines_and_a_record_outranks_it(run: Ledger) -> None:
    trace = "\n".join(f"line {number}" for number in range(100))
    run.write_failure(Failure(id="0000000100000002", error="out of memory", hint="less", traceback=trace, time=2e9))
    follower = looked(run)
    first, second = follower.failures(0, 10).failures
    assert (first.cell, first.error, first.lines) == (2, "the loss became NaN", ())
    assert (second.cell, second.hint, second.lines[-1]) == (5, "less", "line 99")
    assert len(second.lines) < 20
    assert follower.failures(1, 10).failures == (second,)
    write_trial(run, "0000000100000002", ARMS["LDAM"], seed=2)
    follower.look()
    assert follower.snapshot().cells == "ddfdmd"
    assert follower.failures(0, 10).total == 1


def test_running_trials_are_followed_by_their_heartbeat(run: Ledger) -> None:
    follower = looked(run)
    job = RunningJob(job="0000000100000001", name="LDAM", seed=1, epoch=3, epochs=6, balanced_accuracy=0.6, icv=0.2)
    log = EventLog(run.root)
    log.write(LoggedEvent(event="run started", reason="2 jobs at a time", time=time.time() - 1800))
    log.write(LoggedEvent(event="starting", trial=job.job, name="LDAM", seed=1, host="gpu-7"))
    log.write(LoggedEvent(event="done", trial="0000000000000000", name="plain", seed=0))

    def beat(epoch: int) -> None:
        moved = job.model_copy(update={"epoch": epoch, "balanced_accuracy": 0.6 + epoch / 100})
        status = RunStatus(done=1, failed=0, already_done=2, total=6, running=(moved,), eta_seconds=60.0)
        write_status(run.progress, status)
        follower.look()

    with run.lock():
        beat(3)
        before = follower.snapshot()
        beat(4)
        (delta,) = changes(follower, before)
        after = follower.snapshot()
    log.close()
    assert before.cells == "ddfdrm"
    assert (before.head.is_alive, before.head.hosts, before.head.slots) == (True, (("gpu-7", 1),), "2 jobs at a time")
    assert before.head.eta_seconds == 60
    assert before.head.per_hour == pytest.approx(2, rel=0.01)
    assert [event.event for event in before.events] == ["run started", "starting", "done"]
    assert delta.running is not None
    assert delta.running[0].trail == ((4, 0.64, 0.2),)  # the point that is new alone
    assert after.running[0].trail == ((3, 0.63, 0.2), (4, 0.64, 0.2))
    follower.look()
    assert not follower.snapshot().head.is_alive  # the lock is free
    assert follower.snapshot().cells == "ddfdmm"


def test_another_plan_is_a_new_beginning(run: Ledger) -> None:
    follower = looked(run)
    before = follower.snapshot()
    edit_plan(run, lambda plan: plan["arms"].pop())
    follower.look()
    assert follower.feed.after(before.revision) is None
    assert follower.snapshot().cells == "ddf"


def test_what_cannot_be_read_is_said_and_read_again(run: Ledger) -> None:
    follower = looked(run)
    plan = run.root / "plan.json"
    content = plan.read_text()
    plan.write_text("{")
    for _ in range(2):
        follower.look()
        assert "plan.json" in (follower.snapshot().head.fault or "")
    plan.write_text(content)
    follower.look()
    assert follower.snapshot().head.fault is None


def test_a_run_that_has_not_begun_is_shown_once_it_has(tmp_path: Path, make_run: MakeRun) -> None:
    follower = Follower(tmp_path / "runs" / "later")
    follower.look()
    assert not follower.snapshot().head.is_there
    make_run(ARMS, folder="later")
    follower.look()
    assert follower.snapshot().cells == "dddddd"


def test_shared_epochs_are_those_of_the_plan(tmp_path: Path, landsat_store: PatchStore) -> None:
    base = "{model: {name: test_resnet}, optim: {epochs: 10, batch_size: 16}}"
    arms = "{a: {}, b: {loss: {kind: ldam}}, c: {reweight: {kind: drw}}, d: {average: {kind: swa}}}"
    plan, run = plan_of(tmp_path, f"study: tree\nbase: {base}\nseeds: [0, 1]\narms: {arms}\n", landsat_store)
    plan.keep(run)
    shown = looked(run).snapshot().arms
    assert [(arm.epochs, arm.parent, arm.fork) for arm in shown] == [
        (10, None, 0),
        (10, None, 0),
        (10, 0, 8),
        (10, 0, 10),  # an average is read out of the same training
    ]


def test_curves_are_means_and_ranges_over_finished_seeds(run: Ledger) -> None:
    plain, ldam = looked(run).curves_of([0, 1, 99])
    assert (plain.n, ldam.n, plain.epochs) == (2, 1, (1, 2, 3))
    histories = [run.read_history(f"000000000000000{seed}") for seed in (0, 1)]
    values = [[row["balanced_accuracy"] for row in rows] for rows in histories]
    pairs = list(zip(*values, strict=True))
    assert plain.balanced_accuracy.mean == pytest.approx([sum(pair) / 2 for pair in pairs], abs=1e-5)
    assert plain.balanced_accuracy.low == pytest.approx([min(pair) for pair in pairs], abs=1e-5)
    assert plain.balanced_accuracy.high == pytest.approx([max(pair) for pair in pairs], abs=1e-5)
    assert plain.loss.mean == pytest.approx([1.25, 0.625, 1.25 / 3], abs=1e-5)
    # Student's t of two values: 12.706 times the standard error, half of their difference
    expected = [12.7062 * abs(one - other) / 2 for one, other in pairs]
    assert plain.balanced_accuracy.half == pytest.approx(expected, rel=1e-3)
    assert ldam.balanced_accuracy.half == (None, None, None)
    assert plain.icv.mean == (None, None, None)  # those histories have none


def test_the_leaderboard_has_the_intervals_of_the_report(make_run: MakeRun) -> None:
    run = make_run(ARMS)
    follower = looked(run)
    said: list[Leaders] = []
    outcomes = follower.outcomes()
    assert outcomes is not None
    maker = LeaderMaker(run)
    maker.make(outcomes, said.append, lambda: False)
    report = analyze([run.root])
    leaders = said[-1]
    assert [row.rank for row in leaders.rows] == ["1", "2=" if report.tied else "2"]
    assert (leaders.finished, leaders.intervals, leaders.arms, leaders.patches) == (6, 2, 2, 50)
    for row, arm in zip(leaders.rows, report.ranked, strict=True):
        estimate = report.means[arm.name][report.rank_by]
        accuracy = row.metrics[0]
        assert (accuracy.value, accuracy.low, accuracy.high) == (estimate.value, estimate.low, estimate.high)
    difference = report.to_best[report.ranked[1].name][report.rank_by]
    to_best = leaders.rows[1].to_best
    assert to_best is not None
    assert (to_best.low, to_best.high) == (difference.low, difference.high)


def test_intervals_are_computed_once_for_the_same_seeds(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(ARMS, missing=GONE[1:])
    follower, asked = looked(run), []
    mean = PairedBootstrap.mean

    def counted(self: PairedBootstrap, contrast: Contrast) -> object:
        asked.extend(contrast.arms)
        return mean(self, contrast)

    monkeypatch.setattr(PairedBootstrap, "mean", counted)
    maker = LeaderMaker(run)
    for _ in range(2):
        maker.make(follower.outcomes(), lambda _: None, lambda: False)
    assert sorted(asked) == ["LDAM", "plain"]
    write_trial(run, "0000000100000002", ARMS["LDAM"], seed=2)
    follower.look()
    maker.make(follower.outcomes(), lambda _: None, lambda: False)
    assert sorted(asked) == ["LDAM", "LDAM", "plain"]


def test_damaged_predictions_cost_one_interval_alone(make_run: MakeRun) -> None:
    run = make_run(ARMS)
    follower = looked(run)
    (run.root / "trials" / "0000000000000001" / "predictions.npz").write_bytes(b"other")
    said: list[Leaders] = []
    LeaderMaker(run).make(follower.outcomes(), said.append, lambda: False)
    rows = {row.arm: row.metrics[0] for row in said[-1].rows}
    assert rows[0].low is None
    assert rows[1].low is not None
    assert "predictions.npz" in (said[-1].fault or "")


def test_nothing_is_written(make_run: MakeRun) -> None:
    run = make_run(ARMS, seeds=tuple(range(30)))  # from 50 records on others keep an index of them
    before = everything_under(run.root)
    follower = looked(run)
    LeaderMaker(run).make(follower.outcomes(), lambda _: None, lambda: False)
    follower.curves_of([0, 1])
    follower.failures(0, 10)
    assert everything_under(run.root) == before


def test_hostile_names_are_sent_as_text(make_run: MakeRun) -> None:
    name = "<img src=x onerror=alert(1)>\x1b[31m" + "x" * 2000
    found = looked(make_run({name: (0.9, 0.5, 0.6, 0.4)})).snapshot()
    assert found.arms[0].name.startswith("<img src=x onerror=alert(1)>\\x1b[31m")
    assert len(found.arms[0].name) <= 300
    assert json.loads(found.model_dump_json())["arms"][0]["name"] == found.arms[0].name


def test_a_place_without_a_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="is not a run"):
        check_run(tmp_path)
