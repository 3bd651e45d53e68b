"""raysat: which method really helps the rare classes of multispectral imagery, and by how much?"""

__version__ = "0.1.0"
