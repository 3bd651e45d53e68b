"""The keys of a study file, and what each says. ``schema.py`` says how they are written."""

from __future__ import annotations

from typing import Final

STUDY_KEYS: Final = {
    "study": "Name of the study, which names the folder of its run; the file's name where it is left out.",
    "base": "The configuration that every arm starts from; what it leaves out has its default.",
    "seeds": "The random seeds that every arm is trained with: a list, or a number n for 0 to n-1; [0] by default. A "
    "paired test needs some 5 to 20: raysat plan says what so many can show.",
    "arms": "Named configurations to compare, each an override of base: only what differs, as sections or dotted keys. "
    "Another kind of a section keeps the keys that it has too.",
    "grid": "Axes, each a section or a dotted key with a list of values: one arm for each combination.",
    "zip": "Groups of axes whose values move together, first with first; each group is one more axis of the grid.",
    "exclude": "Combinations of the grid to leave out: each rule names keys and values that a combination must have.",
    "stores": "Patch stores to train every arm on, two or more, as --data takes them: a run each, STUDY-STORE, which "
    "raysat across compares. Without, the study is of one store, that of --data.",
    "folds": "Train every arm on each fold of the store of --data: how many, which keep the groups that it knows (else "
    "blocks of 10 km) together, or {number, block, buffer, val, seed}. A run each, STUDY-fold-1 and so on, which "
    "raysat across compares.",
    "plugins": "Plugins of installed packages that have methods which the study names, by their entry points' names; "
    "a plugin that is a file is named by raysat ablate --plugin.",
    "compare": "Contrasts that are planned: an arm (with the reference), a pair [arm, to], or {arm, to, metric}; in "
    "balanced_accuracy unless another metric is named. Holm corrects them among themselves; the rest is exploratory.",
    "tune": "Tune each arm first, by per_arm trials judged on val, the first as it is written: over settings with "
    "values as in a search. The arms as tuned are then compared over the seeds, beside those as written. rounds: 3 "
    "leaves the worse half of each arm's trials behind after trainings of a quarter of the epochs, and again of half.",
    "reference": "Published rows to show beside the arms of the same names: table1 or table2 of Rawal & Pradhan 2020.",
}
