"""Names that every tracker takes, of texts that may be anything: arms, classes, settings.

TensorBoard makes folders of them, MLflow refuses signs and more than 250 characters, W&B reads some signs as its own.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from typing import Final

_LONGEST: Final = 80  # characters: three parts fit MLflow's 250
_NOT_OF_A_FOLDER: Final = re.compile(r"[^A-Za-z0-9._-]+")
_NOT_OF_A_METRIC: Final = re.compile(r"[^\w-]+")  # a dot is a level in W&B
_NOT_OF_A_SETTING: Final = re.compile(r"[^\w.-]+")
_SECRETS: Final = re.compile(r"//[^/@\s]+@")  # user and password of a URL


def folder_name(text: str) -> str:
    """A safe folder's name; of a text that is none itself with a part of its hash, so that no two have one."""
    short = _NOT_OF_A_FOLDER.sub("_", text)[:_LONGEST].strip("._-")
    return short if short == text != "" else f"{short or 'arm'}-{_digest(text)}"


def metric_names(texts: Iterable[str]) -> dict[str, str]:
    """Parts of metrics' names, of letters, digits, ``_`` and ``-``; with a part of the hash where two are alike."""
    return _distinct(texts, _NOT_OF_A_METRIC)


def setting_names(texts: Iterable[str]) -> dict[str, str]:
    """Names of settings by their keys, which may have dots."""
    return _distinct(texts, _NOT_OF_A_SETTING)


def cut(text: str, longest: int) -> str:
    """A text of at most so many characters; of a longer one the beginning and a part of its hash."""
    return text if len(text) <= longest else f"{text[: longest - 10]}…-{_digest(text)}"


def without_secrets(text: str) -> str:
    """A text without the users and passwords of the URLs in it."""
    return _SECRETS.sub("//", text)


def _distinct(texts: Iterable[str], refused: re.Pattern[str]) -> dict[str, str]:
    texts = dict.fromkeys(texts)
    plain = {text: refused.sub("_", unicodedata.normalize("NFC", text)).strip(".") or "_" for text in texts}
    number = Counter(name.casefold() for name in plain.values())
    return {
        text: name if len(name) <= _LONGEST and number[name.casefold()] == 1 else f"{name[:_LONGEST]}-{_digest(text)}"
        for text, name in plain.items()
    }


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
