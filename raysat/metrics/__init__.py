"""Metrics of imbalanced classification: from a confusion matrix, from probabilities; and what a test can show."""
