"""Maps from whole scenes: windows of a scene classified, averaged into cells and written as GeoTIFFs."""
