"""Names of files and folders that every file system takes, as near to the given ones as can be.

Windows is the strictest: no `<>:"/\\|?*` and no control characters, no dot or space at the end, no
device such as `NUL` or `com1.txt`, and upper and lower case are the same. A comma would split what
A1111 and lists of files read.

Source: Microsoft, "Naming Files, Paths, and Namespaces".
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence

LONGEST_NAME_BYTES = 180
"""Of a stem: file systems take 255 bytes, and trainers put suffixes of their own behind it."""
_WITH_NUMBER_BYTES = LONGEST_NAME_BYTES - 10
_UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f\ud800-\udfff/\\:*?"<>|,]+')
_DEVICE = re.compile(r"(?i)(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])(?=\s*(\.|$))")


def safe_name(name: str, *, default: str, longest_bytes: int = LONGEST_NAME_BYTES) -> str:
    """A name that every file system takes, as near to the given one as can be.

    Args:
        name: Any text.
        default: What to call it where nothing is left.
        longest_bytes: Of the name in UTF-8; the rest is cut off.

    Returns:
        The name, in NFC.
    """
    clean = _UNSAFE.sub("_", unicodedata.normalize("NFC", name)).strip(" .")
    clean = _DEVICE.sub(r"\1_", clean, count=1)
    clean = clean.encode()[:longest_bytes].decode("utf-8", "ignore")
    return clean.strip(" .") or default


def name_in_lists(name: str) -> str:
    """The form under which two names are one file where upper and lower case are the same."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def unique_stems(candidates: Sequence[Sequence[str]]) -> list[str]:
    """A stem for each file of a folder, no two of which are equal, in upper or lower case.

    Args:
        candidates: For each file, what it may be called, the best name first; the last one is
            made unique by a number where it has to be.

    Returns:
        For each file the first of its candidates that no other file's same candidate equals.
    """
    levels = max((len(names) for names in candidates), default=0)
    stems: list[str] = [""] * len(candidates)
    taken: Counter[str] = Counter()
    for level in range(levels):
        open_files = [index for index, stem in enumerate(stems) if not stem]
        names = {index: _candidate(candidates[index], level) for index in open_files}
        counts = Counter(name_in_lists(name) for name in names.values())
        for index, name in names.items():
            is_last = level == levels - 1
            key = name_in_lists(name)
            if (counts[key] == 1 and not taken[key]) or is_last:
                stems[index] = _numbered(name, taken)
    return stems


def counted_stems(parts: Iterable[Sequence[str]], *, default: str) -> list[str]:
    """Stems out of words and a number: `qzy_flawed_spot_01`, in the order in which they are given.

    Args:
        parts: For each file its words.
        default: The word of files that have none.

    Returns:
        No two are equal, in upper or lower case. Of the same words the numbers are 01, 02, …; all
        have as many digits as the highest of them needs, two at least.
    """
    prefixes = [_prefix(words, default) for words in parts]
    counts = Counter(name_in_lists(prefix) for prefix in prefixes)
    reached: Counter[str] = Counter()
    stems = []
    for prefix in prefixes:
        key = name_in_lists(prefix)
        reached[key] += 1
        digits = max(2, len(str(counts[key])))
        stems.append(f"{prefix}_{reached[key]:0{digits}}")
    return stems


def safe_folders(paths: Iterable[str]) -> dict[str, str]:
    """A folder that every file system takes for each of several paths.

    Args:
        paths: With /, in any spelling; an empty one stays empty.

    Returns:
        Path → path; two different ones stay different but for upper and lower case.
    """
    wanted = set(paths)
    found: dict[str, str] = {"": ""}
    taken: dict[Hashable, str] = {}
    for path in sorted(wanted):
        built = original = ""
        for part in path.split("/") if path else ():
            original = f"{original}/{part}" if original else part
            if original not in found:
                name = safe_name(part, default="_")
                found[original] = _free(built, name, original, taken)
            built = found[original]
    return {path: found[path] for path in wanted}


def _free(parent: str, name: str, original: str, taken: dict[Hashable, str]) -> str:
    number, unique = 1, name
    while taken.setdefault((parent, unique), original) != original:
        number += 1
        unique = f"{name}-{number}"
    return f"{parent}/{unique}" if parent else unique


def _prefix(words: Sequence[str], default: str) -> str:
    text = "_".join("-".join(word.split()) for word in words if word.strip()) or default
    return safe_name(text, default="picture", longest_bytes=_WITH_NUMBER_BYTES)


def _candidate(names: Sequence[str], level: int) -> str:
    name = names[min(level, len(names) - 1)]
    return safe_name(name, default="picture", longest_bytes=_WITH_NUMBER_BYTES)


def _numbered(name: str, taken: Counter[str]) -> str:
    number, unique = 1, name
    while taken[name_in_lists(unique)]:
        number += 1
        unique = f"{name}-{number}"
    taken[name_in_lists(unique)] += 1
    return unique
