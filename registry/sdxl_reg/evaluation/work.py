"""How much work a picture is, so that its time can be told before. No torch here."""

from sdxl_reg.jobs.pictures import PictureSpec

RATE = "seconds_per_megapixel_step"
"""What a run reports of its speed, for each batch."""
MEGA = 1_000_000


def work_of(picture: PictureSpec) -> float:
    """How much the U-Net has to do for a picture, in megapixels times steps."""
    steps = float(picture.num_inference_steps * (2 if picture.is_guided else 1))
    if picture.init_image:
        steps *= picture.denoising_strength
    width, height = picture.final_size
    work = picture.width * picture.height * steps
    if picture.hires_scale > 1:
        share = picture.hires_denoising_strength
        work += width * height * steps * share
    return work / MEGA


def span_words(seconds: float) -> str:
    """A length of time for people: `2 min 5 s`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s" if whole >= 10 else f"{seconds:.1f} s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
