"""Following a run: each trial is sent once, in whatever state the tracker's server is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest

from raysat.errors import TrackerError
from raysat.storage.heartbeat import write_status
from raysat.tracking.follow import Follower
from raysat.tracking.models import EndedTrial, Head, Point, RunFile, Sent
from raysat.tracking.source import Look, Source
from tests.helpers.ledger import reseal
from tests.helpers.report import write_trial
from tests.helpers.report_fixtures import MakeRun
from tests.tracking.test_source import ARMS, running, status


@dataclass
class Noted:
    """A tracker that notes what it is sent, and whose server is lost for so many requests."""

    lost: int = 0
    noted: list[tuple[str, ...]] = field(default_factory=list)
    place: str = "a note"

    def _note(self, *words: str) -> None:
        if self.lost:
            self.lost -= 1
            raise TrackerError("the server is lost")
        self.noted.append(words)

    def live(self, head: Head, point: Point) -> None:
        self._note("live", head.name, str(point.epoch))

    def send(self, trial: EndedTrial) -> None:
        self._note("send", trial.head.name)

    def give_up(self, head: Head, *, failed: bool) -> None:
        self._note("give up", head.name, str(failed))

    def files(self, study: str, files: Iterable[RunFile]) -> None:
        self._note("files", *(file.path for file in files))

    def close(self) -> None:
        self._note("close")


def follower(ledger, tracker: Noted) -> tuple[Follower, list[Sent]]:
    told: list[Sent] = []
    return Follower(Source(ledger.root), tracker, Sent(kind="mlflow"), told.append), told


def test_each_trial_is_sent_once_and_the_report_last(make_run: MakeRun) -> None:
    ledger, tracker = make_run(ARMS, seeds=(0,)), Noted()
    (ledger.root / "leaderboard.md").write_text("1. ldam", encoding="utf-8")
    following, told = follower(ledger, tracker)
    following.look()
    following.look()
    following.finish(lambda _: None)
    sent = [("send", "plain seed 0"), ("send", "ldam seed 0")]
    assert tracker.noted == [*sent, ("files", "leaderboard.md"), ("close",)]
    assert told[-1] == Sent(kind="mlflow", place="a note", sent=2, total=2, ended=True)


def test_points_of_what_trains_come_once_each_and_then_the_whole(make_run: MakeRun) -> None:
    ledger, tracker = make_run(ARMS, seeds=(0, 1), missing=[("plain", 1), ("ldam", 1)]), Noted()
    following, _ = follower(ledger, tracker)
    plain, ldam = (head for head in Source(ledger.root).look().heads if head.seed == 1)
    with ledger.lock():
        for epoch in (1, 1, 2):
            write_status(ledger.progress, status(running(plain.id, epoch, 0.5), running(ldam.id, epoch, 0.5)))
            following.look()
    write_trial(ledger, plain.id, (0.9, 0.5, 0.6, 0.4), seed=1)
    following.finish(lambda _: None)
    live = [words[1:] for words in tracker.noted if words[0] == "live"]
    assert live == [(head.name, epoch) for epoch in ("1", "2") for head in (plain, ldam)]
    assert tracker.noted.count(("send", "plain seed 1")) == 1
    assert tracker.noted[-3:] == [("give up", "ldam seed 1", "False"), ("files",), ("close",)]


def test_a_lost_server_is_told_and_what_is_left_is_sent_when_it_is_back(make_run: MakeRun) -> None:
    ledger, tracker = make_run(ARMS, seeds=(0,)), Noted(lost=2)
    following, told = follower(ledger, tracker)
    waited: list[float] = []

    def is_over(look: Look | None) -> bool:
        return look is not None

    following.follow(is_over, waited.append)
    assert [sent.error for sent in told if sent.error] == ["the server is lost"]  # told once, while nothing changes
    assert len(waited) == 2
    assert waited[1] > waited[0]
    assert (told[-1].sent, told[-1].error, told[-1].ended) == (2, None, True)


def test_a_server_that_stays_lost_ends_it_after_three_tries(make_run: MakeRun) -> None:
    ledger, tracker = make_run(ARMS, seeds=(0,)), Noted(lost=1000)
    following, told = follower(ledger, tracker)
    with pytest.raises(TrackerError, match="the server is lost"):
        following.finish(lambda _: None)
    assert 1000 - tracker.lost == 3
    assert (told[-1].sent, told[-1].total, told[-1].ended) == (0, 2, False)


def test_a_damaged_record_is_left_out_and_said(make_run: MakeRun) -> None:
    ledger, tracker = make_run(ARMS, seeds=(0,)), Noted()
    reseal(ledger, Source(ledger.root).look().heads[0].id, {"history.csv": b"epoch,loss\n1,inf\n"})
    following, told = follower(ledger, tracker)
    following.finish(lambda _: None)
    assert [words for words in tracker.noted if words[0] == "send"] == [("send", "ldam seed 0")]
    assert told[-1].ended
    (line,) = told[-1].left
    assert line.startswith("plain seed 0: ")
    assert "loss is 'inf'" in line
