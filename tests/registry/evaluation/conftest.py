"""Versions of every kind for the tiny base, and a studio that has it loaded."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from sdxl_reg.evaluation.studio import Studio
from sdxl_reg.jobs.spec import VersionSpec
from tests.registry.evaluation.jobs import job, version
from tests.registry.evaluation.versions import (
    checkpoint_file,
    embedding_file,
    hypernetwork_file,
    lora_file,
)

ALL_PARTS = ("unet", "text_encoder", "text_encoder_2")


@pytest.fixture(scope="session")
def versions(
    tiny_base: Path, tiny_loras: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, VersionSpec]:
    """`lora@1` and `@2` change the texts too, `unet@1` does not; two of every other kind."""
    folder = tmp_path_factory.mktemp("versions")
    found = [
        version("lora@1", tiny_loras[0]),
        version("lora@2", tiny_loras[1]),
        version("unet@1", lora_file(folder, tiny_base)),
    ]
    for seed in (1, 2):
        hyper = hypernetwork_file(folder, seed=seed)
        whole = checkpoint_file(folder, tiny_base, parts=ALL_PARTS, seed=seed)
        found += [
            version(f"wug@{seed}", embedding_file(folder, seed=seed), "embedding"),
            version(f"hyper@{seed}", hyper, "hypernetwork"),
            version(f"whole@{seed}", whole, "checkpoint"),
        ]
    return {one.ref: one for one in found}


@pytest.fixture(scope="module")
def studio(tiny_base: Path, versions: Mapping[str, VersionSpec]) -> Studio:
    """Of a job on the tiny base that knows all versions."""
    return Studio(job(tiny_base, versions))
