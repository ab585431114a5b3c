"""ICC profiles of wide colour spaces, written here from their published numbers."""

import struct

D50 = (0.9642, 1.0, 0.8249)


def adobe_rgb() -> bytes:
    """Adobe RGB (1998), its primaries adapted to D50, gamma 563/256."""
    primaries = (
        (0.60974, 0.31111, 0.01947),
        (0.20528, 0.62567, 0.06087),
        (0.14919, 0.06322, 0.74457),
    )
    return _profile(b"Adobe RGB (1998)", primaries, gamma=563 / 256)


def display_p3() -> bytes:
    """Display P3's primaries adapted to D50; its curve as a gamma of 2.2."""
    primaries = (
        (0.51512, 0.24120, -0.00105),
        (0.29198, 0.69225, 0.04189),
        (0.15710, 0.06657, 0.78407),
    )
    return _profile(b"Display P3", primaries, gamma=2.2)


def _profile(
    name: bytes, primaries: tuple[tuple[float, float, float], ...], *, gamma: float
) -> bytes:
    """A matrix profile of version 2 (ICC.1:2001-04, section 6)."""
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256))
    text = b"desc" + bytes(4) + struct.pack(">I", len(name) + 1) + name + bytes(1 + 78)
    blocks = [
        (b"desc", text),
        (b"cprt", b"text" + bytes(4) + b"public domain\0"),
        (b"wtpt", _xyz(D50)),
        *((tag, _xyz(of)) for tag, of in zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries, strict=True)),
        *((tag, curve) for tag in (b"rTRC", b"gTRC", b"bTRC")),
    ]
    table, data, start = b"", b"", 128 + 4 + 12 * len(blocks)
    for tag, block in blocks:
        table += tag + struct.pack(">II", start + len(data), len(block))
        data += block + bytes(-len(block) % 4)
    size = start + len(data)
    header = struct.pack(">I4xI4s4s4s12x4s", size, 0x02100000, b"mntr", b"RGB ", b"XYZ ", b"acsp")
    header += bytes(68 - len(header)) + b"".join(_fixed(value) for value in D50)
    return header.ljust(128, b"\0") + struct.pack(">I", len(blocks)) + table + data


def _xyz(values: tuple[float, float, float]) -> bytes:
    return b"XYZ " + bytes(4) + b"".join(_fixed(value) for value in values)


def _fixed(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))
