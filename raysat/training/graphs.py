"""CUDA graphs: what Python launches kernel by kernel is recorded once, and replayed by one call.

A replay reads and writes the very memory of its recording. So whatever changes from step to step is copied into
buffers, and a counter on the device says which step of them is next: between two looks of the host nothing waits.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby, islice
from typing import Final

import torch
from torch import Tensor

from raysat.training.step_inputs import StepInputs, at, fill, fits, room_for, stack

_LOG: Final = logging.getLogger(__name__)
Step = Callable[[StepInputs], Tensor]
_CHUNK: Final = 256  # steps whose inputs are copied to the device at once: the host draws the next ones meanwhile


class Replay:
    """Runs a function that works on the same tensors each time.

    The first time it runs as it is, so that libraries choose their algorithms and state is made; the second time it is
    recorded. The function is given with each call, and not kept: what it belongs to may own this, and graphs hold much
    memory, which a circle would keep.
    """

    def __init__(self, *, eager: bool = False) -> None:
        """Begin without a recording; with ``eager``, never record."""
        self._is_eager, self._has_run = eager, False
        self._graph: torch.cuda.CUDAGraph | None = None

    def __call__(self, function: Callable[[], None]) -> None:
        """Run the function, which asks for no number of the device, once; the host does not wait."""
        if self._graph is None and self._has_run and not self._is_eager:
            self._record(function)
        if self._graph is not None:
            self._graph.replay()
        elif self._is_eager:
            function()
        else:
            _on_side_stream(function)
            self._has_run = True

    def _record(self, function: Callable[[], None]) -> None:
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph, capture_error_mode="thread_local"):  # threads that save go on
                function()
        except RuntimeError as error:  # what torch raises for an operation that waits, and for too little memory
            torch.cuda.synchronize()
            cause = str(error.__context__ or error).partition("\n")[0]
            _LOG.error("steps are launched one by one, since a CUDA graph cannot hold them: %s", cause)  # noqa: TRY400
            self._is_eager = True
        else:
            self._graph = graph


class GraphedSteps:
    """Takes many steps on a CUDA device, with one recording for each size of batch."""

    def __init__(self, device: torch.device, *, eager: bool = False) -> None:
        """Begin without recordings; with ``eager``, never record."""
        self._device, self._is_eager = device, eager
        self._feeds: dict[int, _Feed] = {}  # by patches in a batch

    def forget(self) -> None:
        """Record anew: memory that steps work on has been replaced."""
        self._feeds.clear()

    def __call__(self, step: Step, inputs: Iterable[StepInputs]) -> list[Tensor]:
        """Take steps in order.

        Args:
            step: takes its inputs on the device and returns the loss there; the same each time.
            inputs: on the host.

        Returns:
            The losses in parts, on the device.
        """
        losses, left = [], iter(inputs)
        while chunk := list(islice(left, _CHUNK)):
            for _, steps in groupby(chunk, key=lambda each: len(each.labels_b)):
                feed, count = self._filled(list(steps))
                losses.append(feed.run(step, count))
        return losses

    def _filled(self, steps: Sequence[StepInputs]) -> tuple[_Feed, int]:
        """The feed of this size of batch, filled with what the steps need, and how many they are."""
        size = len(steps[0].labels_b)
        feed = self._feeds.get(size)
        stacked = stack(steps, None if feed is None else feed.room)
        if feed is None or len(steps) > feed.count or not fits(stacked, feed.room):
            feed = self._feeds[size] = _Feed(stacked, len(steps), self._device, eager=self._is_eager)
        fill(feed.room, stacked)
        return feed, len(steps)


class _Feed:
    """Room for the inputs of some steps of one size, and the recording of a step that reads them in turn."""

    def __init__(self, steps: StepInputs, count: int, device: torch.device, *, eager: bool) -> None:
        self.count, self.room = count, room_for(steps, count, device)
        self._next_1 = torch.zeros(1, dtype=torch.int64, device=device)
        self._losses_S = torch.zeros(count, device=device)
        self._replay = Replay(eager=eager)

    def run(self, step: Step, count: int) -> Tensor:
        """Take so many steps; return their losses."""

        def take_next() -> None:
            loss = step(at(self.room, self._next_1))
            self._losses_S.index_copy_(0, self._next_1, loss[None])
            self._next_1.add_(1)

        self._next_1.zero_()
        for _ in range(count):
            self._replay(take_next)
        return self._losses_S[:count].clone()


def _on_side_stream(function: Callable[[], None]) -> None:
    """Run a function as recording will run it: on a stream that is not the default one."""
    current, side = torch.cuda.current_stream(), torch.cuda.Stream()  # type: ignore[no-untyped-call]
    side.wait_stream(current)
    with torch.cuda.stream(side):
        function()
    current.wait_stream(side)
