"""A run's files for workers on machines that do not see the driver's disk: an actor on its node reads and writes them.

What is large travels as an object of Ray's store: the worker puts it into shared memory on its own machine, Ray moves
it, and a thread of the actor writes it from shared memory, synced, beside others. The actor fetches no more at a time
than a budget of bytes allows; what waits does so on the machines that made it.
"""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, cast

import ray
from ray.exceptions import RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from raysat.execution.storage.run_files import RunFiles
from raysat.files import AnyPath

_LARGE: Final = 64 << 10  # bytes: below it a message carries them as fast as an object would
_WRITERS: Final = 8  # files at a time: a disk syncs several as fast as one
_ASKED: Final = 8  # questions at a time, which do not wait for writers
_BUDGET: Final = 1 << 30  # bytes in flight, where the node's object store has four times as much
_SHARE: Final = 0.25  # of the node's object store


class Budget:
    """Bytes that may be in flight at a time; one load that is larger than all of them travels alone."""

    def __init__(self, size: int) -> None:
        self._size, self._free, self._changed = size, size, threading.Condition()

    @contextmanager
    def of(self, size: int) -> Iterator[None]:
        """Hold so many bytes, as soon as they are free."""
        size = min(size, self._size)
        with self._changed:
            self._changed.wait_for(lambda: self._free >= size)
            self._free -= size
        try:
            yield
        finally:
            with self._changed:
                self._free += size
                self._changed.notify_all()

    def drain(self) -> None:
        """Wait until nothing is in flight."""
        with self.of(self._size):
            pass


class DriverDisk:
    """Calls the methods of the run's files for workers, many at a time."""

    def __init__(self, files: RunFiles, budget: int) -> None:
        self._files, self._budget = files, Budget(budget)

    @ray.method(concurrency_group="asked")  # type: ignore[untyped-decorator]  # ray ships no types
    def ask(self, name: str, arguments: tuple[Any, ...]) -> Any:
        """Do what needs little memory."""
        return getattr(self._files, name)(*arguments)

    @ray.method(concurrency_group="writers")  # type: ignore[untyped-decorator]
    def take(self, name: str, size: int, parcel: list[Any]) -> Any:
        """Fetch arguments of so many bytes when there is room for them, and do what is to be done with them."""
        with self._budget.of(size):
            arguments = ray.get(parcel[0])
            return getattr(self._files, name)(*arguments)

    def drain(self) -> None:
        """Wait until all that was fetched is written."""
        self._budget.drain()


class _Remote:
    """The run's files as the actor has them: calls wait for their result, and raise what it raised."""

    def __init__(self, actor: Any) -> None:
        self._actor = actor

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):  # pickle asks for some before there is an actor
            raise AttributeError(name)

        def call(*arguments: Any) -> Any:
            size = sum(map(_size, arguments))
            try:
                if size < _LARGE:
                    return ray.get(self._actor.ask.remote(name, arguments))
                parcel = ray.put(tuple(map(_outside, arguments)))
                return ray.get(self._actor.take.remote(name, size, [parcel]))  # in a list, it waits for the budget
            except RayTaskError as error:
                raise error.cause from error

        return call


def _size(argument: object) -> int:
    """How many bytes of content an argument brings."""
    if isinstance(argument, Mapping):
        return sum(map(_size, argument.values()))
    return memoryview(argument).nbytes if isinstance(argument, bytes | memoryview) else 0


def _outside(argument: Any) -> Any:
    """An argument whose content Ray copies once, into shared memory, where its reader finds it in place."""
    if isinstance(argument, Mapping):
        return {name: _outside(content) for name, content in argument.items()}
    return pickle.PickleBuffer(argument) if isinstance(argument, bytes | memoryview) else argument


def remote_files(actor: Any) -> RunFiles:
    """A run's files through the actor of ``driver_disk``."""
    return cast(RunFiles, _Remote(actor))


@contextmanager
def driver_disk(run: AnyPath, store: AnyPath, generated: AnyPath) -> Iterator[Any]:
    """Have the actor on the driver's node, with the folders of ``RunFiles``, for as long as a run takes.

    Args:
        run: of the run's ledger.
        store: of the real store.
        generated: of the generated stores.

    Yields:
        The actor, for ``remote_files``.
    """
    here = ray.get_runtime_context().get_node_id()
    actor = ray.remote(
        num_cpus=0,
        scheduling_strategy=NodeAffinitySchedulingStrategy(here, soft=False),
        concurrency_groups={"asked": _ASKED, "writers": _WRITERS},
    )(DriverDisk)
    memory = next(node["Resources"].get("object_store_memory", 0) for node in ray.nodes() if node["NodeID"] == here)
    handle = actor.remote(RunFiles(run, store, generated), min(_BUDGET, max(1, int(memory * _SHARE))))
    try:
        yield handle
    finally:
        handle.drain.remote()
        handle.__ray_terminate__.remote()  # once it has written what it has fetched; else it would stay as long as Ray
