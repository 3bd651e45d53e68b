"""Synthetic patches: generators (DC-GAN, flow), their training, and how good what they make is."""
