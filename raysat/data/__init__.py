"""Patch stores and the importers that make them."""
