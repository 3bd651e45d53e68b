"""Classify patches with an exported model, with onnxruntime and numpy alone: neither raysat nor PyTorch is needed.

    raysat export runs/quickstart --best --format onnx --out model
    python examples/classify_onnx.py model/model.onnx patches.npy

A patch is an array (bands, height, width), or several an array (n, bands, height, width), in the units that the model
was trained on: digital numbers as they are in the files, not normalised. The model says which bands it takes.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import onnxruntime


def main() -> None:
    """Print the classes of each patch, the most probable first."""
    options = _options()
    session = onnxruntime.InferenceSession(options.model, providers=["CPUExecutionProvider"])
    facts = session.get_modelmeta().custom_metadata_map
    classes, bands = json.loads(facts["classes"]), json.loads(facts["bands"])
    _, _, height, width = session.get_inputs()[0].shape

    patches = np.load(options.patches, allow_pickle=False)
    if patches.ndim == 3:
        patches = patches[None]
    if patches.shape[1:] != (len(bands), height, width):
        raise SystemExit(f"the model takes patches of {len(bands)} x {height} x {width}: bands {', '.join(bands)}")

    (probabilities,) = session.run(["probabilities"], {"patches": patches.astype(np.float32)})
    for number, of_patch in enumerate(probabilities):
        ranked = np.argsort(-of_patch, kind="stable")
        print(f"patch {number}: " + ", ".join(f"{classes[label]} {of_patch[label]:.3f}" for label in ranked))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Classify patches with a model that raysat exported as ONNX.")
    parser.add_argument("model", type=Path, help="model.onnx of an exported model")
    parser.add_argument("patches", type=Path, help="a .npy file, (bands, height, width) or (n, bands, height, width)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
