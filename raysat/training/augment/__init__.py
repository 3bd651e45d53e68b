"""Augmentation as batched tensor operations on any number of bands."""
