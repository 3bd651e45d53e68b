"""Images that a training passes through its model, as they are planned and as they are counted."""

from __future__ import annotations

from raysat.config.schema import Trial
from raysat.planning.jobs import plan_trial
from raysat.planning.resolve import resolve_config
from raysat.planning.stages import shared_samples
from tests.helpers.training import MakeStore, config, run


def test_images_of_a_second_stage_pass_once_after_two_passes_a_step(make_store: MakeStore) -> None:
    store = make_store({"train": (6, 4, 2), "val": (2, 2, 2)})
    sharp = {"sharpness": {"kind": "sam"}, "optim": {"epochs": 3}}
    plain, forked = (
        plan_trial(Trial(config=resolve_config(config(**sharp, **more), store), seed=0), store, arm="a")
        for more in ({}, {"second_stage": {"kind": "crt", "epochs": 2}})
    )
    assert plain.samples_seen == 3 * 12 * 2
    assert forked.samples_seen == plain.samples_seen + 2 * 12
    assert [forked.images_after(epoch) for epoch in range(6)] == [96, 72, 48, 24, 12, 0]
    assert shared_samples([plain, forked]) == forked.samples_seen
    _, outcome = run(config(**sharp, second_stage={"kind": "crt", "epochs": 2}), store)
    assert outcome.samples_seen == forked.samples_seen
