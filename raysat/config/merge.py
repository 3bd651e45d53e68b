"""One configuration tree laid over another, key by key.

Another ``kind`` of a family keeps the keys that it has too: SGD in place of Adam keeps the number of epochs, a constant
schedule keeps nothing of a triangular one. A model of timm has a name and no kind: a name is another kind than a
plugin's.
"""

from __future__ import annotations

from typing import Any, Final

from raysat.config.schema import Config, variants
from raysat.config.yaml_source import YamlValue

DEFAULTS: Final = YamlValue(Config().model_dump(mode="json"))
# A section that leaves ``kind`` out means the default member of its family.
DEFAULT_KINDS: Final = YamlValue(
    {name: {"kind": section["kind"]} for name, section in DEFAULTS.value.items() if "kind" in section}
)


def override(base: YamlValue, over: YamlValue) -> YamlValue:
    """Merge ``over`` into ``base``; where it names another kind, drop the keys that this kind does not have."""
    kept = dict(base.value)
    for section, new in over.value.items():
        old = kept.get(section)
        if isinstance(old, dict) and isinstance(new, dict) and (kind := _other_kind(section, old, new)) is not None:
            member = variants(section).get(kind) if section in Config.model_fields else None
            kept[section] = {
                key: value for key, value in old.items() if member and key in member.model_fields and key != "plugin"
            }
    return YamlValue(kept, base.locations, base.origin).merge(over)


def _other_kind(section: str, old: dict[str, Any], new: dict[str, Any]) -> str | None:
    """The kind that a section becomes, where that is another one; empty for a model of timm."""
    if "kind" in new:
        return str(new["kind"]) if new["kind"] != old.get("kind") else None
    return "" if section == "model" and "kind" in old and "name" in new else None
