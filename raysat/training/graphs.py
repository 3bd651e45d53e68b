"""CUDA graphs: what Python launches kernel by kernel is recorded once, and replayed by one call.

A replay reads and writes the very memory of its recording. So whatever changes from step to step is copied into
buffers, and a counter on the device says which step of them is next: between two looks of the host nothing waits.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Final

import torch
from torch import Tensor

from raysat.training.device import current
from raysat.training.step_inputs import StepInputs, UpdateInputs, ViewInputs, at, fill, fits, room_for, stack

_LOG: Final = logging.getLogger(__name__)
# Steps whose inputs are copied to the device at once; while it takes them, the host draws those of the next ones. The
# first few are soon drawn: until then the device has nothing to do.
_FIRST: Final = 8
_CHUNK: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """What makes a step, of tensors on the device alone."""

    views: Callable[[ViewInputs], Tensor]  # what the network shall see; depends on no step before
    take: Callable[[Tensor, UpdateInputs], Tensor]  # what takes it, given these views; returns the loss


class Replay:
    """Runs a function that works on the same tensors each time.

    The first time it runs as it is, so that libraries choose their algorithms and state is made; the second time it is
    recorded. The function is given with each call, and not kept: what it belongs to may own this, and graphs hold much
    memory, which a circle would keep.
    """

    def __init__(self, *, eager: bool = False) -> None:
        """Begin without a recording; with ``eager``, never record."""
        self.is_eager, self._has_run = eager, False
        self._graph: torch.cuda.CUDAGraph | None = None

    def __call__(self, function: Callable[[], None]) -> None:
        """Run the function, which asks for no number of the device, once; the host does not wait."""
        if self._graph is None and self._has_run and not self.is_eager:
            self._record(function)
        if self._graph is not None:
            self._graph.replay()
        elif self.is_eager:
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
            say_launched(f"a CUDA graph cannot hold them: {cause}")
            self.is_eager = True
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

    def __call__(self, steps: Steps, inputs: Iterable[StepInputs]) -> list[Tensor]:
        """Take steps in order.

        Args:
            steps: what makes them; the same each time.
            inputs: of each step, on the host.

        Returns:
            The losses in parts, on the device.
        """
        losses, left, count = [], iter(inputs), _FIRST
        with current(self._device):
            while chunk := list(islice(left, count)):
                count = min(2 * count, _CHUNK)
                for size, some in groupby(chunk, key=lambda each: len(each.update.labels_b)):
                    losses.append(self._run(steps, size, list(some)))
        return losses

    def _run(self, steps: Steps, size: int, inputs: Sequence[StepInputs]) -> Tensor:
        """Take some steps of one size of batch; return their losses."""
        feed = self._feeds.get(size)
        stacked = stack(inputs, None if feed is None else feed.room)
        if feed is None or not fits(stacked, feed.room):
            feed = self._feeds[size] = _Feed(stacked, self._device, eager=self._is_eager)
        fill(feed.room, stacked)
        losses_S = feed.run(steps, len(inputs))
        self._is_eager = self._is_eager or feed.replay.is_eager
        return losses_S


class _Feed:
    """Room for the inputs of some steps of one size, and the recording of a step that reads them in turn.

    While a step is taken, the views of the next one are made beside it: small batches leave a GPU room for both.
    """

    def __init__(self, inputs: StepInputs, device: torch.device, *, eager: bool) -> None:
        self.room = room_for(inputs, _CHUNK, device)
        self.replay = Replay(eager=eager)
        self._next_1 = torch.zeros(1, dtype=torch.int64, device=device)
        self._losses_S = torch.zeros(_CHUNK, device=device)
        self._views: Tensor | None = None  # of the next step
        self._beside = torch.cuda.Stream(device) if device.type == "cuda" else None  # type: ignore[no-untyped-call]

    def run(self, steps: Steps, count: int) -> Tensor:
        """Take so many steps; return their losses."""
        self._next_1.zero_()
        first_NCHW = steps.views(at(self.room.view, self._next_1))
        views_NCHW = self._views = first_NCHW if self._views is None else self._views.copy_(first_NCHW)

        def take_next() -> None:
            following_1 = (self._next_1 + 1).clamp_(max=_CHUNK - 1)  # after the last, what nobody reads
            with _forked(self._beside):
                following_NCHW = steps.views(at(self.room.view, following_1))
            loss = steps.take(views_NCHW, at(self.room.update, self._next_1))
            self._losses_S.index_copy_(0, self._next_1, loss[None])
            self._next_1.add_(1)
            _join(self._beside)
            views_NCHW.copy_(following_NCHW)

        for _ in range(count):
            self.replay(take_next)
        return self._losses_S[:count].clone()


@contextmanager
def _forked(stream: torch.cuda.Stream | None) -> Iterator[None]:
    """Launch a block on another stream, after all that was launched on the current one."""
    if stream is None:
        yield
        return
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        yield


def _join(stream: torch.cuda.Stream | None) -> None:
    """Launch what follows after all that was launched on another stream."""
    if stream is not None:
        torch.cuda.current_stream().wait_stream(stream)


def say_launched(cause: str) -> None:
    """Write the line that says why steps on a GPU are slower than they could be."""
    _LOG.error("steps are launched operation by operation: %s", cause)  # Ray's workers keep no lesser lines


def _on_side_stream(function: Callable[[], None]) -> None:
    """Run a function as recording will run it: on a stream that is not the default one."""
    side: torch.cuda.Stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    with _forked(side):
        function()
    _join(side)
