"""Reading and decoding pictures: facts, limits, and everything a file can be instead."""

import io
import os
import re
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from sdxl_reg.imaging.decode import Limits, read_bytes, upright_rgb
from sdxl_reg.imaging.examine import examine, pixel_digest
from sdxl_reg.imaging.likeness import hamming
from sdxl_reg.imaging.problems import Code, Unreadable


def _noise(width: int = 40, height: int = 24, seed: int = 0) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def _encoded(image: Image.Image, image_format: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, image_format, **options)
    return stream.getvalue()


def _fault(data: bytes, limits: Limits | None = None) -> Unreadable:
    with pytest.raises(Unreadable) as caught:
        examine(data, limits or Limits())
    return caught.value


def test_the_format_is_that_of_the_bytes() -> None:
    for image_format in ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF"):
        facts = examine(_encoded(_noise(), image_format), Limits())
        assert (facts.format, facts.width, facts.height) == (image_format, 40, 24)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_sizes_and_pixels_are_upright_as_exif_says(orientation: int) -> None:
    image = Image.new("RGB", (40, 24))
    image.paste((255, 0, 0), (0, 0, 8, 8))  # a red corner tells the orientations apart
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = _encoded(image, "PNG", exif=exif.tobytes())
    facts = examine(data, Limits())
    turned = orientation >= 5
    assert (facts.width, facts.height) == ((24, 40) if turned else (40, 24))
    upright = upright_rgb(data)
    corners = {
        1: (0, 0),
        2: (1, 0),
        3: (1, 1),
        4: (0, 1),
        5: (0, 0),
        6: (1, 0),
        7: (1, 1),
        8: (0, 1),
    }
    x, y = corners[orientation]
    assert upright.getpixel((x * (upright.width - 1), y * (upright.height - 1))) == (255, 0, 0)


def test_the_same_pixels_in_other_bytes_have_the_same_pixel_digest() -> None:
    image = _noise()
    png = pixel_digest(_encoded(image, "PNG"), Limits())
    bmp = pixel_digest(_encoded(image, "BMP"), Limits())
    opaque = pixel_digest(_encoded(image.convert("RGBA"), "PNG"), Limits())
    assert png == bmp == opaque


def test_the_pixel_digest_includes_the_size() -> None:
    wide, high = Image.new("RGB", (40, 10)), Image.new("RGB", (10, 40))
    digests = {pixel_digest(_encoded(image), Limits()) for image in (wide, high)}
    assert len(digests) == 2


def test_colours_under_full_transparency_do_not_tell_pictures_apart() -> None:
    red = Image.new("RGBA", (20, 20), (255, 0, 0, 0))
    blue = Image.new("RGBA", (20, 20), (0, 0, 255, 0))
    for image in (red, blue):
        image.paste((9, 9, 9, 255), (5, 5, 15, 15))
    digests = {pixel_digest(_encoded(image), Limits()) for image in (red, blue)}
    assert len(digests) == 1


def test_transparency_is_laid_on_the_given_background() -> None:
    data = _encoded(Image.new("RGBA", (4, 4), (255, 0, 0, 0)))
    assert upright_rgb(data, background=(1, 2, 3)).getpixel((0, 0)) == (1, 2, 3)


def test_grey_of_16_bits_is_scaled_and_not_cut_off() -> None:
    ramp = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
    grey = np.asarray(upright_rgb(_encoded(Image.fromarray(ramp))))[..., 0]
    assert np.abs(grey.astype(int) - np.round(ramp / 257)).max() <= 1


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_mode_of_png_is_taken(mode: str) -> None:
    image = Image.new("L", (20, 20), 255).convert("I").convert("I;16") if mode == "I;16" else None
    data = _encoded(image or _noise(20, 20).convert(mode))
    assert upright_rgb(data).mode == "RGB"
    assert examine(data, Limits()).format == "PNG"


def test_cmyk_and_other_profiles_become_srgb() -> None:
    assert upright_rgb(_encoded(_noise().convert("CMYK"), "JPEG")).mode == "RGB"
    lab_like = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    assert upright_rgb(_encoded(_noise(), "PNG", icc_profile=lab_like)).mode == "RGB"
    assert upright_rgb(_encoded(_noise(), "PNG", icc_profile=b"no profile")).mode == "RGB"


def test_an_animation_gives_its_first_frame_and_a_note() -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    data = _encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert [code for code, _ in examine(data, Limits()).notes] == [Code.FIRST_FRAME, Code.QUALITY]
    assert upright_rgb(data).getpixel((0, 0)) == (255, 0, 0)


def test_bytes_after_the_end_are_noted() -> None:
    notes = examine(_encoded(_noise()) + b"junk", Limits()).notes
    assert [code for code, _ in notes] == [Code.TRAILING_BYTES]


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 4}])
def test_foreign_bytes_inside_a_jpeg_are_noted_where_they_are(options: dict[str, object]) -> None:
    whole = _encoded(_noise(300, 300), "JPEG", quality=90, **options)
    assert examine(whole, Limits()).notes == ()
    middle = len(whole) // 2
    foreign = np.random.default_rng(1).bytes(2048)
    damaged = whole[:middle] + foreign + whole[middle + 2048 :]
    ((code, message),) = examine(damaged, Limits()).notes
    assert code == Code.CORRUPT_DATA
    assert middle <= int(re.findall(r"byte ([\d,]+)", message)[0].replace(",", "")) < middle + 2048


