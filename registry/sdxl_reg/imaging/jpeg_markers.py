"""Damage inside a JPEG that decoders pass over in silence: markers where none can stand.

libjpeg fills up what it cannot read and says nothing to Pillow. In the coded data of a scan a byte
FF is followed by 00, by FF or by a restart marker; anything else ends the scan and has to be one of
a few markers. Foreign bytes hold an FF every 256 of them: of a kilobyte 97 in 100 are seen.

Source: ITU-T T.81, B.1.1 (markers, their codes) and B.1.1.5 (entropy-coded segments).
"""

import re

_SCAN, _END, _FILL = 0xDA, 0xD9, 0xFF
_FRAMES, _TABLES, _APPLICATIONS = range(0xC0, 0xD0), range(0xD9, 0xDE), range(0xE0, 0xF0)
_KNOWN = frozenset({*_FRAMES, *_TABLES, *_APPLICATIONS, 0xFE, _FILL}) - {0xC8}
_ENDS_SCAN = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")


def foreign_marker(data: bytes) -> int | None:
    """Where a JPEG has a marker that cannot stand there.

    Args:
        data: A whole JPEG file.

    Returns:
        The offset in bytes, or that at which the scan before it ended: foreign bytes may look like
        the marker of a segment, too. None where every marker is in its place up to the end of the
        picture, or the end comes too soon, which decoders tell themselves.
    """
    at = left = 2
    while at + 4 <= len(data):
        code = data[at + 1]
        if data[at] != 0xFF or code not in _KNOWN:
            return left
        if code == _END:
            return None
        if code == _FILL:  # fill bytes may stand before a marker
            at += 1
            continue
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if code == _SCAN:
            found = _ENDS_SCAN.search(data, at)
            if found is None:
                return None
            at = left = found.start()
    return None
