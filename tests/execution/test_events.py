"""What other threads leave is told when something else happens, in order, and not after the end."""

from __future__ import annotations

from raysat.execution.events import Connected, Ended, Event, NoDashboard, Postbox, Progress


def test_what_is_left_is_told_first() -> None:
    heard: list[Event] = []
    box, left = Postbox(heard.append), Connected(dashboard="http://127.0.0.1:8265")
    box.later(left)
    assert not heard
    box(Progress(row=None))
    box(Progress(row=None))
    assert heard == [left, Progress(row=None), Progress(row=None)]


def test_what_is_left_at_the_end_is_not_told() -> None:
    heard: list[Event] = []
    box = Postbox(heard.append)
    box.later(NoDashboard())
    box(Ended())
    box(Progress(row=None))
    assert heard == [Ended(), Progress(row=None)]
