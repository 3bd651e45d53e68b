"""What people, programs and attackers write where another value belongs."""

from __future__ import annotations

import copy
import random
import string
from typing import Any, Final

NUMBERS: Final = (
    0, 1, -1, 2, 3, 255, 256, 257, 65535, 65536, 2**31 - 1, 2**31, 2**32, 2**53 + 1, 2**63 - 1, 2**63, 2**64, -(2**63),
    10**9, 10**12, 10**18, 10**30, 10**400, 0.0, -0.0, 0.5, 1.5, 1e-320, 1e-300, 1e-12, 1e3, 1e300,
    float("inf"), float("-inf"), float("nan"),
)  # fmt: skip
TEXTS: Final = (
    "", " ", "no", "yes", "true", "null", "~", "0", "1e5", "nan", "-", ".", "..", "../../etc/passwd", "/etc/passwd",
    "/dev/zero", "a\0b", "a\nb", "\x1b]0;t\x07", "\u202eabc", "\u200b", "\ufeff", "é", "e\u0301", "ﬁ", "草原",
    "A" * 101, "x" * 10_000, "<script>alert(1)</script>", "=1+1", "@SUM(A1)", "{{7*7}}", "${x}", "%s%n", "{--seeds}",
    "\\input{x}", "|`[", "http://x.invalid/a", "/vsicurl/http://x.invalid/a.tif", "~nosuchuser/x", "C:\\x",
)  # fmt: skip


def scalar(rng: random.Random) -> Any:
    """A value of one of the kinds that JSON and YAML know."""
    match rng.randrange(6):
        case 0 | 1:
            return rng.choice(NUMBERS)
        case 2 | 3:
            return rng.choice(TEXTS)
        case 4:
            return rng.choice((None, True, False))
    return "".join(rng.choices(string.printable, k=rng.randrange(1, 30)))


def value(rng: random.Random, depth: int = 0) -> Any:
    """A value of any kind, lists and mappings among them."""
    kind = rng.randrange(10 if depth < 3 else 6)
    if kind < 6:
        return scalar(rng)
    if kind < 8:
        return [value(rng, depth + 1) for _ in range(rng.randrange(4))]
    return {str(scalar(rng)): value(rng, depth + 1) for _ in range(rng.randrange(4))}


def mutate_tree(rng: random.Random, tree: Any) -> Any:
    """Return a tree of lists and mappings with one place of it replaced, removed, doubled, renamed or buried."""
    places = list(_places(tree))
    if not places:
        return value(rng)
    holder, key = rng.choice(places)
    match rng.randrange(8):
        case 0 | 1 | 2 | 3:
            holder[key] = value(rng)
        case 4:
            del holder[key]
        case 5 if isinstance(holder, list):
            holder.insert(rng.randrange(len(holder) + 1), copy.deepcopy(rng.choice(holder)))
        case 5:
            holder[str(scalar(rng))] = holder.pop(key)
        case 6:
            holder[key] = [holder[key]] if rng.random() < 0.5 else {"x": holder[key]}
        case _:
            other, of = rng.choice(places)
            holder[key] = copy.deepcopy(other.get(of)) if isinstance(other, dict) else None
    return tree


def _places(tree: Any) -> Any:
    """Yield every place of a tree: what holds it, and its key there."""
    if isinstance(tree, dict | list):
        for key in list(tree) if isinstance(tree, dict) else range(len(tree)):
            yield tree, key
            yield from _places(tree[key])
