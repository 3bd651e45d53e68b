"""Sends a run's trials to experiment trackers, from what its storage holds: it never touches the training."""
