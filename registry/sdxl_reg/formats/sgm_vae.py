"""The original (SGM) layout's names for the modules of SDXL's autoencoder.

It counts the decoder's blocks from the picture inwards, diffusers from the latents outwards.

Source: generative-models' `modules/diffusionmodules/model.py`.
"""

import re
from collections.abc import Iterable

from sdxl_reg.errors import InvalidValue
from sdxl_reg.formats.segments import Pairs, renamed, turned

_PAIRS: Pairs = (
    ("mid_block.attentions.0.group_norm", "mid.attn_1.norm"),
    ("mid_block.attentions.0.to_q", "mid.attn_1.q"),
    ("mid_block.attentions.0.to_k", "mid.attn_1.k"),
    ("mid_block.attentions.0.to_v", "mid.attn_1.v"),
    ("mid_block.attentions.0.to_out.0", "mid.attn_1.proj_out"),
    ("mid_block.resnets.0", "mid.block_1"),
    ("mid_block.resnets.1", "mid.block_2"),
    ("conv_shortcut", "nin_shortcut"),
    ("conv_norm_out", "norm_out"),
    ("downsamplers.0", "downsample"),
    ("upsamplers.0", "upsample"),
    ("resnets", "block"),
    ("down_blocks", "down"),
    ("up_blocks", "up"),
)
"""diffusers' segments → the original ones."""
_BACK = turned(_PAIRS)
_RESNET = r"(?:norm1|conv1|norm2|conv2|nin_shortcut)"
_ORIGINAL = re.compile(
    r"(?:post_)?quant_conv|"
    r"(?:en|de)coder\.(?:conv_in|conv_out|norm_out)|"
    rf"(?:en|de)coder\.mid\.(?:block_[12]\.{_RESNET}|attn_1\.(?:norm|q|k|v|proj_out))|"
    rf"encoder\.down\.\d+\.(?:block\.\d+\.{_RESNET}|downsample\.conv)|"
    rf"decoder\.up\.\d+\.(?:block\.\d+\.{_RESNET}|upsample\.conv)"
)
_UP = re.compile(r"(?<=^decoder\.up\.)\d+")
_ANY_UP = re.compile(r"decoder\.up(?:_blocks)?\.(\d+)\.")


def up_blocks_in(names: Iterable[str]) -> int:
    """How many up blocks a decoder has, by its modules' or weights' names in either layout."""
    return 1 + max((int(match[1]) for name in names if (match := _ANY_UP.match(name))), default=0)


def sgm_vae_path(module: str, up_blocks: int) -> str:
    """The original layout's path of a module that diffusers knows by its path.

    Args:
        module: Path inside the autoencoder of a module that holds weights.
        up_blocks: Of the decoder.

    Returns:
        For `decoder.up_blocks.0.resnets.1.conv1` it is `decoder.up.3.block.1.conv1` (four blocks).

    Raises:
        InvalidValue: SDXL's autoencoder has no such module.
    """
    path = _counted_back(renamed(module, _PAIRS), up_blocks)
    if not _ORIGINAL.fullmatch(path) or renamed(_counted_back(path, up_blocks), _BACK) != module:
        raise _unknown(module)
    return path


def diffusers_vae_path(path: str, up_blocks: int) -> str:
    """The path by which diffusers knows a module of the original layout: undoes `sgm_vae_path`.

    Args:
        path: Path inside the autoencoder of a module that holds weights.
        up_blocks: Of the decoder.

    Raises:
        InvalidValue: SDXL's autoencoder has no such module.
    """
    if not _ORIGINAL.fullmatch(path):
        raise _unknown(path)
    return renamed(_counted_back(path, up_blocks), _BACK)


def _counted_back(path: str, up_blocks: int) -> str:
    return _UP.sub(lambda match: str(up_blocks - 1 - int(match[0])), path)


def _unknown(module: str) -> InvalidValue:
    return InvalidValue(
        "module that SDXL's autoencoder does not have",
        module,
        remedy="Give an autoencoder with weights as diffusers or the original layout names them",
    )
