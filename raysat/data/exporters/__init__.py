"""Exporters: one file a layout that other tools read; ``write.py`` calls them."""
