"""Importers: one file a format, each feeding the same checks on its way into a patch store."""
