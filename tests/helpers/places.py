"""Patches that lie somewhere."""

from raysat.data.places import Place, SceneRef


def lying(at, *, crs="EPSG:4326", names=(None,), pixel_size=None):
    """Places (x, y), of scenes of these names in turn."""
    return [
        Place(scene=SceneRef(name=names[row % len(names)], crs=crs), x=x, y=y, pixel_size=pixel_size)
        for row, (x, y) in enumerate(at)
    ]
