"""Methods of one's own: what a plugin is, and what it may add to the families. ``extend.py`` is public."""
