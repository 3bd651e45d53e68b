"""What runs while Ray is lost ends by the error that says so, unless Ray is left in order."""

import threading
import time

import pytest

from raysat.errors import ClusterError, StorageError
from raysat.execution.cluster.ray_watch import RayWatch
from raysat.interrupts import stops_in_order

LOST = ClusterError("Ray is gone", hint="the same command resumes")


class Ray:
    """One that can be lost."""

    def __init__(self) -> None:
        self.is_lost = False

    def look(self) -> ClusterError | None:
        return LOST if self.is_lost else None


def lose(ray: Ray, consequence: Exception | None = None) -> None:
    """Lose it, and work until told to stop; end by an error, perhaps."""
    told = threading.Event()
    with stops_in_order(told.set):
        ray.is_lost = True
        assert told.wait(5)
    if consequence is not None:
        raise consequence


def watch(ray: Ray) -> RayWatch:
    return RayWatch(ray.look, every=0.01, patience=5)


def test_a_lost_ray_ends_the_work_by_its_error() -> None:
    ray = Ray()
    with pytest.raises(ClusterError, match="Ray is gone"), watch(ray).watched():
        lose(ray)


def test_what_fails_in_consequence_is_told_as_the_loss() -> None:
    ray = Ray()
    with (
        pytest.raises(ClusterError, match="Ray is gone") as caught,
        watch(ray).watched(),
    ):
        lose(ray, ValueError("some call of Ray's"))
    assert isinstance(caught.value.__cause__, ValueError)


def test_an_error_of_raysats_own_stays() -> None:
    ray = Ray()
    with pytest.raises(StorageError, match="full"), watch(ray).watched():
        lose(ray, StorageError("full"))


def test_a_ray_that_is_left_in_order_may_end() -> None:
    ray = Ray()
    looking = watch(ray)
    with looking.watched():
        looking.end()
        ray.is_lost = True
        time.sleep(0.1)
