"""Ends what runs where Ray is lost, by one clear error: by itself Ray waits a minute, then ends the process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from raysat.errors import RaysatError
from raysat.interrupts import end_now, expect_stuck, is_stopping, stop_in_order


class RayWatch:
    """Looks at a Ray now and then, from a thread of its own."""

    def __init__(self, look: Callable[[], RaysatError | None], every: float, patience: float) -> None:
        """Begin.

        Args:
            look: says by which error Ray is lost, if it is.
            every: seconds between two looks.
            patience: seconds for this process to end in order where Ray is lost.
        """
        self._look, self._every, self._patience = look, every, patience
        self._is_ending = False
        self._lost: RaysatError | None = None

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Until ``end``, stop what runs where Ray is lost: by its error or, if that takes long, by exiting."""
        ended = threading.Event()
        threading.Thread(target=self._watch, args=(ended,), daemon=True).start()
        try:
            yield
        except Exception as error:
            if self._lost and not isinstance(error, RaysatError):  # its consequence
                raise self._lost from error
            raise
        else:
            if self._lost and not is_stopping():
                raise self._lost
        finally:
            ended.set()

    def end(self) -> None:
        """Ray is left in order: from now on it may end."""
        self._is_ending = True

    def _watch(self, ended: threading.Event) -> None:
        while not ended.wait(self._every):
            lost = self._look()
            if self._is_ending:
                return
            if lost is not None:
                self._lost = lost
                expect_stuck()
                stop_in_order()
                if not ended.wait(self._patience):
                    end_now(f"error: {lost.message}\nhint: {lost.hint}", lost.exit_code)
                return
