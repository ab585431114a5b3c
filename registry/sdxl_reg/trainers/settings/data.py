"""Settings of pictures and captions: sizes, crops, caches, what is said of a picture."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from sdxl_reg.formats.kohya.buckets import Bucketing, Size
from sdxl_reg.trainers.config import SMALL_BASE


class DataSettings(BaseModel):
    """How pictures and captions become batches."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    enable_bucket: bool = Field(
        default=True,
        description="Train pictures in sizes near their own shape instead of cutting squares.",
    )
    min_bucket_reso: int | None = Field(
        default=None,
        ge=32,
        multiple_of=32,
        description="Shortest side of a bucket in pixels; by default a quarter of resolution.",
    )
    max_bucket_reso: int | None = Field(
        default=None,
        ge=32,
        multiple_of=32,
        description="Longest side of a bucket in pixels; by default twice resolution.",
    )
    bucket_reso_steps: int | None = Field(
        default=None,
        ge=32,
        multiple_of=32,
        description="Sides of buckets are multiples of this; by default 64, and 32 for bases made "
        "for less than 512 pixels. SDXL's U-Net needs multiples of 32.",
    )
    bucket_no_upscale: bool = Field(
        default=False,
        description="Never enlarge a picture: small ones are trained in a size of their own.",
    )
    random_crop: bool = Field(
        default=False, description="Cut at a place of its own for each picture, not at the centre."
    )
    flip_aug: bool = Field(
        default=False,
        description="Mirror half of the showings; for things that have no left and right.",
    )
    alpha_mask: bool = Field(
        default=False,
        description="Weight the loss by the picture's alpha channel: transparent parts teach "
        "nothing.",
    )
    alpha_background: str = Field(
        default="white",
        pattern="^(white|black|#[0-9a-fA-F]{6})$",
        description="Colour behind the transparent parts of a picture: white, black or #rrggbb. "
        "When not given, that of the dataset's image set.",
    )
    size_conditioning: Literal["original", "target"] = Field(
        default="original",
        description="What SDXL is told of a picture's size: that of the file and where it was cut "
        "(Podell et al. 2023, section 2.2), or that of the training picture, as when drawing.",
    )
    skip_bad: bool = Field(
        default=False,
        description="Leave out pictures that cannot be read, and say so, instead of stopping.",
    )
    caption_prefix: str = Field(default="", description="Put before every caption, and a space.")
    caption_suffix: str = Field(default="", description="Put after every caption, and a space.")
    shuffle_caption: bool = Field(
        default=False, description="Show the tags of a caption in a new order each time."
    )
    caption_separator: str = Field(
        default=",", min_length=1, description="What stands between the tags of a caption."
    )
    keep_tokens: int = Field(
        default=0, ge=0, description="So many first tags stay in front when tags are shuffled."
    )
    keep_tokens_separator: str = Field(
        default="", description="Tags before this mark (such as |||) stay in front instead."
    )
    caption_dropout_rate: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Share of pictures that are shown without caption (Ho and Salimans 2022).",
    )
    caption_dropout_every_n_epochs: int = Field(
        default=0, ge=0, description="Every so many epochs no caption is shown; 0 is never."
    )
    caption_tag_dropout_rate: float = Field(
        default=0.0, ge=0, le=1, description="Share of the tags that are left out, each time anew."
    )

    def bucket_sides(self, native: int, side: int) -> tuple[int, int, int]:
        """Shortest and longest side of the buckets, and their step, where some are not set.

        Args:
            native: Side of the pictures that the base was made for, in pixels.
            side: The longer one of the training pictures, in pixels.
        """
        step = self.bucket_reso_steps or (64 if native >= SMALL_BASE else 32)
        shortest = self.min_bucket_reso or max(step, side // 4 // step * step)
        return shortest, self.max_bucket_reso or 2 * side, step

    def bucketing(self, native: int, resolution: Size) -> Bucketing:
        """The rule by which pictures are sorted into buckets.

        Args:
            native: As `bucket_sides` takes it.
            resolution: Width and height of the training pictures in pixels.

        Raises:
            InvalidValue: The resolution does not fit the sides of the buckets.
        """
        shortest, longest, step = self.bucket_sides(native, max(resolution))
        rule: Literal["shared", "own", "single"] = "own" if self.bucket_no_upscale else "shared"
        return Bucketing(
            resolution=resolution,
            shortest=shortest,
            longest=longest,
            step=step,
            rule=rule if self.enable_bucket else "single",
        )
