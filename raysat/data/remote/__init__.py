"""Patch stores that lie elsewhere: copied whole into the node's cache, or read by range where they do not fit."""
