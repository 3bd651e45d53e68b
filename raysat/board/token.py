"""The secret in a board's address: whoever has it may read the page, and nobody else on the machine."""

from __future__ import annotations

import secrets
from typing import Final

_BYTES: Final = 24  # of randomness: none that anybody can guess


def new_token() -> str:
    """Make a token that fits a path of a URL."""
    return secrets.token_urlsafe(_BYTES)


def is_token(given: str, token: str) -> bool:
    """Whether a text is the token; takes as long wherever it differs."""
    return secrets.compare_digest(given.encode("utf-8", "surrogateescape"), token.encode())
