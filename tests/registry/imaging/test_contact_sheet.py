"""A contact sheet: what is kept, what is cut away, and how they are told apart."""

from PIL import Image

from sdxl_reg.imaging.contact_sheet import (
    CHOSEN,
    ENLARGED,
    KEPT,
    PAPER,
    Exhibit,
    Shelf,
    contact_sheet,
)

WHITE = Image.new("RGB", (400, 200), "white")


def _rgb(colour: str) -> tuple[int, int, int]:
    return (int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:], 16))


def _colours(sheet: Image.Image) -> dict[tuple[int, ...], int]:
    found = sheet.getcolors(1 << 24) or []
    return {colour: count for count, colour in found if isinstance(colour, tuple)}


def test_what_is_cut_away_is_dark_and_what_is_kept_is_framed() -> None:
    shelf = Shelf(title="", exhibits=[Exhibit(picture=WHITE, kept=(0.0, 0.0, 0.5, 1.0))])
    colours = _colours(contact_sheet([shelf], side=200))
    frame = colours.pop(_rgb(KEPT))
    kept = (100 - 4) * (100 - 4)
    dark = next(count for colour, count in colours.items() if 60 < colour[0] < 120)
    assert colours[255, 255, 255] == kept
    assert frame == 100 * 100 - kept
    assert dark == 100 * 100


def test_enlarged_parts_and_chosen_crops_have_colours_of_their_own() -> None:
    box = (0.1, 0.1, 0.9, 0.9)
    exhibit = Exhibit(picture=WHITE, kept=(0.3, 0.1, 0.7, 0.9), chosen=box, is_enlarged=True)
    colours = _colours(contact_sheet([Shelf(title="", exhibits=[exhibit])]))
    assert {_rgb(ENLARGED), _rgb(CHOSEN)} <= colours.keys()
    assert _rgb(KEPT) not in colours


def test_a_sheet_is_as_high_as_its_shelves_and_as_wide_as_its_columns() -> None:
    exhibits = [Exhibit(picture=WHITE, kept=(0.0, 0.0, 1.0, 1.0), name="a.jpg")] * 5
    one = contact_sheet([Shelf(title="512 × 512", exhibits=exhibits)], columns=5, side=100)
    two = contact_sheet([Shelf(title="512 × 512", exhibits=exhibits)] * 2, columns=5, side=100)
    assert one.width == two.width
    assert two.height == 2 * one.height
    assert one.getpixel((0, 0)) == _rgb(PAPER)


def test_shapes_of_every_kind_fit() -> None:
    shapes = [(1, 1), (3000, 2), (2, 3000), (64, 64)]
    exhibits = [
        Exhibit(picture=Image.new("RGB", shape), kept=(0.0, 0.0, 1.0, 1.0), name="商品/" + "x" * 90)
        for shape in shapes
    ]
    assert contact_sheet([Shelf(title="t" * 400, exhibits=exhibits)], columns=3, side=64).width > 0
