"""Studies written in tests: load one, or see the one error that a mistake in it gives."""

import re
from pathlib import Path
from typing import Any

import pytest

from raysat.errors import StudyError
from raysat.study.load import Study, load_study
from tests.helpers.paths import SPACES


def load(folder: Path, text: str, **options: Any) -> Study:
    """Load a study of this text."""
    file = folder / "study.yaml"
    file.write_text(text, encoding="utf-8")
    return load_study(file, **options)


def assert_one_error(folder: Path, text: str, message: str, hint: str) -> None:
    """A mistake is one line that names file and line, with this message and hint, as a usage error."""
    with pytest.raises(StudyError) as caught:
        load(folder, text)
    assert re.match(rf"{re.escape(str(folder))}/study\.yaml:\d+: ", caught.value.message)
    assert message in caught.value.message
    assert "\n" not in caught.value.message
    assert hint in (caught.value.hint or "")
    assert caught.value.exit_code == 2


def shipped_studies() -> list[Path]:
    """The study files that ship, without searches for hyperparameters."""
    files = SPACES.glob("*.yaml")
    return sorted(file for file in files if "\nsearch:" not in file.read_text(encoding="utf-8"))
