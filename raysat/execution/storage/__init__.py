"""How a run's files are reached: by workers wherever they are, and by the driver beside the run."""
