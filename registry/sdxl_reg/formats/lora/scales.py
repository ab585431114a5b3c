"""The scales of a LoRA whose alphas stand in diffusers' header metadata and in no tensor.

Since 0.34 diffusers writes the peft configuration of each part as one JSON object of
`<part>.<field>` under `lora_adapter_metadata`; patterns are regular expressions of module paths,
and the first that matches counts.

Source: diffusers `loaders/lora_base.py`; peft `utils/other.py` (`get_pattern_key`) and
`tuners/lora/layer.py`; rank stabilisation: Kalajdzievski 2023, arXiv:2312.03732.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sdxl_reg.errors import Corrupt
from sdxl_reg.formats.lora.kohya_names import PREFIXES, text_path

METADATA_KEY = "lora_adapter_metadata"


@dataclass(frozen=True, kw_only=True)
class PartScale:
    """What a file says of all modules of one part.

    Attributes:
        alpha: Of the modules that no pattern names.
        alpha_pattern: Pattern → alpha.
        rank_stabilised: Whether alpha is divided by the root of the rank instead of by the rank.
    """

    alpha: float
    alpha_pattern: Mapping[re.Pattern[str], float]
    rank_stabilised: bool

    def scale(self, module: str, rank: int) -> float:
        """What a module's matrices are scaled by.

        Args:
            module: Path inside the part.
            rank: Of its matrices.
        """
        alpha = next(
            (
                alpha
                for pattern, alpha in self.alpha_pattern.items()
                if pattern.match(module) or pattern.match(text_path(module))
            ),
            self.alpha,
        )
        return alpha / (math.sqrt(rank) if self.rank_stabilised else rank)


def declared_scales(path: str, metadata: Mapping[str, str]) -> dict[str, PartScale]:
    """Part → what the header says of its scales; nothing for a part that it does not speak of.

    Args:
        path: Of the file, for the message.
        metadata: Of the file's header.

    Raises:
        Corrupt: What it says cannot be understood.
    """
    if METADATA_KEY not in metadata:
        return {}
    try:
        said = json.loads(metadata[METADATA_KEY]).items()
        return _scales(dict(said))
    except (ValueError, TypeError, AttributeError, re.error):
        raise Corrupt(path, f"its {METADATA_KEY} says the scales in no known way") from None


def _scales(said: Mapping[str, Any]) -> dict[str, PartScale]:
    return {
        part: PartScale(
            alpha=float(said[f"{part}.lora_alpha"]),
            alpha_pattern={
                re.compile(rf"(.*\.)?({pattern})$"): float(alpha)
                for pattern, alpha in (said.get(f"{part}.alpha_pattern") or {}).items()
            },
            rank_stabilised=bool(said.get(f"{part}.use_rslora")),
        )
        for part in PREFIXES
        if f"{part}.lora_alpha" in said
    }
