"""Settings of what a training leaves behind: files, states, sample pictures, numbers."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator


class OutputSettings(BaseModel):
    """What is saved, drawn and measured on the way."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    save_precision: Literal["float", "fp16", "bf16"] = Field(
        default="fp16", description="Number format of the saved file; fp16 is the custom."
    )
    save_state_every_n_steps: int | None = Field(
        default=None,
        ge=1,
        description="Save what an interrupted run needs to go on exactly, every so many steps; by "
        "default with every version. 1 loses nothing and costs most.",
    )
    preview: bool = Field(default=True, description="Draw a picture of every version.")
    sample_prompts: list[str] = Field(
        default=[], description="Prompts of pictures drawn while training, besides the previews."
    )
    sample_every_n_steps: int | None = Field(
        default=None, ge=1, description="Draw them every so many steps; by default every epoch."
    )
    sample_steps: int = Field(
        default=20, ge=1, le=150, description="Denoising steps of previews and samples."
    )
    sample_guidance_scale: float = Field(
        default=5.0, ge=0, le=30, description="Their guidance scale (Ho and Salimans 2022)."
    )
    validation_split: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="Share of the pictures that are held out to measure a validation loss.",
    )
    validate_every_n_steps: int | None = Field(
        default=None, ge=1, description="Measure it every so many steps; by default every epoch."
    )
    log_with: Literal["tensorboard"] | None = Field(
        default=None, description="Write a TensorBoard log as well, into the run's folder."
    )
    training_comment: str = Field(default="", description="Kept in the file, for people.")
    metadata_author: str = Field(default="", description="Author, kept in the file.")
    metadata_description: str = Field(default="", description="Description, kept in the file.")
    metadata_license: str = Field(default="", description="Licence, kept in the file.")
    metadata_tags: str = Field(default="", description="Tags for model sites, kept in the file.")

    @field_validator("sample_prompts", mode="before")
    @classmethod
    def _one_a_line(cls, value: object) -> object:
        """Text as one prompt a line, as the files of kohya and A1111 have them."""
        if not isinstance(value, str):
            return value
        return [line.strip() for line in value.splitlines() if line.strip()]
