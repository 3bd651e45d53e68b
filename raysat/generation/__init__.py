"""Synthetic patches: DC-GANs, their training, and how good what they make is."""
