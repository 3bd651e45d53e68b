"""A DC-GAN: its two networks, what its discriminator sees, and its training."""
