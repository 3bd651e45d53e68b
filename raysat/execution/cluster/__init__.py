"""Ray itself: a cluster that is connected to, or one of this machine's own, and its end."""
