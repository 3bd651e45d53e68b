"""The tiny study as a file."""

from pathlib import Path

import pytest

from tests.helpers.command import STUDY


@pytest.fixture(name="space")
def _space(tmp_path: Path) -> Path:
    file = tmp_path / "tiny.yaml"
    file.write_text(STUDY, encoding="utf-8")
    return file
