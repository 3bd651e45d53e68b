"""Plain PyTorch training of one trial; knows nothing of Ray."""
