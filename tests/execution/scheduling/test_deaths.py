"""What ended a worker, read from Ray's own errors; real ones are in tests/faults."""

import pickle

import pytest
from ray.core.generated.common_pb2 import ActorDiedErrorContext, NodeDeathInfo
from ray.exceptions import ActorDiedError, ActorUnavailableError, RayTaskError
from ray.train import WorkerGroupError
from ray.train.v2._internal.exceptions import UserExceptionWithTraceback

from raysat.execution.scheduling.deaths import Death, accounts, death_of
from raysat.execution.unfit import UnfitNode, UnfitNodeError


def died(words: str, *, preempted: bool = False) -> ActorDiedError:
    context = ActorDiedErrorContext(actor_id=b"0" * 16, node_ip_address="10.77.0.2", error_message=words)
    if preempted:
        context.node_death_info.reason = NodeDeathInfo.AUTOSCALER_DRAIN_PREEMPTED
    return ActorDiedError(context)


NODE = died("The actor died because its node has died. Node Id: 00")


@pytest.mark.parametrize(
    ("error", "lost_node"),
    [
        (NODE, "10.77.0.2"),
        (died("spot", preempted=True), "10.77.0.2"),
        (ActorUnavailableError("connection reset", b"0" * 16), "a node"),
        (WorkerGroupError("one of two", {1: NODE}), "10.77.0.2"),
        (RayTaskError("step", f"WorkerGroupError: one of two:\n{NODE}", RuntimeError()), "10.77.0.2"),
        (died("Worker exits: The process receives a SIGTERM."), "10.77.0.2"),
        (died("Worker unexpectedly exits with a connection error code 2."), None),
        (RayTaskError("step", "Traceback ...\nValueError: no", ValueError("no")), None),
        (ActorDiedError(), None),
    ],
)
def test_a_lost_node_is_told_from_a_worker_that_died(error: Exception, lost_node: str | None) -> None:
    death = death_of(error)
    assert death.lost_node == lost_node
    assert death.account == str(error)


def test_all_attempts_are_named() -> None:
    assert accounts([Death(account="old"), Death(account="new")]) == "attempt 1: old\nattempt 2: new"


UNFIT = UnfitNode(node="0a", place="10.0.0.7 (gpu7)", reason="GPU 0 (H100) has 3 uncorrected memory errors", remedy="!")


@pytest.mark.parametrize(
    "error",
    [
        RayTaskError("step", "Traceback ...", UnfitNodeError(UNFIT)),
        RayTaskError("step", "Traceback ...", UnfitNodeError(UNFIT)).as_instanceof_cause(),
        WorkerGroupError("one of two", {1: UnfitNodeError(UNFIT)}),
        WorkerGroupError("one of two", {1: UserExceptionWithTraceback(UnfitNodeError(UNFIT), "Traceback ...")}),
        pickle.loads(pickle.dumps(UnfitNodeError(UNFIT))),  # noqa: S301  (our own)
    ],
)
def test_an_unfit_node_is_told_from_a_worker_that_died(error: Exception) -> None:
    death = death_of(error)
    assert death.unfit == UNFIT
    assert death.is_the_nodes
    assert death.reason == "its node 10.0.0.7 (gpu7): GPU 0 (H100) has 3 uncorrected memory errors"
