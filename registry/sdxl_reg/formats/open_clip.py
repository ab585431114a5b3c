"""OpenCLIP's names for the weights of SDXL's second text encoder, which fuse q, k and v.

Source: `open_clip/transformer.py`, as the release `sd_xl_base_1.0.safetensors` names them;
transformers' `CLIPTextModelWithProjection` for the other side.
"""

import re

from sdxl_reg.errors import InvalidValue
from sdxl_reg.formats.segments import Pairs, renamed, turned

_PAIRS: Pairs = (
    ("text_model.embeddings.token_embedding.weight", "token_embedding.weight"),
    ("text_model.embeddings.position_embedding.weight", "positional_embedding"),
    ("text_model.final_layer_norm", "ln_final"),
    ("text_projection.weight", "text_projection"),
    ("text_model.encoder.layers", "transformer.resblocks"),
    ("self_attn.out_proj", "attn.out_proj"),
    ("layer_norm1", "ln_1"),
    ("layer_norm2", "ln_2"),
    ("mlp.fc1", "mlp.c_fc"),
    ("mlp.fc2", "mlp.c_proj"),
)
"""transformers' segments → OpenCLIP's."""
_BACK = turned(_PAIRS)
_SPLIT = re.compile(r"(.+)\.self_attn\.[qkv]_proj\.(weight|bias)")
_FUSED = re.compile(r"(.+)\.attn\.in_proj_(weight|bias)")
_ORIGINAL = re.compile(
    r"token_embedding\.weight|positional_embedding|text_projection|ln_final\.(?:weight|bias)|"
    r"transformer\.resblocks\.\d+\."
    r"(?:attn\.in_proj_|(?:attn\.out_proj|ln_1|ln_2|mlp\.c_fc|mlp\.c_proj)\.)(?:weight|bias)"
)


def open_clip_name(name: str) -> str:
    """OpenCLIP's name of the weight that a weight becomes, or becomes a third of.

    Args:
        name: As transformers gives it, beginning with `text_model.` or `text_projection.`.

    Raises:
        InvalidValue: SDXL's second text encoder has no such weight.
    """
    split = _SPLIT.fullmatch(name)
    key = renamed(
        f"{split[1]}.attn.in_proj_{split[2]}" if split else name,
        _PAIRS,
    )
    if not _ORIGINAL.fullmatch(key) or name not in transformers_names(key):
        raise _unknown(name)
    return key


def transformers_names(key: str) -> tuple[str, ...]:
    """The weights that one of OpenCLIP's is made of: three in the order q, k, v, or one.

    Args:
        key: As OpenCLIP gives it.

    Raises:
        InvalidValue: SDXL's second text encoder has no such weight.
    """
    if not _ORIGINAL.fullmatch(key):
        raise _unknown(key)
    if fused := _FUSED.fullmatch(key):
        stem = renamed(fused[1], _BACK)
        return tuple(f"{stem}.self_attn.{letter}_proj.{fused[2]}" for letter in "qkv")
    return (renamed(key, _BACK),)


def _unknown(name: str) -> InvalidValue:
    return InvalidValue(
        "weight that SDXL's second text encoder does not have",
        name,
        remedy="Give an OpenCLIP bigG text encoder as transformers or OpenCLIP names it",
    )