def test_a_strip_is_noted() -> None:
    assert examine(_encoded(_noise(1, 1)), Limits()).notes[0][0] == Code.TINY
    assert examine(_encoded(_noise(1000, 20)), Limits()).notes[0][0] == Code.TINY


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"<!DOCTYPE html><html>not found</html>", Code.NOT_AN_IMAGE),
        (b"just text", Code.NOT_AN_IMAGE),
        (bytes(range(256)) * 4, Code.NOT_AN_IMAGE),
        (_encoded(_noise(200, 200), "JPEG")[:4000], Code.TRUNCATED),
        (_encoded(_noise(200, 200), "PNG")[:4000], Code.TRUNCATED),
        (b"\xff\xd8\xff\xe0", Code.NOT_AN_IMAGE),
        (b"\x89PNG\r\n\x1a\n", Code.NOT_AN_IMAGE),
    ],
)
def test_what_is_no_whole_picture_is_refused_with_its_reason(data: bytes, code: Code) -> None:
    fault = _fault(data)
    assert fault.code == code
    assert fault.message


def test_a_picture_whose_middle_is_damaged_is_refused() -> None:
    data = bytearray(_encoded(_noise(200, 200), "PNG"))
    data[len(data) // 2] ^= 0xFF
    assert _fault(bytes(data)).code in (Code.CORRUPT, Code.TRUNCATED)


def test_a_decompression_bomb_is_refused_before_its_pixels_are_made() -> None:
    header = b"IHDR" + (20_000).to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
    rows = zlib.compress(bytes(20_000 * 3 + 1) * 20, 9)
    bomb = b"\x89PNG\r\n\x1a\n"
    for chunk in (header, b"IDAT" + rows, b"IEND"):
        bomb += (len(chunk) - 4).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
    assert _fault(bomb).code == Code.TOO_LARGE


def test_the_cap_on_pixels_can_be_set() -> None:
    data = _encoded(_noise(40, 24))
    assert _fault(data, Limits(max_pixels=959)).code == Code.TOO_LARGE
    assert examine(data, Limits(max_pixels=960)).width == 40


def test_reading_refuses_what_is_no_file_to_be_read(tmp_path: Path) -> None:
    empty, pipe, long = tmp_path / "empty", tmp_path / "pipe", tmp_path / "long"
    empty.touch()
    os.mkfifo(pipe)
    long.write_bytes(b"12345")
    codes = {}
    for path in (empty, pipe, long, tmp_path / "gone"):
        with pytest.raises(Unreadable) as caught:
            read_bytes(path, Limits(max_bytes=4))
        codes[path.name] = caught.value.code
    assert codes == {
        "empty": Code.EMPTY,
        "pipe": Code.NOT_A_FILE,
        "long": Code.TOO_LARGE,
        "gone": Code.VANISHED,
    }


@pytest.mark.parametrize(
    ("error", "code"),
    [(PermissionError(13, "no"), Code.PERMISSION_DENIED), (OSError(5, "I/O"), Code.UNREADABLE)],
)
def test_reading_says_what_the_system_refused(
    error: OSError, code: Code, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise error

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(Unreadable) as caught:
        read_bytes(tmp_path / "a.jpg", Limits())
    assert caught.value.code == code


def test_a_file_that_grows_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"begin")
    real: Callable[[int], os.stat_result] = os.fstat
    calls = []

    def growing(descriptor: int) -> os.stat_result:
        calls.append(descriptor)
        if len(calls) == 2:  # the first call is before reading, the second after it
            with path.open("ab") as stream:
                stream.write(b"more")
        return real(descriptor)

    monkeypatch.setattr(os, "fstat", growing)
    with pytest.raises(Unreadable) as caught:
        read_bytes(path, Limits())
    assert caught.value.code == Code.CHANGED


def test_a_scaled_and_recompressed_picture_keeps_nearly_its_hash() -> None:
    image = _noise(8, 8, seed=3).resize((256, 256), Image.Resampling.BICUBIC)
    other = _noise(8, 8, seed=4).resize((256, 256), Image.Resampling.BICUBIC)
    small = image.resize((128, 128))
    first, second, third = (
        examine(_encoded(picture, "JPEG", quality=70), Limits()).phash
        for picture in (image, small, other)
    )
    assert first is not None
    assert second is not None
    assert third is not None
    assert hamming(first, second) <= 4
    assert hamming(first, third) >= 16
    assert all(-(2**63) <= value < 2**63 for value in (first, second, third))


def test_flat_pictures_have_no_hash_that_would_make_them_alike() -> None:
    assert examine(_encoded(Image.new("RGB", (64, 64))), Limits()).phash is None
