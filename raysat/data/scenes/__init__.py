"""Scenes: whole rasters that chips are cut from and maps are made of, read window by window."""
