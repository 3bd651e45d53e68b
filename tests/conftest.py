"""Fixtures that several parts of the suite share: a learnable store, one Ray session, the command line."""

import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

# Models here are tiny: threads would wait for each other longer than they compute. Before torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # nor do those of workers spin where several share a core

import numpy as np
import pytest
from hypothesis import settings

from raysat.data.store import PatchStore, StoreWriter
from tests.helpers.paths import ROOT

# Where the environment keeps no bytecode (images of containers do), each of hundreds of processes would compile raysat
# anew, and each session all tests: half of the time that finding them takes.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

settings.register_profile("raysat", deadline=None)  # a busy machine is no fault of the code
settings.load_profile("raysat")

# What jobs in the background and `nohup` are started to ignore, the commands under test would ignore, too.
for _number, _default in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _default)

pytest_plugins = (
    "tests.helpers.data_fixtures",
    "tests.helpers.object_store",
    "tests.helpers.report_fixtures",
    "tests.helpers.run_fixtures",
    "tests.helpers.training_fixtures",
)

BANDS = ("B2", "B5", "B6")


# Tests that start a Ray of their own, beside those that ask for ``ray_session``.
RAY = (
    "tests/cli/test_cache.py",
    "tests/cli/test_generate.py",
    "tests/cli/test_main.py",
    "tests/cli/test_plugins_on_ray.py",
    "tests/cli/test_remote_data.py",
    "tests/cli/test_signals.py",
    "tests/deploy/test_jobs.py",
    "tests/deploy/test_metrics.py",
    "tests/deploy/test_onprem.py",
    "tests/deploy/test_slurm.py",
    "tests/examples/",
    "tests/execution/cluster/test_connection.py",
    "tests/execution/test_object_runs.py",
    "tests/execution/test_other_users.py",
    "tests/execution/test_planted_modules.py",
    "tests/execution/test_ray_start.py",
    "tests/faults/",
    "tests/hosts/test_benchmark.py",
    "tests/hosts/test_plugins.py",
    "tests/hosts/test_studies.py",
    "tests/test_checkpoints_benchmark.py",
    "tests/test_reactions_benchmark.py",
    "tests/test_eurosat_page.py",
    "tests/test_tutorial.py",
)
_DISTURBED = "test_a_disturbed_run_equals_the_undisturbed_one"
# What takes half a minute or more on a machine of two cores and has a shorter sibling, and the scripts of benchmarks.
LONG = (
    "tests/cli/test_track.py::test_a_server_that_is_killed_in_the_middle_gets_the_rest_later",
    "tests/deploy/test_image.py::test_its_steps_make_an_image_that_runs_without_root",
    "tests/deploy/test_jobs.py::test_a_job_by_wheel_is_stopped_and_goes_on",
    "tests/examples/test_script.py::test_mypy_strict_accepts_it_from_outside_and_refuses_mistakes",
    "tests/execution/test_object_runs.py::test_a_search_and_generators_in_a_bucket_are_read_there",
    "tests/execution/test_ray_start.py::test_a_home_is_not_needed_nor_a_short_temporary_folder[no home]",
    "tests/faults/test_clusters.py",
    "tests/faults/test_maps.py",
    *(f"tests/faults/test_schedules.py::{_DISTURBED}[{number}]" for number in (1778, 1857, 304, 939, 4473)),
    "tests/faults/test_sigterm.py::test_a_worker_saves_at_once_and_another_goes_on[2]",
    "tests/faults/test_unfit_nodes.py",
    "tests/hosts/test_benchmark.py",
    "tests/hosts/test_plugins.py",
    "tests/hosts/test_studies.py::test_table2_with_generated_arms_trains_each_epoch_once_and_equals_one_machine",
    "tests/hosts/test_studies.py::test_two_workers_of_a_trial_on_two_hosts_equal_two_on_one",
    "tests/study/test_shipped_studies.py::test_table2_runs_on_real_sentinel2_patches",
    "tests/test_checkpoints_benchmark.py",
    "tests/test_eurosat_page.py::test_a_question_to_real_patches",
    "tests/test_generators_benchmark.py::test_it_compares_all_ways_at_its_smallest",
    "tests/test_gpu_benchmark.py",
    "tests/test_packaging.py::test_the_types_of_the_public_functions_are_known_from_outside",
    "tests/test_reactions_benchmark.py",
    "tests/test_scale.py::test_the_smallest_measures_runs_plans_and_slots",
    "tests/test_speed_benchmarks.py",
    "tests/test_tutorial.py::test_the_same_with_geotiffs",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what runs on Ray, and what takes long: ``-m "not slow"`` while you work, ``-m long`` before a release.

    What else takes half a second or more is marked ``slow`` where it stands. Files on Ray come first, then others with
    slow tests: ``pytest -n 2`` hands out whole files, and short ones fill what is left over.
    """
    long: dict[Path, int] = {}
    for item in items:
        path = item.path.relative_to(ROOT).as_posix()
        if "ray_session" in getattr(item, "fixturenames", ()) or path.startswith(RAY):
            item.add_marker(pytest.mark.ray)
        if item.get_closest_marker("ray"):
            item.add_marker(pytest.mark.slow)
        if item.nodeid.startswith(LONG):
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.long)
        rank = 2 if item.get_closest_marker("ray") else int(item.get_closest_marker("slow") is not None)
        long[item.path] = max(rank, long.get(item.path, 0))
    items.sort(key=lambda item: -long[item.path])


def pytest_collection_finish() -> None:
    """Spare the garbage collector what stays to the end: modules and thousands of tests."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the user's cache out of the tests."""
    os.environ["RAYSAT_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def landsat_store(tmp_path_factory: pytest.TempPathFactory) -> PatchStore:
    """96 patches of 3 Landsat bands, 32 x 32, 3 classes at 60/25/15 %, told apart by their brightness in B5."""
    path = tmp_path_factory.mktemp("stores") / "landsat"
    rng = np.random.default_rng(0)
    with StoreWriter(path, bands=BANDS, classes=("a", "b", "c"), sensor="landsat8", source={"kind": "test"}) as writer:
        for index in range(96):
            label = int(np.searchsorted([0.6, 0.85], (index % 20) / 20, side="right"))
            patch = rng.integers(0, 120, (3, 32, 32))
            patch[1] += 50 * label
            writer.add(patch.astype(np.uint8), label, ("train", "train", "val", "test")[index // 20 % 4])
        return writer.close()


@pytest.fixture(scope="session")
def ray_session() -> Iterator[None]:
    """One Ray for all tests that need one: starting it costs seconds."""
    from raysat.execution.cluster.connection import connect

    with connect(None):
        yield


@dataclass(frozen=True, slots=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def raysat(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """Run the real command line in this process."""
    from raysat.cli.main import main

    def run(*words: str | Path) -> Result:
        monkeypatch.setattr(sys, "argv", ["raysat", *map(str, words)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return Result(int(ended.value.code or 0), out, err)

    return run
