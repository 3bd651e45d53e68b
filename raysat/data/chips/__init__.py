"""Chips: patches cut from scenes where labels lie, by points, polygons or a raster of classes."""
