"""Looks at the runs of a board in the background: often at those that somebody sees, now and then at the others."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from threading import Event, Thread
from typing import Final

from raysat.board.follow import Follower
from raysat.board.leaders import LeaderMaker, fault_of
from raysat.errors import RaysatError
from raysat.files import ObjectPath

_EVERY_S: Final = 2.0  # as often as a run says how far it is
_OBJECTS_S: Final = 8.0  # in an object store, whose requests cost
_UNSEEN_S: Final = 10.0  # where nobody looks
_LEADERS_S: Final = 10.0  # between two leaderboards
_SHARE: Final = 4  # after a leaderboard the thread rests so many times as long as that took
_TICK_S: Final = 0.25


class Watch:
    """A thread a run that looks at what was written, and one that computes leaderboards of what has finished."""

    def __init__(self, followers: Sequence[Follower]) -> None:
        """Look nowhere yet; the followers are those of the board's runs."""
        self.followers = tuple(followers)
        self.seen: Counter[int] = Counter()  # how many connections see each run
        self._over = Event()
        self._makers = [LeaderMaker(follower.trials.ledger) for follower in followers]

    def start(self) -> None:
        """Begin to look. The threads end with the process, or after ``stop``."""
        threads = [Thread(target=self._lead, name="board leaders", daemon=True)]
        threads += [
            Thread(target=self._look, args=(place,), name=f"board run {place}", daemon=True)
            for place in range(len(self.followers))
        ]
        for thread in threads:
            thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._over.set()

    def _look(self, place: int) -> None:
        follower = self.followers[place]
        often = _OBJECTS_S if isinstance(follower.run, ObjectPath) else _EVERY_S
        while not self._over.is_set():
            began = time.monotonic()
            follower.look()
            ended = time.monotonic()
            pause = max(often, ended - began)  # a slow store is asked less often
            while time.monotonic() - ended < (pause if self.seen[place] else max(pause, _UNSEEN_S)):
                if self._over.wait(_TICK_S):
                    return

    def _lead(self) -> None:
        made = [0] * len(self.followers)  # the version that each leaderboard rests on
        due = [0.0] * len(self.followers)
        while not self._over.wait(_TICK_S):
            for place, follower in enumerate(self.followers):
                version, began = follower.version, time.monotonic()
                is_unseen = due[place] and not self.seen[place]  # the first is made before anybody looks
                outcomes = follower.outcomes()
                if version == made[place] or began < due[place] or is_unseen or outcomes is None:
                    continue
                try:
                    self._makers[place].make(outcomes, follower.publish, self._over.is_set)
                except RaysatError as error:
                    follower.publish(fault_of(error, time.time()))
                ended = time.monotonic()
                made[place], due[place] = version, ended + max(_LEADERS_S, _SHARE * (ended - began))
