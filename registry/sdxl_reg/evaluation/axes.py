"""The axes of a grid: any field of a picture, with the values it takes. No torch here.

An axis is written `field=values`: `strength=0:1:0.1`, `version=latest-5`, `steps=10,20,40`,
`sampler="DPM++ 2M Karras",Euler`, `replace:spot=fold,crease`. Values with commas stand in double
quotes. Nothing stands for something else: what is listed is drawn, and only that.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sdxl_reg.errors import InvalidValue, UnknownName
from sdxl_reg.formats.sampler_names import parse_sampler_name, parse_schedule
from sdxl_reg.jobs.pictures import LARGEST_SEED, STRENGTH_DIGITS

MAX_VALUES = 1000
STRENGTH, VERSION, PROMPT, SEED, BASE, REPLACE = (
    "strength",
    "version",
    "prompt",
    "seed",
    "base",
    "replace",
)
"""Fields that mean more than one setting of a picture."""
STRENGTH_LIMIT = 5


@dataclass(frozen=True, kw_only=True)
class Value:
    """One value of an axis.

    Attributes:
        label: As people read it.
        changes: What it changes: fields of `PictureSpec`, or `strength`, `version` (a reference),
            and `replace` (what to look for, what to put there).
        notes: Short lines below the label.
    """

    label: str
    changes: Mapping[str, Any]
    notes: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Axis:
    """A field and the values it takes.

    Attributes:
        field: Such as `strength`, `steps`, `replace:spot`.
        values: In the order in which they are shown; at least one.
    """

    field: str
    values: Sequence[Value]

    def __post_init__(self) -> None:
        if not 0 < len(self.values) <= MAX_VALUES:
            raise InvalidValue(
                f"axis {self.field!r} of {len(self.values)} values",
                ", ".join(value.label for value in self.values[:5]) or "none",
                remedy=f"Give 1 to {MAX_VALUES} values",
            )


@dataclass(frozen=True, kw_only=True)
class Fields:
    """What only the registry knows of fields.

    Attributes:
        versions: Numbers of the artifact's versions, oldest first.
        version: A number → the value of that version.
        base: A user's word for a checkpoint → its reference.
    """

    versions: Sequence[int] = ()
    version: Callable[[int], Value] = field(
        default=lambda number: Value(label=f"@{number}", changes={VERSION: number})
    )
    base: Callable[[str], str] = field(default=lambda word: word)


def parse_axis(text: str, known: Fields) -> Axis:
    """An axis as a user writes it.

    Args:
        text: `field=values`.
        known: What only the registry knows.

    Raises:
        InvalidValue: It has no `=`, or values that are none of the field.
        UnknownName: There is no such field, or no such sampler.
    """
    name, search, values = _parts_of(text)
    if name == REPLACE:
        return _replacing(search, values)
    if name == VERSION:
        numbers = select_versions(values, known.versions)
        return Axis(field=name, values=[known.version(number) for number in numbers])
    if name == BASE:
        refs = [known.base(word) for word in split_values(values)]
        return Axis(field=name, values=[Value(label=ref, changes={"base": ref}) for ref in refs])
    if name not in _PARSERS:
        raise UnknownName("axis", name, sorted([*_PARSERS, VERSION, BASE, REPLACE]))
    return Axis(field=name, values=_PARSERS[name](values))


def with_bases(text: str, base: Callable[[str], str]) -> str:
    """An axis as a user writes it, with every base in it written otherwise; others stay.

    Args:
        text: `field=values`.
        base: A user's word for a checkpoint → its reference.

    Raises:
        InvalidValue: It has no `=`, or no list of values.
    """
    name, _, values = _parts_of(text)
    if name != BASE:
        return text
    written = io.StringIO()
    csv.writer(written, lineterminator="").writerow([base(word) for word in split_values(values)])
    return f"{BASE}={written.getvalue()}"


def is_draw(field: str) -> bool:
    """Whether the values of a field are draws to average over, as prompts and seeds are."""
    return field in (PROMPT, SEED) or field.startswith(f"{REPLACE}:")


def axis_of(name: str, values: Sequence[Any], label: Callable[[Any], str] = str) -> Axis:
    """An axis of one field of a picture (or of `strength`)."""
    return Axis(field=name, values=[Value(label=label(v), changes={name: v}) for v in values])


def split_values(text: str) -> list[str]:
    """Values between commas; one that has commas itself stands in double quotes.

    Raises:
        InvalidValue: One of them is empty, or a quotation is not closed.
    """
    try:
        rows = list(csv.reader(io.StringIO(text), skipinitialspace=True, strict=True))
    except csv.Error:
        rows = []
    values = [value.strip() for value in rows[0]] if len(rows) == 1 else []
    if not values or not all(values):
        raise InvalidValue("not a list", repr(text), remedy='Write a,b or "a, with a comma",b')
    return values


def numbers_in(text: str) -> list[float]:
    """Numbers as a user writes them: `0:1:0.1` (both ends included), `0,0.5,1`, or both mixed.

    Raises:
        InvalidValue: It is neither, or more than 1000 numbers.
    """
    found: list[float] = []
    try:
        for part in text.split(","):
            found += _range(part) if ":" in part else [float(part)]
    except ValueError:
        found = []
    if not found or len(found) > MAX_VALUES or not all(abs(value) <= 1e18 for value in found):
        raise InvalidValue(
            "not a list of numbers",
            repr(text),
            remedy=f"Write a range as 0:1:0.1 or a list as 0,0.5,1; at most {MAX_VALUES} numbers",
        )
    return list(dict.fromkeys(found))


def parse_strengths(text: str) -> tuple[float, ...]:
    """Strengths as a user writes them: `0:1:0.1` (both ends included) or `0,0.5,1`.

    Returns:
        Distinct strengths, ascending.

    Raises:
        InvalidValue: It is neither form, a value is outside −5 … 5, or there are too many.
    """
    values = distinct_strengths(numbers_in(text))
    if not all(abs(value) <= STRENGTH_LIMIT for value in values):
        raise InvalidValue(
            "not a list of strengths", repr(text), remedy="Strengths lie between -5 and 5"
        )
    return values


def distinct_strengths(values: Iterable[float]) -> tuple[float, ...]:
    """Strengths in as many decimals as count, each once, ascending."""
    return tuple(sorted({round(value, STRENGTH_DIGITS) + 0.0 for value in values}))


def select_versions(text: str, numbers: Sequence[int]) -> list[int]:
    """Numbers of versions as a user writes them, oldest first.

    Args:
        text: `all`, `latest-5`, `every 2` (counted back from the newest), or numbers and ranges:
            `1,3,5:9`.
        numbers: Those that exist, oldest first.

    Returns:
        What is asked for; numbers that are written out need not exist.

    Raises:
        InvalidValue: It is none of these forms.
    """
    word = text.strip().casefold()
    if word == "all":
        return list(numbers)
    if match := re.fullmatch(r"latest-(\d+)", word):
        return list(numbers)[-int(match[1]) :] if int(match[1]) else []
    if (match := re.fullmatch(r"every (\d+)", word)) and int(match[1]):
        return list(numbers)[:: -int(match[1])][::-1]
    return list(_written_versions(text))


def _written_versions(text: str) -> dict[int, None]:
    found: list[int] = []
    for part in text.split(","):
        first, colon, last = part.strip().partition(":")
        if not first.isdecimal() or (colon and not last.isdecimal()):
            raise InvalidValue(
                "not a list of versions",
                repr(text),
                remedy="Write 1,3,5 or 1:5, all, latest-5, or every 2",
            )
        if int(last or first) - int(first) >= MAX_VALUES:
            raise InvalidValue(
                "too many versions", repr(text), remedy=f"Compare at most {MAX_VALUES}"
            )
        found += range(int(first), int(last or first) + 1)
    return dict.fromkeys(found)


def _parts_of(text: str) -> tuple[str, str, str]:
    """The field of an axis by its own name, what stands behind its colon, and its values."""
    name, equals, values = text.partition("=")
    name, _, search = name.strip().partition(":")
    if not equals or not values.strip():
        raise InvalidValue("not an axis", repr(text), remedy="Write field=values: steps=10,20,40")
    return _NAMES.get(name.casefold(), name.casefold()), search, values


def _range(text: str) -> list[float]:
    first, last, step = (float(part) for part in text.split(":"))
    if not step > 0 or not 0 <= (last - first) / step <= MAX_VALUES:
        raise ValueError(text)
    count = int((last - first) / step + 1e-6) + 1
    return [round(first + step * number, 10) for number in range(count)]


def _replacing(search: str, text: str) -> Axis:
    if not search:
        raise InvalidValue(
            "nothing to look for", f"{REPLACE}={text}", remedy="Write replace:spot=fold,crease"
        )
    return Axis(
        field=f"{REPLACE}:{search}",
        values=[
            Value(label=word, changes={REPLACE: (search, word)}) for word in split_values(text)
        ],
    )


def _numeric(name: str) -> Callable[[str], list[Value]]:
    def parse(text: str) -> list[Value]:
        return [Value(label=f"{n:g}", changes={name: n}) for n in numbers_in(text)]

    return parse


def _whole(name: str) -> Callable[[str], list[Value]]:
    def parse(text: str) -> list[Value]:
        numbers = numbers_in(text)
        if any(number != int(number) or abs(number) > LARGEST_SEED for number in numbers):
            raise InvalidValue(f"not whole numbers for {name}", repr(text), remedy="Write 10,20,40")
        return [Value(label=f"{int(n)}", changes={name: int(n)}) for n in numbers]

    return parse


def _seeds(text: str) -> list[Value]:
    """Seeds, which have more digits than a float keeps."""
    if not re.fullmatch(r"\s*\d+\s*(,\s*\d+\s*)*", text):
        return _whole(SEED)(text)
    return [Value(label=part, changes={SEED: int(part)}) for part in split_values(text)]


def _texts(name: str) -> Callable[[str], list[Value]]:
    def parse(text: str) -> list[Value]:
        return [Value(label=value, changes={name: value}) for value in split_values(text)]

    return parse


def _strengths(text: str) -> list[Value]:
    return [Value(label=f"{n:g}", changes={STRENGTH: n}) for n in parse_strengths(text)]


def _samplers(text: str) -> list[Value]:
    values = []
    for name in split_values(text):
        sampler, schedule = parse_sampler_name(name)
        values.append(Value(label=name, changes={"sampler": sampler, "schedule": schedule}))
    return values


def _schedules(text: str) -> list[Value]:
    found = [parse_schedule(name) for name in split_values(text)]
    return [Value(label=str(schedule), changes={"schedule": schedule}) for schedule in found]


def _sizes(text: str) -> list[Value]:
    values = []
    for name in split_values(text):
        width, by, height = name.casefold().partition("x")
        if not (by and width.strip().isdecimal() and height.strip().isdecimal()):
            raise InvalidValue("not a size", repr(name), remedy="Write 1024x1024")
        changes = {"width": int(width), "height": int(height)}
        values.append(Value(label=name, changes=changes))
    return values


_PARSERS: dict[str, Callable[[str], list[Value]]] = {
    STRENGTH: _strengths,
    PROMPT: _texts("prompt"),
    "negative": _texts("negative_prompt"),
    SEED: _seeds,
    "steps": _whole("num_inference_steps"),
    "cfg": _numeric("guidance_scale"),
    "rescale": _numeric("guidance_rescale"),
    "sampler": _samplers,
    "schedule": _schedules,
    "clip-skip": _whole("clip_skip"),
    "size": _sizes,
    "denoising": _numeric("denoising_strength"),
    "hires-scale": _numeric("hires_scale"),
    "hires-steps": _whole("hires_steps"),
    "hires-denoising": _numeric("hires_denoising_strength"),
    "hires-upscaler": _texts("hires_upscaler"),
    "switch-at": _numeric("switch_at"),
}
_NAMES = {
    "versions": VERSION,
    "strengths": STRENGTH,
    "prompts": PROMPT,
    "seeds": SEED,
    "guidance": "cfg",
    "guidance-scale": "cfg",
    "checkpoint": BASE,
    "refiner-switch": "switch-at",
    "negative-prompt": "negative",
}
"""Other names of fields."""
