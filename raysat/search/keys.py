"""The keys of a search file, and what each says. ``schema.py`` says how they are written."""

from __future__ import annotations

from typing import Final

from raysat.search.options import SearchOptions
from raysat.study.keys import STUDY_KEYS

SEARCH_KEYS: Final = {
    "study": STUDY_KEYS["study"],
    "base": "The configuration to beat, which is the first candidate; what it leaves out has its default.",
    "seeds": "The one random seed that trains every candidate; [0] by default. The best are confirmed with others.",
    "plugins": STUDY_KEYS["plugins"],
    "search": "The parameters: each a section or a dotted key, with a distribution of its values. Laid over base, they "
    "make a candidate. One that only some kinds of its section have is suggested where such a kind is.",
    **{key: str(field.description) for key, field in SearchOptions.by_key().items()},
}
