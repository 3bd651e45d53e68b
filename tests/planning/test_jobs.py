"""Jobs: what is generated for which trials, under which ids, and what is refused before anything starts."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raysat.config.families.images import AugMix
from raysat.config.families.learning import Adam
from raysat.config.families.schedules import OneCycle, Triangular
from raysat.config.families.synthetic import Dcgan
from raysat.config.schema import Config, Data, Trial, digest
from raysat.data.store import PatchStore, StoreWriter
from raysat.errors import BandError, PlanError
from raysat.planning.jobs import NUMERICS_VERSION, generate_jobs, plan_trial
from raysat.planning.resolve import resolve_config
from raysat.planning.summary import describe

BANDS = tuple(f"B{n}" for n in range(1, 12))
COUNTS = (20, 5, 4, 3)


def make(path: Path, counts: tuple[int, ...] = COUNTS, value: int = 0) -> PatchStore:
    classes = ("crop", "built", "water", "forest")[: len(counts)]
    with StoreWriter(path, bands=BANDS, classes=classes, sensor="landsat8", source={"kind": "test"}) as writer:
        for label, count in enumerate(counts):
            for index in range(count + 1):
                patch = np.full((11, 4, 4), value + label, dtype=np.uint8)
                writer.add(patch, label, "val" if index == count else "train")
        return writer.close()


@pytest.fixture(scope="module", name="store")
def _store(tmp_path_factory: pytest.TempPathFactory) -> PatchStore:
    return make(tmp_path_factory.mktemp("jobs") / "store")


def ask(store: PatchStore, trial_bands: str | tuple[int | str, ...] = "agriculture", **gan: object) -> Config:
    return resolve_config(Config(data=Data(bands=trial_bands), synthetic=Dcgan.model_validate(gan)), store)


def test_minority_is_every_class_but_the_largest_up_to_its_size(store: PatchStore) -> None:
    jobs = generate_jobs(ask(store), store)
    assert [(job.class_name, job.work.label, job.work.patches) for job in jobs] == [
        ("built", 1, 15),
        ("water", 2, 16),
        ("forest", 3, 17),
    ]
    assert {job.work.bands for job in jobs} == {("B6", "B5", "B2")}
    assert len({job.id for job in jobs}) == 3


def test_equal_generators_are_one_job_however_they_are_asked_for(store: PatchStore) -> None:
    ways = [
        ask(store),
        ask(store, classes=("forest", "water", "built")),
        ask(store, classes=(3, 1, 2)),
        ask(store, (6, 5, 2)),
        ask(store, (6, "B5", 2)),
    ]
    assert len({tuple(job.id for job in generate_jobs(config, store)) for config in ways}) == 1
    assert len({config.model_dump_json() for config in ways}) == 1


def test_a_class_alone_shares_the_job_of_all(store: PatchStore) -> None:
    everything = {job.class_name: job.id for job in generate_jobs(ask(store), store)}
    (water,) = generate_jobs(ask(store, classes=("water",)), store)
    assert water.id == everything["water"]
    (exact,) = generate_jobs(ask(store, classes=("water",), equalise=False, patches=16), store)
    assert exact.id == water.id


@given(
    st.sampled_from([("steps", 7), ("width", 8), ("seed", 3), ("lr", 1e-3), ("batch_size", 8), ("latent", 10)]),
    st.integers(0, 2),
)
def test_whatever_changes_a_generator_changes_its_id(store: PatchStore, change: tuple[str, float], which: int) -> None:
    before, after = generate_jobs(ask(store), store), generate_jobs(ask(store, **dict([change])), store)
    assert before[which].id != after[which].id


def test_other_pixels_are_another_job(store: PatchStore, tmp_path: Path) -> None:
    other = make(tmp_path / "other", value=1)
    assert generate_jobs(ask(store), store)[0].id != generate_jobs(ask(other), other)[0].id


def test_a_trial_needs_its_generators_whatever_its_seed_and_counts_their_patches(store: PatchStore) -> None:
    config = ask(store).model_copy(update={"optim": Adam(epochs=3)})
    jobs = [plan_trial(Trial(config=config, seed=seed), store, arm="gan") for seed in (0, 1)]
    assert jobs[0].needs == jobs[1].needs == tuple(job.id for job in generate_jobs(config, store))
    assert jobs[0].id != jobs[1].id
    assert jobs[0].samples_seen == 3 * 4 * 20
    plain = plan_trial(Trial(config=resolve_config(Config(optim=Adam(epochs=3)), store), seed=0), store, arm="plain")
    assert (plain.needs, plain.samples_seen) == ((), 3 * sum(COUNTS))


def test_augmix_without_its_consistency_loss_trains_on_one_view() -> None:
    assert [AugMix(jsd=jsd).forward_passes for jsd in (True, False)] == [3, 1]


def test_a_dropped_band_is_the_same_work_as_naming_the_others(store: PatchStore) -> None:
    dropped = resolve_config(Config(data=Data(bands="all", drop=(9,))), store)
    assert dropped == resolve_config(Config(data=Data(bands=tuple(band for band in BANDS if band != "B9"))), store)


@pytest.mark.parametrize(
    ("gan", "message", "hint"),
    [
        ({"classes": ("watr",)}, "no class 'watr'", "did you mean 'water'"),
        ({"classes": (4,)}, "no class 4", "0 crop, 1 built"),
        ({"classes": ("water", 2)}, "names a class twice", "once"),
        ({"classes": ("crop",)}, "'crop' is the largest", "equalise: false"),
        ({"bands": "natural"}, "synthetic.bands are B4-B3-B2, but the trial trains on B6-B5-B2", "leave"),
    ],
)
def test_a_generator_asked_for_in_vain_is_refused(
    store: PatchStore, gan: dict[str, object], message: str, hint: str
) -> None:
    with pytest.raises(PlanError) as caught:
        generate_jobs(ask(store, **gan), store)
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")


def test_unknown_bands_of_a_generator_name_their_key(store: PatchStore) -> None:
    with pytest.raises(BandError, match=r"synthetic\.bands: unknown band composite"):
        resolve_config(Config(synthetic=Dcgan(bands="agricultre")), store)


def test_the_bands_of_the_trial_may_be_repeated(store: PatchStore) -> None:
    given_twice = resolve_config(Config(data=Data(bands="agriculture"), synthetic=Dcgan(bands=(6, 5, 2))), store)
    assert given_twice == ask(store)


def test_balanced_classes_have_no_minority(tmp_path: Path) -> None:
    even = make(tmp_path / "even", counts=(4, 4))
    with pytest.raises(PlanError, match="no minority class"):
        resolve_config(Config(synthetic=Dcgan()), even)


def test_a_learning_rate_that_the_schedule_replaces_is_the_same_work(store: PatchStore) -> None:
    for schedule in (Triangular(), OneCycle()):
        configs = [resolve_config(Config(optim=Adam(lr=lr), schedule=schedule), store) for lr in (1e-3, 0.5)]
        assert configs[0] == configs[1]
    assert resolve_config(Config(optim=Adam(lr=0.5)), store) != resolve_config(Config(), store)


def test_a_dropped_band_that_is_not_there_names_its_key(store: PatchStore) -> None:
    with pytest.raises(BandError, match=r"data\.drop: dropped band 'B9' is not among"):
        resolve_config(Config(data=Data(bands="agriculture", drop=(9,))), store)


def test_equal_patches_are_the_same_trial_however_they_were_asked_for(store: PatchStore) -> None:
    asked = [ask(store, classes=("water",)), ask(store, classes=(2,), equalise=False, patches=16)]
    jobs = [plan_trial(Trial(config=config, seed=0), store, arm="gan") for config in asked]
    assert jobs[0].id == jobs[1].id
    fewer = ask(store, classes=(2,), equalise=False, patches=15)
    assert plan_trial(Trial(config=fewer, seed=0), store, arm="gan").id != jobs[0].id


def test_class_counts_are_a_matter_of_the_trial_and_not_of_its_generators(store: PatchStore) -> None:
    configs = [ask(store, class_counts=counts) for counts in ("all", "real")]
    assert generate_jobs(configs[0], store) == generate_jobs(configs[1], store)
    jobs = [plan_trial(Trial(config=config, seed=0), store, arm="gan") for config in configs]
    assert jobs[0].id != jobs[1].id
    assert describe(configs[0], store.bands) == describe(ask(store), store.bands)
    own = set(describe(configs[1], store.bands)) - set(describe(configs[0], store.bands))
    assert own == {"synthetic.class_counts=real"}


def test_ids_without_class_counts_are_those_of_before_there_were_any(store: PatchStore) -> None:
    config, where = ask(store), {"data": store.fingerprint, "numerics": NUMERICS_VERSION}
    generate = generate_jobs(config, store)
    for job in generate:
        work = job.work.model_dump(mode="json")
        work["gan"] = work.pop("generator")
        assert work["gan"].pop("class_counts") == "all"
        assert job.id == digest({"generate": work, **where})
    spec = {"config": config.identity() | {"synthetic": [job.id for job in generate]}, "seed": 0}
    assert plan_trial(Trial(config=config, seed=0), store, arm="gan").id == digest({"trial": spec, **where})


@pytest.fixture(scope="module", name="digits")
def _digits(tmp_path_factory: pytest.TempPathFactory) -> PatchStore:
    """Classes that are called 1, 2 and 3, at labels 0, 1 and 2."""
    path = tmp_path_factory.mktemp("jobs") / "digits"
    with StoreWriter(path, bands=("B1",), classes=("1", "2", "3"), sensor=None, source={}) as writer:
        for label, count in enumerate((9, 3, 2)):
            for _ in range(count):
                writer.add(np.full((1, 4, 4), label, dtype=np.uint8), label)
        return writer.close()


def test_a_number_that_could_be_a_label_or_a_name_is_refused(digits: PatchStore) -> None:
    with pytest.raises(PlanError, match="2 could be the label 2 or the class named '2', which is 1") as caught:
        ask(digits, "all", classes=(2,))
    assert caught.value.hint == "write '2' in quotes for the name"
    (job,) = generate_jobs(ask(digits, "all", classes=("2",)), digits)
    assert (job.class_name, job.work.label) == ("2", 1)


def test_a_number_as_text_is_a_label_where_no_class_is_called_so(store: PatchStore) -> None:
    assert ask(store, classes=("1", "3")) == ask(store, classes=("built", "forest"))
