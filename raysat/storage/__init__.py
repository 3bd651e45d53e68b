"""The only package that knows how a run lies on disk: records, checkpoints, artifacts, locks, atomic writes."""
