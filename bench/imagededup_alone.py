"""Imports imagededup's perceptual hashing without the neural half of that package.

    pip install scikit-learn PyWavelets matplotlib; pip install --no-deps imagededup

Its `methods` package imports a CNN and with it torchvision, which has no place beside our torch and
takes no part in what is measured: so its packages are stood in for by empty ones, and the
module of the hashes is imported from inside them.
"""

import importlib
import importlib.util
import sys
import types
from pathlib import Path
from typing import Any

_PACKAGES = ("", ".methods", ".utils", ".handlers", ".handlers.search", ".handlers.metrics")


def perceptual_hash() -> Any:
    """An encoder of imagededup: `encode_images(image_dir=…)`, `find_duplicates(encoding_map=…)`."""
    if "imagededup.methods.hashing" in sys.modules:
        return sys.modules["imagededup.methods.hashing"].PHash(verbose=False)
    spec = importlib.util.find_spec("imagededup")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("The peer is missing: see the top of bench/imagededup_alone.py")
    root = Path(next(iter(spec.submodule_search_locations)))
    for name in _PACKAGES:
        package = types.ModuleType(f"imagededup{name}")
        package.__path__ = [str(root.joinpath(*name.split(".")[1:]))]
        sys.modules.setdefault(package.__name__, package)
    return importlib.import_module("imagededup.methods.hashing").PHash(verbose=False)
