"""Imports imagededup's perceptual hashing without the neural half of that package.

    pip install scikit-learn PyWavelets matplotlib; pip install --no-deps imagededup

Its `methods` package imports a CNN and with it torchvision, which has no place beside our torch and
takes no part in what is measured: so the package is stood in for by an empty one, and the module of
the hashes is imported from inside it.
"""

import importlib
import importlib.util
import sys
import types
from pathlib import Path
from typing import Any


def perceptual_hash() -> Any:
    """An encoder of imagededup: `encode_images(image_dir=…)`, `find_duplicates(encoding_map=…)`."""
    name = "imagededup.methods"
    if name not in sys.modules:
        spec = importlib.util.find_spec("imagededup")
        if spec is None or spec.origin is None:
            sys.exit("The peer is missing: see the top of bench/imagededup_alone.py")
        package = types.ModuleType(name)
        package.__path__ = [str(Path(spec.origin).parent / "methods")]
        sys.modules[name] = package
    return importlib.import_module(f"{name}.hashing").PHash(verbose=False)
