"""A search for hyperparameters: its file, its parameters, its log, and the study that confirms it."""
