"""Broken files by structure, and every reader that meets them: what ``fuzz.py`` runs."""
