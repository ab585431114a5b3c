"""Hugging Face's `datasets` without network, and without anything of the user's."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def hugging_face(cache: Path) -> Iterator[Any]:
    """The package `datasets`, its caches in a folder of the test."""
    os.environ.setdefault("HF_DATASETS_OFFLINE", "1")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import datasets

    datasets.disable_progress_bars()
    before = datasets.config.HF_DATASETS_CACHE
    datasets.config.HF_DATASETS_CACHE = cache
    try:
        yield datasets
    finally:
        datasets.config.HF_DATASETS_CACHE = before
