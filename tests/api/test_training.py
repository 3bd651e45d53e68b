"""One trial in this process."""

import pytest

import raysat
from raysat.config.schema import Trial
from raysat.data.store import PatchStore
from raysat.errors import PlanError, StudyError
from raysat.planning.resolve import resolve_config
from raysat.training.loop import train

SETTINGS = {"model.name": "test_resnet", "optim": {"epochs": 2, "batch_size": 16}, "loss": {"kind": "ldam"}}


def test_settings_are_those_of_an_arm_and_numbers_those_of_a_trial(landsat_store: PatchStore) -> None:
    epochs: list[int] = []
    model = raysat.train(SETTINGS, landsat_store.path, seed=3, on_epoch=lambda report: epochs.append(report.epoch))
    study = raysat.load_study({"base": SETTINGS})
    config = study.arms[0].config
    alone = train(Trial(config=resolve_config(config, landsat_store), seed=3), landsat_store)
    assert model.metrics == alone.metrics == raysat.train(config, raysat.open_store(landsat_store.path), seed=3).metrics
    assert epochs == model.history_frame().index.tolist() == [1, 2]
    assert model.history_frame()["loss"].tolist() == [report.loss for report in alone.history]
    assert f"{model.metrics['test'].balanced_accuracy:.3f}" in repr(model)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"optim.lr": -1}, StudyError, r"config: optim.lr must be >= 1e-12, got -1"),
        ({"loss": {"kind": "ldm"}}, StudyError, "loss.kind must be one of"),
        ({"synthetic": {"kind": "dcgan"}}, PlanError, "generate jobs"),
    ],
)
def test_mistakes_are_errors(
    landsat_store: PatchStore, settings: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        raysat.train(settings, landsat_store.path)
