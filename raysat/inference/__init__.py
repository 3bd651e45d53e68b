"""Trained models in use: read back from a run, and applied to patches. Knows nothing of Ray."""
