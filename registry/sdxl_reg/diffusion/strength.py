"""Strength, the law of whatever is applied to a base: 0 is the base, 1 the artifact as trained.

One value counts for a whole batch, or each row has its own; and a layer's forward gives way for as
long as a context lasts.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from sdxl_reg.errors import InvalidValue

LARGEST = 100
"""Strengths beyond this are taken for mistakes."""


def checked_strengths(strength: float | Sequence[float]) -> list[float]:
    """Strengths as a list: a single one for all rows, or one a row.

    Args:
        strength: One value, or one for every picture of a batch.

    Raises:
        InvalidValue: One is no number from -100 to 100, or there is none.
    """
    values = [float(strength)] if isinstance(strength, int | float) else [*map(float, strength)]
    for value in values or [float("nan")]:
        if not -LARGEST <= value <= LARGEST:
            raise InvalidValue(
                "strength", value, remedy=f"Give a number between {-LARGEST} and {LARGEST}"
            )
    return values


def row_factors(strengths: Tensor, like: Tensor) -> Tensor:
    """One factor for each row of a batch, to be multiplied with it.

    Args:
        strengths: Shape (pictures,).
        like: Shape (rows, …). Guidance repeats the pictures, so rows are a multiple of them.

    Returns:
        Shape (rows, 1, …), with as many dimensions as `like`.

    Raises:
        InvalidValue: The rows are no multiple of the strengths.
    """
    times, rest = divmod(like.shape[0], len(strengths))
    if rest:
        raise InvalidValue(
            f"batch of {like.shape[0]} rows drawn with {len(strengths)} strengths",
            strengths.tolist(),
            remedy="Give one strength, or one for every picture of the batch",
        )
    return strengths.repeat(times).reshape(-1, *[1] * (like.ndim - 1))


@contextmanager
def forward_replaced(layer: nn.Module, forward: Callable[..., Any]) -> Iterator[None]:
    """Have a layer answer with another function; contexts on one layer nest.

    Args:
        layer: Its own forward, or that of an outer context, comes back in the end.
        forward: Takes and gives what the layer's own does.
    """
    before = layer.__dict__.get("forward")
    layer.forward = forward
    try:
        yield
    finally:
        if before is None:
            del layer.forward
        else:
            layer.forward = before
