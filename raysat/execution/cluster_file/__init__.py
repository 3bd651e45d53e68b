"""The file that ``ray up`` takes: what is wrong in it, and what a study would cost on its machines."""
