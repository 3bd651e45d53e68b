"""Corruptions of multispectral patches, by name and severity; ``data/corruptions.py`` says what each does and why."""
