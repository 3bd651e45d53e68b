"""What a new user does wrong in a study file: one line with file, line and the wrong word, and a hint.

Through the real command, on a store with the bands B2, B5 and B6 of Landsat 8 and the classes a, b and c.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from raysat.data.store import PatchStore

GRID = "grid:\n  loss: [{kind: cross_entropy}, {kind: ldam}]\n"
# The text, the line of the mistake, what the error says, and what the hint says.
MISTAKES = {
    # keys
    "section": ("base:\n  optimm: {lr: 0.1}", 2, "unknown key 'optimm'", "did you mean 'optim'?"),
    "key": ("base:\n  optim:\n    epoch: 3", 3, "unknown key 'optim.epoch'", "did you mean 'epochs'?"),
    "another word": ("base:\n  optim: {learning_rate: 0.1}", 2, "'optim.learning_rate'", "did you mean 'lr'?"),
    "key of another kind": ("base:\n  optim: {momentum: 0.9}", 2, "'optim.momentum'", "sgd has it: write optim.kind"),
    "key of several kinds": ("base:\n  reweight: {beta: 0.9}", 2, "'reweight.beta'", "effective_number and drw have"),
    "key of no kind": ("base:\n  loss: {kind: ldam, weight: 2}", 2, "'loss.weight'", "known: kind, max_margin, scale"),
    "top key": ("base: {}\nseed: 3", 2, "unknown key 'seed'", "did you mean 'seeds'?"),
    "capital": ("Base:\n  optim: {lr: 0.1}", 1, "unknown key 'Base'", "did you mean 'base'?"),
    "epochs at the top": ("base: {}\nepochs: 3", 2, "unknown key 'epochs'", "did you mean 'optim.epochs', under base"),
    "epochs in base": ("base:\n  epochs: 3", 2, "unknown key 'epochs'", "did you mean 'optim.epochs', under base"),
    "loss at the top": ("loss: {kind: ldam}", 1, "unknown key 'loss'", "put it under base, or under an arm"),
    "data at the top": ("data: store\nbase: {}", 1, "unknown key 'data'", "name the patches by --data"),
    "arms in base": ("base:\n  arms: {a: {}}", 2, "'arms' stands within base", "at the left margin, beside base"),
    # kinds
    "kind": ("base:\n  loss: {kind: cross-entropy}", 2, "got 'cross-entropy'", "did you mean 'cross_entropy'?"),
    "kind in capitals": ("arms:\n  a: {loss: {kind: LDAM}}", 2, "got 'LDAM'", "did you mean 'ldam'?"),
    "several kinds": ("base:\n  loss: {kind: [ldam, focal]}", 2, "got ['ldam', 'focal']", "with arms or a grid"),
    "kind alone": ("base:\n  loss: ldam", 2, "loss must be a mapping, got 'ldam'", "write loss: {kind: ldam}"),
    "kind alone, misspelt": ("base:\n  loss: ldma", 2, "got 'ldma'", "write loss: {kind: ldam}"),
    "true for a kind": ("base:\n  average: true", 2, "got True", "write average: {kind: ...}, of none, swa, ema"),
    "model alone": ("base:\n  model: resnet18", 2, "model must be a mapping", "write model: {name: resnet18}"),
    "stem": ("base:\n  model: {stem: adaptor}", 2, "must be 'native' or 'adapter', got 'adaptor'", "'adapter'?"),
    # mappings and lists
    "empty section": ("base:\n  loss:", 2, "loss must be a mapping, got None", "or leave loss out"),
    "section as a list": ("base:\n  loss: [ldam, focal]", 2, "got ['ldam', 'focal']", "compare several with arms"),
    "arms as a list": ("arms:\n  - {loss: {kind: ldam}}", 1, "'arms' must be a mapping", "name each arm, such as"),
    "arm as a text": ("arms:\n  a: ldam", 2, "'a' must be a mapping, got 'ldam'", "such as {loss: {kind: ldam}}"),
    "base as a list": ("base:\n  - optim", 1, "'base' must be a mapping", "such as base: {optim: {epochs: 40}}"),
    "no arms below": ("arms:\nbase: {}", 1, "'arms' is empty", "indent what belongs to it"),
    "axis of one": ("grid:\n  loss: {kind: ldam}", 2, "axis 'loss' needs a list", "write loss: [{kind: ldam}, ...]"),
    "axis of a number": ("grid:\n  optim.lr: 0.1", 2, "axis 'optim.lr' needs a list", "write optim.lr: [0.1, ...]"),
    "nested axis": ("grid:\n  optim:\n    lr: [0.1, 0.2]", 2, "axis 'optim' needs a list", "optim.lr: [...]"),
    "axis of kinds": ("grid:\n  loss: [cross_entropy, ldam]", 2, "got 'cross_entropy'", "{kind: cross_entropy}"),
    "rule as a mapping": (GRID + "exclude:\n  loss.kind: ldam", 3, "'exclude' must be a list", "begin each of them"),
    "rule of nothing": (GRID + "exclude:\n  - {loss.kind: focal}", 4, "matches no combination", "not 'focal'"),
    # values
    "number in quotes": ("base:\n  optim: {lr: '1e-4'}", 2, "must be a number, got '1e-4'", "without quotes: 1e-4"),
    "decimal comma": ("base:\n  optim:\n    lr: 0,1", 3, "must be a number, got '0,1'", "write it with a point: 0.1"),
    "percent": ("base:\n  reweight: {kind: drw, switch: 80%}", 2, "got '80%'", "write it as a fraction: 0.8"),
    "epoch for a fraction": ("base:\n  reweight: {kind: drw, switch: 32}", 2, "<= 1, got 32", "32 of 40 epochs is 0.8"),
    "word for a number": ("base:\n  optim: {lr: high}", 2, "must be a number, got 'high'", "such as 0.001 or 1e-3"),
    "no": ("base:\n  model: {pretrained: No}", 2, "must be true or false, got 'No'", "write false"),
    "epochs of zero": ("base:\n  optim: {epochs: 0}", 2, "optim.epochs must be >= 1, got 0", "set it to 1 or more"),
    "epochs with a point": ("base:\n  optim: {epochs: 40.0}", 2, "a whole number, got 40.0", "write 40"),
    "no value": ("base:\n  optim: {epochs: }", 2, "a whole number, got None", "give epochs a value, or leave it out"),
    "negative rate": ("base:\n  optim: {lr: -0.1}", 2, "optim.lr must be >= 1e-12, got -0.1", "1e-12 or more"),
    "one milestone": ("base:\n  schedule: {kind: multistep, milestones: 0.5}", 2, "must be a list, got 0.5", "[0.5]"),
    "seeds in quotes": ('base: {}\nseeds: "3"', 2, "got '3'", "such as seeds: 5, which is seeds: [0, 1, 2, 3, 4]"),
    "seeds as a range": ("base: {}\nseeds: 0-4", 2, "got '0-4'", "such as seeds: 5"),
    "study as a number": ("study: 2024", 1, "'study' must be text, got 2024", 'quote it: study: "2024"'),
    "study as a path": ("study: a/b", 1, "study 'a/b' cannot name a folder", "letters"),
    "arm as a number": ("arms:\n  1: {}", 2, "arm 1 must be named by text", 'quote its name: "1":'),
    "arm twice": ("arms:\n  a: {}\n  a: {loss: {kind: ldam}}", 3, 'duplicate key "a"', "name each key once"),
    # what only the store or timm knows
    "composite": ("base:\n  data: {bands: natral}", 2, "unknown band composite 'natral'", "did you mean 'natural'?"),
    "bands as a text": ("base:\n  data:\n    bands: 6-5-2", 3, "composite '6-5-2'", "write a list of bands: [6, 5, 2]"),
    "band": ("arms:\n  a: {}\n  b: {data.bands: [B2, B7]}", 3, "band 'B7' is not in the store", "store has B2, B5, B6"),
    "dropped band": ("base:\n  data: {drop: [9]}", 2, "dropped band 'B9' is not among", "drop bands that are selected"),
    "class": ("base:\n  synthetic: {kind: dcgan, classes: [built]}", 2, "no class 'built'", "0 a, 1 b, 2 c"),
    "model": ("base:\n  model: {name: resnet81}", 2, "timm knows no model 'resnet81'", "'resnet18'"),
    "batch": ("base:\n  optim: {batch_size: 64}", 2, "optim.batch_size is 64", "set optim.batch_size to"),
    "reference": ("base: {}\nreference: tabel2", 2, "unknown reference 'tabel2'", "did you mean 'table2'?"),
    # the form of the file
    "tab": ("base:\n\toptim: {lr: 0.1}", 2, "a tab stands where only spaces may", "indent with spaces"),
    "colon": ("base\n  optim: {lr: 0.1}", 2, "a colon stands where no key can be", "missing at the end of line 1?"),
    "colon inside": ("base:\n  optim: {lr: 1}\n  loss {kind: ldam}", 3, "unknown key 'loss {kind'", "write 'loss', a"),
    "space": ("base:\n  optim:\n    lr:0.1", 2, "got 'lr:0.1'", "put a space after the colon: lr: 0.1"),
    "space in braces": ("base:\n  optim: {lr:0.1}", 2, "unknown key 'optim.lr:0'", "write 'lr', a colon and a space"),
    "brace": ("base:\n  optim: {lr: 0.1\n  loss: {kind: ldam}", 2, "'{' here is not closed before line 3", "with '}'"),
    "bracket": ("base:\n  data: {bands: [6, 5, 2}", 2, "the '[' here is not closed", "close it with ']'"),
    "quote": ("study: 'x\nbase: {}", 1, "a quote is opened here and not closed", "the same quote"),
    "indentation": ("base:\n  optim: {lr: 1}\n loss: {kind: ldam}", 3, "fits none of the lines", "number of spaces"),
    "deeper": ("base:\n  optim:\n    lr: 0.1\n     epochs: 3", 4, "a colon stands where no key", "indent it as line 3"),
    "colon in a name": ("arms:\n  LDAM: DRW: {}", 2, "a colon stands where no key", "quote a name that holds a colon"),
    "name with a sign": ("arms:\n  @a: {}", 2, "nothing can begin with '@'", "quote a name"),
    "name with a star": ("arms:\n  *a: {}", 2, "begins with '*'", "quote a name"),
    "no study": ("hello", 1, "a study is a mapping of keys", "its keys are study, base"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_with_its_place_and_a_hint(
    raysat: Callable[..., Any], landsat_store: PatchStore, tmp_path: Path, mistake: str
) -> None:
    text, line, said, hint = MISTAKES[mistake]
    space = tmp_path / "study.yaml"
    space.write_text(text + "\n", encoding="utf-8")
    result = raysat("plan", "--space", space, "--data", landsat_store.path, "--out", tmp_path / "runs")
    assert (result.code, result.out) == (2, ""), result
    error, advice = result.err.splitlines()
    assert error.startswith(f"error: {space}:{line}: ")
    assert said in error
    assert advice.startswith("hint: ")
    assert hint in advice


OPTIONS = {
    "no equals sign": (["--set", "optim.lr"], "--set optim.lr: write it as key=value", "--set model.name=resnet50"),
    "key": (["--set", "optim.lrr=3"], "--set optim.lrr: unknown key 'optim.lrr'", "did you mean 'lr'?"),
    "no section": (["--set", "lr=3"], "--set lr: unknown key 'lr'", "did you mean 'optim.lr'"),
    "word": (["--set", "optim.lr=0,1"], "--set optim.lr: optim.lr must be a number, got '0,1'", "with a point: 0.1"),
    "kind": (["--set", "loss=ldam"], "--set loss: loss must be a mapping", "write loss: {kind: ldam}"),
    "bands": (["--set", "data.bands=6,5,2"], "--set data.bands: data.bands: unknown band composite", "[6, 5, 2]"),
    "epochs": (["--epochs", "0"], "--epochs must be a whole number from 1 to 10,000, got 0", "within these bounds"),
    "seeds": (["--seeds", "9"], "--seeds 9: the study has 1", "list more seeds"),
}


@pytest.mark.parametrize("mistake", OPTIONS)
def test_a_mistake_in_an_option_names_the_option(
    raysat: Callable[..., Any], landsat_store: PatchStore, tmp_path: Path, mistake: str
) -> None:
    words, said, hint = OPTIONS[mistake]
    space = tmp_path / "study.yaml"
    space.write_text("base: {}\n", encoding="utf-8")
    result = raysat("plan", "--space", space, "--data", landsat_store.path, *words)
    assert (result.code, result.out) == (2, ""), result
    error, advice = result.err.splitlines()
    assert error.startswith(f"error: {said}")
    assert hint in advice
