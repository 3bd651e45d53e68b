"""The result of a search as a study file: base and the best candidates as arms, for a paired confirmation."""

from __future__ import annotations

import io
import itertools
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from raysat.config.diff import changes
from raysat.config.schema import Config
from raysat.search.load import Search
from raysat.search.log import BASE, Candidate, Log


def best_candidates(search: Search, log: Log) -> list[Candidate]:
    """The finished candidates that the study confirms beside the base, best first."""
    finished = [candidate for candidate in log.ranked() if candidate.val is not None and candidate.number != BASE]
    return finished[: search.options.confirm.best]


def confirming_study(search: Search, log: Log) -> str:
    """Write the study: arms ``base`` and ``best-1`` ..., with seeds that the search has not used.

    The search's own seed is left out: its candidates were chosen for what they scored with it.
    """
    seeds = itertools.islice((seed for seed in itertools.count() if seed != search.seed), search.options.confirm.seeds)
    base = next((candidate for candidate in log.candidates if candidate.number == BASE), None)
    arms = CommentedMap()
    arms["base"] = _flow(CommentedMap())
    if base:
        arms.yaml_set_comment_before_after_key("base", before=_score(base, log), indent=2)
    for rank, candidate in enumerate(best_candidates(search, log), start=1):
        arms[f"best-{rank}"] = _difference(candidate.config, search.base)
        comment = f"candidate {candidate.number}: {_score(candidate, log)}"
        arms.yaml_set_comment_before_after_key(f"best-{rank}", before=comment, indent=2)
    study = CommentedMap(
        study=f"{search.name}-confirm",
        base=_difference(search.base, Config()),
        seeds=_flow(CommentedSeq(seeds)),
        arms=arms,
    )
    if search.plugins:
        study["plugins"] = _flow(CommentedSeq(search.plugins))
    study.yaml_set_start_comment(
        f"The best of the search {search.name!r}: {len(log.ended)} candidates, one training seed ({search.seed}).\n"
        "They were chosen for their val figures below, which are therefore too high; other seeds decide:\n"
        "  raysat ablate --space THIS_FILE --data STORE\n"
    )
    text = io.StringIO()
    yaml = YAML(typ="rt", pure=True)
    yaml.width = 110
    yaml.dump(study, text)
    return text.getvalue()


def _score(candidate: Candidate, log: Log) -> str:
    if candidate.val is None:
        return candidate.state
    n = f"n = 1 seed, {log.patches['val']} patches"
    return f"val balanced accuracy {candidate.val.balanced_accuracy:.3f}, ICV {candidate.val.icv:.4f} ({n})"


def _difference(config: Config, base: Config) -> CommentedMap:
    """The override that makes ``config`` of ``base``, nested, with the kind of a section first."""
    over = CommentedMap()
    for name, value in changes(config, base).items():
        section, _, key = name.partition(".")
        keys = over.setdefault(section, _flow(CommentedMap()))
        written = _flow(CommentedSeq(value)) if isinstance(value, list) else value
        keys.insert(0 if key == "kind" else len(keys), key, written)
    return over


def _flow(node: Any) -> Any:
    node.fa.set_flow_style()
    return node
