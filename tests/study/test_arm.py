"""Where an error about an arm says that it is: at the setting with which its message begins, as near as is known."""

import pytest

from raysat.config.schema import Config
from raysat.errors import PlanError, StorageError
from raysat.study.arm import Arm, Origin

ARM = Arm(
    name="a", config=Config(), origins={"data.bands": Origin("arm", "x.yaml:3"), "optim": Origin("base", "x.yaml:7")}
)


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("data.bands: no such band", "x.yaml:3: data.bands: no such band (arm 'a')"),
        ("optim.batch_size is 9", "x.yaml:7: optim.batch_size is 9 (arm 'a')"),
        ("model.name: unknown", "arm 'a': model.name: unknown"),  # not written in the file: a default
        ("the store is empty", "arm 'a': the store is empty"),
    ],
)
def test_an_error_is_told_with_its_place(message: str, told: str) -> None:
    with pytest.raises(PlanError) as caught, ARM.located():
        raise PlanError(message, hint="so")
    assert (caught.value.message, caught.value.hint) == (told, "so")


def test_other_errors_pass() -> None:
    with pytest.raises(StorageError, match=r"^data\.bands$"), ARM.located():
        raise StorageError("data.bands")
