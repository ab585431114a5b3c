"""Telling a file's kind and family from its header: no tensor is read and nothing is unpickled.

Source: the key layouts of sd-scripts, LyCORIS, peft, A1111 and the Stability AI releases; the
widths are those of the text that a U-Net's cross-attention reads.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from sdxl_reg.errors import UsageError
from sdxl_reg.formats.checkpoint import SGM_UNET, is_sdxl_single_file
from sdxl_reg.formats.hypernetwork_weights import family_of, widths_in
from sdxl_reg.formats.lora.keys import ALPHA, SPELLINGS, parted
from sdxl_reg.formats.pickle_machine import TensorOutline
from sdxl_reg.formats.pickles import outline
from sdxl_reg.formats.safetensors import Header, read_header
from sdxl_reg.vocabulary import ArtifactKind

FAMILY_BY_WIDTH = {768: "sd1", 1024: "sd2", 1280: "sdxl-refiner", 2048: "sdxl"}
UNKNOWN = "unknown"
SDXL_EMBEDDINGS = (("clip_l", "clip_g"), ("text_encoders_0", "text_encoders_1"))
"""Keys of an embedding's vectors for the first and the second text encoder: those of sd-scripts,
A1111 and ComfyUI, and those of diffusers' advanced training."""
_MATRICES = [re.escape(ending) for ending, suffix in SPELLINGS.items() if suffix != ALPHA]
_LORA = re.compile(rf"^lora_(unet|te\d?)_|({'|'.join(_MATRICES)})$")
_READING = (
    *("lora_down.weight", "hada_w1_b"),
    *("lokr_w1", "lokr_w1_b", "lokr_w2", "lokr_w2_b"),  # LoKr's two factors share the width
)
_SDXL_ONLY = re.compile(r"^lora_te2_|^text_encoder_2\.|transformer_blocks[_.]([2-9]|\d\d)[_.]")


@dataclass(frozen=True, kw_only=True)
class FileIdentity:
    """What a file is.

    Attributes:
        kind: Of artifact.
        family: `sdxl`, `sdxl-refiner`, `sd1`, `sd2` or `unknown`.
    """

    kind: ArtifactKind
    family: str


def identify(path: Path) -> FileIdentity:
    """The kind and family of a `.safetensors` file.

    Raises:
        NotFound: There is no such file.
        Corrupt: It is no safetensors file.
        UsageError: Its keys are of no kind that is known.
    """
    header = read_header(path)
    names = set(header.tensors)
    if any(_LORA.search(name) for name in names):
        return FileIdentity(kind=ArtifactKind.LORA, family=_lora_family(header))
    if any(names.issuperset(pair) for pair in SDXL_EMBEDDINGS):
        return FileIdentity(kind=ArtifactKind.EMBEDDING, family="sdxl")
    if "emb_params" in names:
        width = header.tensors["emb_params"].shape[-1]
        return FileIdentity(kind=ArtifactKind.EMBEDDING, family=FAMILY_BY_WIDTH.get(width, UNKNOWN))
    if any(name.startswith("hypernet.") for name in names):
        return FileIdentity(kind=ArtifactKind.HYPERNETWORK, family=family_of(widths_in(names)))
    if any(name.startswith(SGM_UNET) for name in names):
        return FileIdentity(kind=ArtifactKind.CHECKPOINT, family=_checkpoint_family(header))
    raise UsageError(
        f"{path}: its {len(names)} keys belong to no kind that is known",
        remedy="Give a LoRA, an embedding, a hypernetwork or a single-file checkpoint",
    )


def identify_pickled(path: Path) -> FileIdentity:
    """The kind and family of a PyTorch file (`.pt`, `.ckpt`, `.bin`); nothing in it is run.

    Raises:
        NotFound: There is no such file.
        Corrupt: It is no PyTorch archive, or asks for anything that is not data.
        UsageError: What it holds is of no kind that is known.
    """
    held = outline(path)
    names = set(held) if isinstance(held, dict) else set()
    if widths := [name for name in names if isinstance(name, int)]:
        return FileIdentity(kind=ArtifactKind.HYPERNETWORK, family=family_of(widths))
    if "string_to_param" in names:
        return FileIdentity(kind=ArtifactKind.EMBEDDING, family=_embedding_family(held))
    if any(names.issuperset(pair) for pair in SDXL_EMBEDDINGS):
        return FileIdentity(kind=ArtifactKind.EMBEDDING, family="sdxl")
    if any(_LORA.search(str(name)) for name in names):
        return FileIdentity(kind=ArtifactKind.LORA, family=UNKNOWN)
    if "state_dict" in names or any(str(name).startswith(SGM_UNET) for name in names):
        return FileIdentity(kind=ArtifactKind.CHECKPOINT, family=UNKNOWN)
    raise UsageError(
        f"{path}: what it holds belongs to no kind that is known",
        remedy="Give a hypernetwork as A1111 saves it, or a .safetensors file",
    )


def _embedding_family(held: dict[str, object]) -> str:
    """By the width of A1111's one tensor, which it keeps under `*`."""
    tensors = held["string_to_param"]
    found = list(tensors.values()) if isinstance(tensors, dict) else []
    if len(found) == 1 and isinstance(found[0], TensorOutline) and found[0].shape:
        return FAMILY_BY_WIDTH.get(found[0].shape[-1], UNKNOWN)
    return UNKNOWN


def _lora_family(header: Header) -> str:
    """By the width of the text it reads; a tiny base's by what the file says of itself."""
    widths: dict[str, int] = {}
    for name, tensor in header.tensors.items():
        stem, suffix = parted(name)
        if stem.endswith(("attn2_to_k", "attn2.to_k")) and suffix in _READING and tensor.shape:
            widths[stem] = widths.get(stem, 1) * tensor.shape[-1]
    for width in widths.values():
        if width in FAMILY_BY_WIDTH:
            return FAMILY_BY_WIDTH[width]
    said = header.metadata.get("ss_base_model_version", "").startswith("sdxl_")
    if said or any(_SDXL_ONLY.search(name) for name in header.tensors):
        return "sdxl"
    return UNKNOWN


def _checkpoint_family(header: Header) -> str:
    if is_sdxl_single_file(header):
        return "sdxl"
    for name, tensor in header.tensors.items():
        if name.endswith("attn2.to_k.weight") and tensor.shape[-1] in FAMILY_BY_WIDTH:
            family = FAMILY_BY_WIDTH[tensor.shape[-1]]
            return family if family != "sdxl" else UNKNOWN  # parts of it are missing
    return UNKNOWN
