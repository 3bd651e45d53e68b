"""Why the worker of a job ended without its result: its node was lost or taken away, or it died or raised by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ray.exceptions import ActorUnavailableError, NodeDiedError, RayActorError

from raysat.execution.unfit import UnfitNode, UnfitNodeError
from raysat.formatting import one_line

_NODE_DIED: Final = "node has died"  # Ray's words for an actor that died with its node; Ray is pinned
_TOLD_TO_END: Final = "receives a SIGTERM"  # Ray's words for one that was told to: its machine is being taken away
_ADDRESS: Final = re.compile(r"^\s*ip: (\S+)", re.MULTILINE)
_SOMEWHERE: Final = "a node"


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """One end of a job's worker."""

    account: str  # Ray's
    lost_node: str | None = None  # the address of the node that was lost with it; None where it ended by itself
    unfit: UnfitNode | None = None  # its node, which can do no jobs of the run

    @property
    def reason(self) -> str:
        """In a line."""
        if self.unfit:
            return one_line(f"its node {self.unfit}")
        return f"its node {self.lost_node} was lost" if self.lost_node else one_line(explain(self.account)[0])

    @property
    def is_the_nodes(self) -> bool:
        """Whether the job had no part in it."""
        return self.lost_node is not None or self.unfit is not None


def death_of(error: BaseException) -> Death:
    """Read an error of a slot's actor, or of the workers below it.

    A worker that is killed on a node that lives is reported dead at once, by its node: one that only does not answer
    is on a node that cannot tell.
    """
    for cause in _causes(error):
        if isinstance(cause, UnfitNodeError):
            return Death(account=str(error), unfit=cause.unfit)
        words = str(cause)  # an error that cannot be pickled comes as its words alone
        lost = isinstance(cause, NodeDiedError | ActorUnavailableError) or _NODE_DIED in words or _TOLD_TO_END in words
        if lost or (isinstance(cause, RayActorError) and cause.preempted):
            address = _ADDRESS.search(words)
            return Death(account=str(error), lost_node=address[1] if address else _SOMEWHERE)
    return Death(account=str(error))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and all that it says it came from: Ray wraps those of tasks, and those of worker groups."""
    found, seen = [error], set[int]()
    while found:
        cause = found.pop()
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        below = [getattr(cause, name, None) for name in ("cause", "__cause__", "controller_failure", "_base_exc")]
        below += getattr(cause, "worker_failures", {}).values()
        found += [each for each in below if isinstance(each, BaseException)]


def accounts(deaths: Sequence[Death]) -> str:
    """All attempts at a job, the last one at the end."""
    return "\n".join(f"attempt {number}: {death.account}" for number, death in enumerate(deaths, start=1))


def explain(account: str) -> tuple[str, str]:
    """Say in a line what ended a worker by itself, given Ray's account of it, and what to do about it."""
    lines = [line.strip() for line in account.splitlines() if line.strip()]
    error = next((line for line in reversed(lines) if "died" in line), lines[-1] if lines else "the worker died")
    if "OutOfMemoryError" in account and "CUDA" in account:
        return f"the GPU's memory is full: {error}", (
            "lower optim.batch_size, or give each trial a larger share of a GPU with --gpus-per-trial"
        )
    if "died" in error or not lines:
        return error, "out of memory? See the dashboard's logs; the same command tries again"
    return error, "an error that raysat does not know; its record holds the traceback. The same command tries again"
