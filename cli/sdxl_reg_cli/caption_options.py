"""Options of changes of captions, the same on one's own machine and with `--server`."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from sdxl_reg.errors import InvalidValue, UnknownName
from sdxl_reg_cli.console import json_option

if TYPE_CHECKING:
    from sdxl_reg.vocabulary import CaptionSource

MISSING = "missing"
SHOWN = 8
_Function = TypeVar("_Function", bound=Callable[..., Any])


def bulk_options(function: _Function) -> _Function:
    """Give a command the options that every change of many captions has."""
    options = [
        click.option(
            "--select", "selector", default="", metavar="SELECTOR", help="Only these: 'qzy/**'."
        ),
        click.option("--author", help="Who does it, for the history."),
        click.option("--dry-run", is_flag=True, help="Only show what would be changed."),
        click.option("--yes", is_flag=True, help="Do not ask, in a terminal either."),
        click.option(
            "--show", default=SHOWN, show_default=True, help="How many captions to show before."
        ),
        json_option,
    ]
    return _given(function, options)


def template_options(function: _Function) -> _Function:
    """Give a command what a template is made of (`image_set`, `template`, `prefix`, …)."""
    options = [
        click.argument("image_set"),
        click.argument("template", default="{tags}"),
        click.option("--prefix", default="", help="Comes before the template."),
        click.option("--suffix", default="", help="Comes after it."),
        click.option("--trigger", default="", help="A word to teach; first, or at {trigger}."),
        click.option(
            "--word", "words", multiple=True, metavar="TAG=TEXT", help="Say a tag so; repeatable."
        ),
        click.option("--separator", default=", ", show_default=True, help="Between the parts."),
        click.option(
            "--over",
            multiple=True,
            metavar="SOURCE",
            help="Whose captions to replace: tags, sidecar, model, person. "
            "[default: tags, sidecar]",
        ),
    ]
    return _given(function, options)


def replace_options(function: _Function) -> _Function:
    """Give a command what is searched and replaced (`image_set`, `search`, …)."""
    options = [
        click.argument("image_set"),
        click.argument("search"),
        click.argument("replacement"),
        click.option(
            "--text", "how", flag_value="text", default=True, help="Look anywhere. [default]"
        ),
        click.option("--tag", "how", flag_value="tag", help="Look for whole parts between commas."),
        click.option(
            "--regex", "how", flag_value="regex", help=r"A regular expression; \1 is a group."
        ),
        click.option("--ignore-case", is_flag=True, help="Upper and lower case are the same."),
    ]
    return _given(function, options)


def sources_of(names: Iterable[str]) -> "set[CaptionSource]":
    """The sources that `--over` names; `missing` is none, it is always allowed.

    Args:
        names: Words, or several in one with commas.

    Raises:
        UnknownName: One of them is no source.
    """
    from sdxl_reg.vocabulary import CaptionSource

    words = {part.strip() for name in names for part in name.split(",") if part.strip()}
    known = {source.value for source in CaptionSource}
    for word in words - known - {MISSING}:
        raise UnknownName("source of captions", word, [*known, MISSING])
    return {CaptionSource(word) for word in words & known}


def pair_of(word: str) -> tuple[str, str]:
    """A tag and what is said instead.

    Args:
        word: What the user wrote: `spot=white spot`.

    Raises:
        InvalidValue: It is of another form.
    """
    tag, sign, text = word.partition("=")
    if not sign or not tag.strip():
        raise InvalidValue("not a word and what is said instead", word, remedy="Give spot=stain")
    return tag.strip(), text.strip()


def _given(function: _Function, options: Sequence[Callable[[_Function], _Function]]) -> _Function:
    for option in reversed(options):
        function = option(function)
    return function
