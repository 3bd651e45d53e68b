"""A flow from the Gaussian of a class to its patches: the field, the network, and its training."""
