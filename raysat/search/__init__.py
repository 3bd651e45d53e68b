"""A search for hyperparameters: its file, its parameters, its log, and the study that confirms it."""

from typing import Final

LOG_FILE: Final = "search.json"  # what a search has tried; no run of a study has one
