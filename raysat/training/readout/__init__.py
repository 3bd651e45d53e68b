"""Readouts: how a trained network's scores become a trial's, fitted after training and applied wherever it is used."""
