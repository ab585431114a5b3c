"""`sdxl-reg captioners` and `sdxl-reg captions model`: captions by models that look at pictures."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from sdxl_reg.errors import InvalidValue
from sdxl_reg_cli.caption_options import sources_of
from sdxl_reg_cli.caption_preview import document, say_what_changed
from sdxl_reg_cli.console import Advance, json_option, print_json, print_table, progress_bar, say
from sdxl_reg_cli.installation import opened

if TYPE_CHECKING:
    from sdxl_reg.captioners.interface import Captioner
    from sdxl_reg.catalog.captioning import ModelCaptions, PlannedCaptions
    from sdxl_reg.jobs.events import Event


@click.command()
@click.argument("name", required=False)
@json_option
def captioners(name: str | None, as_json: bool) -> None:
    """List the captioners, what they need and where their weights are; with a NAME its settings."""
    from sdxl_reg.captioners.discovery import all_captioners, find_captioner, missing_packages

    if name:
        _show_settings(find_captioner(name), as_json=as_json)
        return
    working, broken = all_captioners()
    items = [
        {
            "name": each.name,
            "summary": each.summary,
            "weights": each.weights,
            "missing": missing_packages(each),
            "extra": each.extra,
        }
        for each in working
    ]
    if as_json:
        print_json({"items": items, "broken": [vars(plugin) for plugin in broken]})
        return
    rows = [
        [
            str(i["name"]),
            str(i["summary"]),
            str(i["weights"]),
            _lacks(i["missing"], str(i["extra"])),
        ]
        for i in items
    ]
    print_table(["captioner", "what it is", "weights on the hub", "needs"], rows)
    for plugin in broken:
        say(f"not loaded: {plugin.name}: {plugin.reason}")


@click.command(
    "model",
    epilog="""\b
Examples:
  sdxl-reg captions model weipin --with blip --weights ~/models/blip-large
  sdxl-reg captions model weipin --with florence2 --over tags --select 'qzy/**'
  sdxl-reg captions model weipin --with wd14 --set general_threshold=0.5 --over tags \\
      --template "{trigger}, {caption}, black background" --trigger wpnshirt
""",
)
@click.argument("image_set")
@click.option("--with", "captioner", required=True, help="See: sdxl-reg captioners.")
@click.option("--weights", default="", help="Folder, or hub name. [default: the captioner's]")
@click.option("--download", is_flag=True, help="Fetch the weights from the hub if need be.")
@click.option("--select", "selector", default="", metavar="SELECTOR", help="Only these: 'qzy/**'.")
@click.option(
    "--over",
    multiple=True,
    metavar="SOURCE",
    help="Whose captions to replace: missing, tags, sidecar, model, person. [default: missing]",
)
@click.option("--prompt", help="What captions begin with, or a task of Florence-2.")
@click.option("--max-tokens", type=int, help="The most a model writes.")
@click.option(
    "--set", "settings", multiple=True, metavar="NAME=VALUE", help="Any setting; repeatable."
)
@click.option("--template", default="{caption}", show_default=True, help="With tags: {brand}, …")
@click.option("--trigger", default="", help="A word to teach; first, or at {trigger}.")
@click.option("--batch-size", default=8, show_default=True, help="Pictures looked at together.")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda, …")
@click.option("--dry-run", is_flag=True, help="Only count the pictures.")
@json_option
def caption_by_model(
    image_set: str,
    captioner: str,
    download: bool,
    selector: str,
    over: tuple[str, ...],
    prompt: str | None,
    max_tokens: int | None,
    settings: tuple[str, ...],
    dry_run: bool,
    as_json: bool,
    **places: Any,
) -> None:
    """Have a model caption the pictures of IMAGE_SET.

    Without --over only pictures that have no caption. What a model said is remembered: a run that
    was interrupted goes on when the same command is typed again.
    """
    from sdxl_reg.catalog.captioning import CaptioningRequest, carry_out, plan_captions

    said: dict[str, Any] = dict(_setting(text) for text in settings)
    said |= {"prompt": prompt} if prompt is not None else {}
    said |= {"max_tokens": max_tokens} if max_tokens is not None else {}
    request = CaptioningRequest(
        image_set=image_set,
        captioner=captioner,
        settings=said,
        select=selector,
        over=sources_of(over),
        may_download=download,
        **places,
    )
    with opened() as registry:
        planned = plan_captions(registry.engine, registry.store, registry.settings, request)
        _announce(planned)
        if dry_run:
            if as_json:
                print_json(_plan_document(planned))
            return
        with progress_bar() as advance:
            done = carry_out(registry.engine, planned, _listener(advance))
    if as_json:
        print_json(_document(planned, done))
        return
    say_what_changed(done.report)
    for digest, reason in list(done.failed.items())[:5]:
        say(f"not captioned: {digest[:12]}: {reason}")


def _announce(planned: "PlannedCaptions") -> None:
    say(
        f"{planned.author}: {len(planned.images):,} of {planned.selected:,} pictures"
        + (f", {planned.kept:,} keep the caption they have (--over)" if planned.kept else "")
    )
    looked_at = len(set(planned.images.values()) & planned.known.keys())
    if looked_at:
        say(f"  {looked_at:,} were looked at before; {len(planned.spec.images):,} are left")


def _listener(advance: Advance) -> "Callable[[Event], None]":
    """Shows how many pictures are done, and how many a second."""
    from sdxl_reg.jobs.events import Message, Progress

    started: list[float] = []

    def listen(event: "Event") -> None:
        if isinstance(event, Progress):
            if not event.done or not started:
                started[:] = [time.monotonic()]
            rate = event.done / max(time.monotonic() - started[0], 0.001)
            note = f"{rate:.1f} pictures/s" if event.done else ""
            advance(event.done, event.total, event.what, note)
        elif isinstance(event, Message):
            say(event.text)

    return listen


def _plan_document(planned: "PlannedCaptions") -> dict[str, Any]:
    return {
        "author": planned.author,
        "selected": planned.selected,
        "kept": planned.kept,
        "pictures": len(planned.images),
        "to_look_at": len(planned.spec.images),
    }


def _document(planned: "PlannedCaptions", done: "ModelCaptions") -> dict[str, Any]:
    return {
        **_plan_document(planned),
        **{k: v for k, v in document(done.report).items() if k not in ("kept", "selected")},
        "reused": done.reused,
        "failed": dict(done.failed),
    }


def _show_settings(captioner: "Captioner", *, as_json: bool) -> None:
    schema = captioner.settings.model_json_schema()
    if as_json:
        print_json(schema)
        return
    rows = [
        [setting, str(facts.get("default", "")), str(facts.get("description", ""))]
        for setting, facts in schema["properties"].items()
    ]
    print_table(["setting", "default", "meaning"], rows)


def _lacks(missing: Any, extra: str) -> str:
    return f"pip install 'sdxl-reg[{extra}]' ({', '.join(missing)})" if missing else ""


def _setting(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name.strip():
        raise InvalidValue("not a setting", text, remedy="Give NAME=VALUE: num_beams=1")
    return name.strip(), value
