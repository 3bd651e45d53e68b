"""Generators that ``generators.py`` compares with raysat's DC-GAN."""
