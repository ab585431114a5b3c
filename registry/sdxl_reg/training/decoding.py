"""A picture of a dataset as it is trained: its colours, and how much of it counts where."""

from PIL import Image, ImageChops

from sdxl_reg.imaging.decode import Limits, flattened, read_bytes, upright, upright_rgb
from sdxl_reg.imaging.problems import Code, Stage, Unreadable
from sdxl_reg.trainers.interface import TrainingImage
from sdxl_reg.trainers.settings import DenoisingConfig

BACKGROUNDS = {"white": (255, 255, 255), "black": (0, 0, 0)}
"""Value of `alpha_background` → colour."""


def decoded_picture(
    image: TrainingImage, config: DenoisingConfig
) -> tuple[Image.Image, Image.Image | None]:
    """A picture upright and in sRGB, and the mask of its loss.

    Args:
        image: Names the picture, and its mask if it has one.
        config: What is behind transparent parts, and whether they count.

    Returns:
        The picture in mode RGB, and in mode L how much of it counts: 255 all, 0 nothing; None
        where all of it does.

    Raises:
        Unreadable: Picture or mask cannot be read, or they differ in size.
    """
    picture = upright(read_bytes(image.path, Limits()))
    is_masked = config.alpha_mask and picture.mode == "RGBA"
    counts = picture.getchannel("A") if is_masked else None
    picture = flattened(picture, BACKGROUNDS[config.alpha_background])
    if image.mask_path is not None:
        mask = upright_rgb(read_bytes(image.mask_path, Limits()), background=(0, 0, 0)).convert("L")
        if mask.size != picture.size:
            raise Unreadable(
                Stage.DECODE,
                Code.CORRUPT,
                f"Its mask is {mask.width}×{mask.height} pixels, it is "
                f"{picture.width}×{picture.height}",
            )
        counts = ImageChops.multiply(counts, mask) if counts else mask
    return picture, counts
