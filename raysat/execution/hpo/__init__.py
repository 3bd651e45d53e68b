"""Search for hyperparameters on Ray: candidates by Optuna, early stopping by ASHA."""
