"""Messages by revision: what was missed, or that too much was."""

from raysat.board.feed import Feed
from raysat.board.models import Delta


def add(feed: Feed, cells: int = 0) -> None:
    feed.add(lambda revision: Delta(revision=revision, at=0.0, cells=tuple((cell, "d") for cell in range(cells))))


def test_what_follows_a_revision() -> None:
    feed, told = Feed(), []
    feed.listeners.append(lambda: told.append(feed.revision))
    add(feed)
    add(feed)
    assert told == [2, 3]
    assert [revision for revision, _ in feed.after(1) or []] == [2, 3]
    assert [revision for revision, _ in feed.after(2) or []] == [3]
    assert feed.after(3) == []


def test_revisions_that_are_gone_or_never_were_are_told_apart_from_none() -> None:
    feed = Feed()
    for _ in range(1000):
        add(feed)
    assert feed.after(1) is None
    assert feed.after(2000) is None
    assert len(feed.after(feed.revision - 10) or []) == 10
    feed.begin_anew()
    assert feed.after(feed.revision - 1) is None
    assert feed.after(feed.revision) == []


def test_large_messages_are_kept_within_bounds() -> None:
    feed = Feed()
    for _ in range(30):
        add(feed, cells=30_000)
    kept = feed.after(feed.revision - 1)
    assert kept is not None
    assert feed.after(feed.revision - 20) is None
