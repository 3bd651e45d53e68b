"""The plan's searcher: each job once, in order, never before its needs, never after a need failed."""

from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from ray.tune.search import Searcher

from raysat.config.families.synthetic import Dcgan
from raysat.config.schema import Config, Generation, Trial
from raysat.errors import DiskError
from raysat.execution.messages import JobDone, JobFailed, StateSaved, to_result
from raysat.execution.scheduling.deaths import Death
from raysat.execution.scheduling.job_feeder import JobFeeder
from raysat.planning.jobs import GenerateJob, PlannedTrial
from raysat.planning.stages import Job, TrainJob, train_jobs, unshared_job
from tests.helpers.stages import way

DONE, FAILED = to_result(JobDone(job="")), to_result(JobFailed(job=""))


def generator(name: str) -> GenerateJob:
    return GenerateJob(id=name, class_name=name, work=Generation(label=0, bands=("B1",), patches=1, generator=Dcgan()))


def trial(name: str, *needs: str) -> TrainJob:
    config = Config.model_validate({"optim": {"kind": "adam", "epochs": 2}})
    states = tuple(f"{name}.{epoch}" for epoch in range(3))
    return unshared_job(
        PlannedTrial(id=name, arm=name, trial=Trial(config=config, seed=0), samples_seen=2, states=states, needs=needs)
    )


def feeder(jobs: Sequence[Job], **told: Callable[..., Any]) -> JobFeeder:
    nothing: dict[str, Callable[..., Any]] = dict.fromkeys(("is_done", "on_done", "on_lost"), lambda job: None)
    return JobFeeder(jobs, **(nothing | told))


def lost(searcher: JobFeeder) -> list[tuple[str, str]]:
    return [(job.id, cause.id) for job, cause in searcher.lost]


def saved(number: int) -> dict[str, Any]:
    return to_result(StateSaved(job="", epoch=number))


def asked(searcher: JobFeeder, trial_id: str) -> Any:
    found = searcher.suggest(trial_id)
    return found["job"].id if isinstance(found, dict) else found


def test_what_needs_nothing_does_not_wait() -> None:
    searcher = feeder([generator("g"), trial("gan", "g"), trial("plain")])
    assert [asked(searcher, t) for t in ("1", "2", "3")] == ["g", "plain", None]
    searcher.on_trial_complete("2", DONE)
    assert asked(searcher, "3") is None
    searcher.on_trial_complete("1", DONE)
    assert asked(searcher, "3") == "gan"
    assert asked(searcher, "4") is None, "it may be tried again"
    searcher.on_trial_complete("3", DONE)
    assert asked(searcher, "4") == Searcher.FINISHED
    assert lost(searcher) == []


def test_a_failed_need_gives_up_its_dependents_alone() -> None:
    for how in ({"result": FAILED}, {"result": None, "error": True}):
        jobs: list[Job] = [
            generator("g"),
            generator("h"),
            trial("both", "g", "h"),
            trial("only h", "h"),
            trial("plain"),
        ]
        searcher = feeder(jobs)
        assert [asked(searcher, t) for t in ("1", "2")] == ["g", "h"]
        searcher.on_trial_complete("1", **how)  # type: ignore[arg-type]
        assert lost(searcher) == [("both", "g")]
        searcher.on_trial_complete("2", DONE)
        assert [asked(searcher, t) for t in ("3", "4")] == ["only h", "plain"]
        assert asked(searcher, "5") is None
        assert lost(searcher) == [("both", "g")]


def test_a_need_that_is_not_among_the_jobs_was_met_before() -> None:
    searcher = feeder([trial("gan", "made before")])
    assert asked(searcher, "1") == "gan"


@given(st.data())
def test_any_plan_ends_with_every_job_run_once_or_given_up(data: st.DataObject) -> None:
    makers = [generator(f"g{n}") for n in range(data.draw(st.integers(0, 4)))]
    trials = [
        trial(
            f"t{n}",
            *data.draw(st.lists(st.sampled_from([job.id for job in makers]), unique=True) if makers else st.just([])),
        )
        for n in range(data.draw(st.integers(0, 6)))
    ]
    jobs: list[Job] = data.draw(st.permutations([*makers, *trials]))
    given_up: set[str] = set()
    searcher = feeder(jobs, on_lost=lambda job: given_up.add(job.id))
    running: dict[str, str] = {}
    done: set[str] = set()
    failed: set[str] = set()
    for step in range(100):
        found = asked(searcher, str(step))
        if found == Searcher.FINISHED:
            break
        if found is not None:
            needs = next((job.needs for job in trials if job.id == found), ())
            assert set(needs) <= done
            running[str(step)] = found
        if running and (found is None or data.draw(st.booleans())):
            ended = data.draw(st.sampled_from(sorted(running)))
            good = data.draw(st.booleans())
            (done if good else failed).add(running[ended])
            searcher.on_trial_complete(ended, DONE if good else FAILED)
            del running[ended]
        else:
            assert found is not None, "nothing runs, so something must be able to start"
    everything = {job.id for job in jobs}
    assert done | failed | given_up | set(running.values()) == everything
    assert given_up == {job.id for job in trials if set(job.needs) & failed}


