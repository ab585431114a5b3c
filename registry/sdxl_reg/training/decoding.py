"""A picture of a dataset as it is trained: its colours, and how much of it counts where."""

from PIL import Image, ImageChops

from sdxl_reg.imaging.backgrounds import rgb_of
from sdxl_reg.imaging.crops import cropped
from sdxl_reg.imaging.decode import Limits, flattened, read_bytes, upright, upright_rgb
from sdxl_reg.imaging.problems import Code, Stage, Unreadable
from sdxl_reg.trainers.interface import TrainingImage
from sdxl_reg.trainers.settings import DenoisingConfig

BACKGROUNDS = {"white": "#ffffff", "black": "#000000"}
"""Words of `alpha_background` → colour."""


def decoded_picture(
    image: TrainingImage, config: DenoisingConfig
) -> tuple[Image.Image, Image.Image | None]:
    """A picture upright, in sRGB and cut to its crop, and the mask of its loss.

    Args:
        image: Names the picture, and its mask and crop if it has them.
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
    colour = BACKGROUNDS.get(config.alpha_background, config.alpha_background)
    picture = flattened(picture, rgb_of(colour))
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
    if image.crop is None:
        return picture, counts
    return cropped(picture, image.crop), cropped(counts, image.crop) if counts else None
