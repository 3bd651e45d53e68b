"""How far apart checkpoints are: what users write, and one line where it means nothing."""

import pytest

from raysat.config.spacing import Spacing, read_spacing
from raysat.errors import UsageError


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("auto", Spacing()),
        ("30s", Spacing(seconds=30)),
        ("86400s", Spacing(seconds=86_400)),
        ("1epoch", Spacing(epochs=1)),
        ("5epochs", Spacing(epochs=5)),
    ],
)
def test_it_means_what_it_says(text: str, meant: Spacing) -> None:
    assert read_spacing(text, "--checkpoint-every") == meant


@pytest.mark.parametrize(
    "text", ["", "30", "s", "0s", "0epochs", "86401s", "10001epochs", "1.5s", "-1s", "1 epoch", "AUTO", "٣s", "9" * 500]
)
def test_anything_else_is_refused_in_a_line(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_spacing(text, "--checkpoint-every")
    assert caught.value.message.startswith("--checkpoint-every must be auto, seconds from 1s to 86400s, or epochs")
    assert len(caught.value.message) < 250
    assert "30s" in (caught.value.hint or "")
