"""One configuration tree laid over another, key by key.

Another ``kind`` of a family keeps the keys that it has too: SGD in place of Adam keeps the number of epochs, a constant
schedule keeps nothing of a triangular one.
"""

from __future__ import annotations

from typing import Final

from raysat.config.schema import Config, members
from raysat.config.yaml_source import Located

DEFAULTS: Final = Located(Config().model_dump(mode="json"))
# A section that leaves ``kind`` out means the default member of its family.
DEFAULT_KINDS: Final = Located(
    {name: {"kind": section["kind"]} for name, section in DEFAULTS.value.items() if "kind" in section}
)


def override(base: Located, over: Located) -> Located:
    """Merge ``over`` into ``base``; where it names another kind, drop the keys that this kind does not have."""
    kept = dict(base.value)
    for section, new in over.value.items():
        old = kept.get(section)
        if (
            not isinstance(old, dict)
            or not isinstance(new, dict)
            or new.get("kind", old.get("kind")) == old.get("kind")
        ):
            continue
        member = members(section).get(str(new["kind"])) if section in Config.model_fields else None
        kept[section] = {key: value for key, value in old.items() if member and key in member.model_fields}
    return Located(kept, base.places, base.origin).merge(over)
