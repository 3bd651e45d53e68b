"""Trained models as files for others: weights, programs for PyTorch and ONNX, a STAC item; one file a format."""
