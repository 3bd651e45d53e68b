"""Names that every tracker takes, of texts that are anything."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from raysat.files import SAFE_NAME
from raysat.tracking.names import cut, folder_name, metric_names, setting_names, without_secrets

MLFLOW = re.compile(r"[/\w.\- :]*")  # as its validation has it
TEXTS = st.text(st.characters(exclude_categories=[]), max_size=300)


@given(TEXTS)
def test_a_folder_has_a_safe_name_and_a_safe_name_is_kept(text: str) -> None:
    name = folder_name(text)
    assert SAFE_NAME.fullmatch(name)
    assert folder_name(name) == name or name.startswith(("-", "_", "."))
    assert name == folder_name(text)


@given(st.lists(TEXTS, unique=True, max_size=6))
def test_two_texts_never_share_a_name(texts: list[str]) -> None:
    assert len({folder_name(text) for text in texts}) == len(texts)
    for names in (metric_names(texts), setting_names(texts)):
        assert len({names[text] for text in texts}) == len(texts)
        assert all(MLFLOW.fullmatch(name) and 0 < len(name) < 100 for name in names.values())
        assert not any(name in (".", "..") or "/" in name for name in names.values())


def test_usual_names_stay_as_they_are() -> None:
    assert folder_name("(6)") != folder_name("6")
    assert folder_name("LDAM+DRW") != folder_name("LDAM DRW")
    assert folder_name("swa-ldam_2.0") == "swa-ldam_2.0"
    assert metric_names(["forest", "forêt", "annual crop"]) == {
        "forest": "forest",
        "forêt": "forêt",
        "annual crop": "annual_crop",
    }
    assert setting_names(["optim.lr", "data.bands"]) == {"optim.lr": "optim.lr", "data.bands": "data.bands"}
    both = metric_names(["a b", "a_b"])
    assert both["a b"] != both["a_b"]
    assert all(name.startswith("a_b-") for name in both.values())


def test_a_long_text_is_cut_to_its_beginning_and_a_hash() -> None:
    assert cut("x" * 40, 40) == "x" * 40
    assert len(cut("x" * 41, 40)) == 40
    assert cut("x" * 50, 40) != cut("x" * 51, 40)


def test_a_url_tells_no_password() -> None:
    assert without_secrets("at https://me:secret@host:5000/x, and //me@b") == "at https://host:5000/x, and //b"
    assert without_secrets("mail me@host") == "mail me@host"
