"""Keys and values of the text, computed once for all steps of sampling.

What the cross-attention layers make of the text does not change from step to step: the text is the
same tensor each time. On small pictures this is a good part of a step.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import Tensor, nn

from sdxl_reg.diffusion.strength import forward_replaced


@contextmanager
def text_remembered(unet: Any) -> Iterator[None]:
    """Have the cross-attention layers of a U-Net remember their keys and values of the last text.

    A text is known again when it is the very same tensor, so the answers are those that would be
    computed. Enter it inside the contexts that apply adapters: what they add is remembered too.
    Layers whose input is changed by hooks, as hypernetworks do, are left alone.

    Args:
        unet: Of a `StableDiffusionXLPipeline`; no gradients flow through what is remembered.
    """
    with ExitStack() as stack:
        for name, layer in unet.named_modules():
            if name.endswith(("attn2.to_k", "attn2.to_v")) and not layer._forward_pre_hooks:
                stack.enter_context(forward_replaced(layer, _remembering(layer)))
        yield


def _remembering(layer: nn.Module) -> Callable[[Tensor], Tensor]:
    compute = layer.forward
    last: list[tuple[Tensor, Tensor]] = []

    def forward(text: Tensor) -> Tensor:
        if not last or last[0][0] is not text:
            last[:] = [(text, compute(text))]
        return last[0][1]

    return forward
