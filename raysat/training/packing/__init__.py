"""How many trainings a device holds side by side, and how fast they then are: measured in processes of their own."""