def forked() -> tuple[TrainJob, ...]:
    """A chain of 6 epochs, one that leaves it after 2, and one that leaves that one after 3 (its states 3 and on)."""
    trunk = way("trunk", 6)
    branch = way("branch", 5, trunk.states[:3])
    return train_jobs([trunk, branch, way("twig", 4, branch.states[:4])])


def test_a_branch_starts_as_soon_as_its_fork_is_reached() -> None:
    searcher = feeder(forked())
    assert [asked(searcher, t) for t in ("1", "2")] == ["trunk", None]
    searcher.on_trial_result("1", saved(1))
    assert asked(searcher, "2") is None
    searcher.on_trial_result("1", saved(2))
    assert [asked(searcher, t) for t in ("2", "3")] == ["branch", None]
    searcher.on_trial_result("2", saved(3))
    assert [asked(searcher, t) for t in ("3", "4")] == ["twig", None]


def test_training_that_diverged_before_a_fork_gives_up_all_that_comes_after() -> None:
    searcher = feeder(forked())
    assert asked(searcher, "1") == "trunk"
    searcher.on_trial_result("1", saved(1))
    searcher.on_trial_complete("1", FAILED)
    assert lost(searcher) == [("branch", "trunk"), ("twig", "trunk")]
    assert asked(searcher, "2") == Searcher.FINISHED


def test_training_that_diverged_after_a_fork_costs_that_branch_nothing() -> None:
    searcher = feeder(forked())
    assert asked(searcher, "1") == "trunk"
    searcher.on_trial_result("1", saved(2))
    searcher.on_trial_complete("1", FAILED)
    assert asked(searcher, "2") == "branch"
    assert lost(searcher) == []


def test_where_a_worker_died_its_branches_go_their_whole_way() -> None:
    done: list[str] = []
    searcher = feeder(forked(), on_done=lambda job: done.append(job.id))
    assert asked(searcher, "1") == "trunk"
    searcher.on_trial_complete("1", None, error=True)
    assert asked(searcher, "2") == "branch"
    searcher.on_trial_complete("2", DONE)
    assert (lost(searcher), done) == ([], ["branch"])
    assert asked(searcher, "3") == "twig"


def test_a_worker_that_died_after_its_records_were_written_costs_nothing() -> None:
    done: list[str] = []
    jobs = [generator("g"), trial("gan", "g"), *forked()]
    searcher = feeder(jobs, is_done=lambda job: job.id in {"g", "trunk"}, on_done=lambda job: done.append(job.id))
    assert [asked(searcher, t) for t in ("1", "2", "3")] == ["g", "trunk", None]
    for ended in ("1", "2"):
        searcher.on_trial_complete(ended, None, error=True)
    assert (lost(searcher), done) == ([], ["g", "trunk"])
    assert [asked(searcher, t) for t in ("3", "4")] == ["gan", "branch"]


def test_a_job_whose_node_was_lost_comes_first_again() -> None:
    searcher = feeder([trial("a"), trial("b"), trial("c")])
    assert [asked(searcher, t) for t in ("1", "2")] == ["a", "b"]
    searcher.note_death("1", Death(account="", lost_node="10.0.0.1"))
    searcher.on_trial_complete("1", None, error=True)
    assert [asked(searcher, t) for t in ("3", "4", "5")] == ["a", "c", None]
    for name in ("2", "3", "4"):
        searcher.on_trial_complete(name, DONE)
    assert asked(searcher, "6") == Searcher.FINISHED


def test_no_more_is_handed_out_than_there_is_room_for() -> None:
    rooms = iter([1, 1, 2, 2, 0, 0])
    searcher = feeder([trial("a"), trial("b"), trial("c")], room=lambda: next(rooms))
    assert [asked(searcher, t) for t in ("1", "2", "3", "4")] == ["a", None, "b", None]
    searcher.on_trial_complete("1", DONE)
    searcher.on_trial_complete("2", DONE)
    assert asked(searcher, "5") is None
    assert asked(searcher, "6") is None


def test_storage_that_fails_in_tunes_loop_is_kept_and_nothing_more_is_handed_out() -> None:
    def unreachable(job: Job) -> bool:
        raise DiskError("cannot read a record")

    searcher = feeder([trial("a"), trial("b"), trial("c")], is_done=unreachable)
    assert [asked(searcher, t) for t in ("1", "2")] == ["a", "b"]
    searcher.on_trial_complete("1", None, error=True)
    assert str(searcher.error) == "cannot read a record"
    assert asked(searcher, "3") is None
