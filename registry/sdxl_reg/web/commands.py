"""The command line that draws a picture again, from what was asked for it."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from sdxl_reg.catalog.artifacts import find_version
from sdxl_reg.catalog.references import parse_reference
from sdxl_reg.errors import NotFound
from sdxl_reg.jobs.pictures import AdapterUse
from sdxl_reg.vocabulary import ArtifactKind

_TAGS = {ArtifactKind.LORA: "lora", ArtifactKind.HYPERNETWORK: "hypernet"}
_OPTIONS = {"num_inference_steps": "--steps"}
_NOT_SAID = {"prompt", "adapters", "vae"}
"""Of these, the first two are the prompt; a VAE is named by its file, which is not known here."""


@dataclass(frozen=True, kw_only=True)
class Caller:
    """How a prompt calls an adapter up.

    Attributes:
        kind: LoRAs and hypernetworks have tags, embeddings are named.
        words: Of an embedding, in the text that the encoders read.
    """

    kind: ArtifactKind
    words: Sequence[str] = ()


def callers_of(session: Session, requests: Iterable[Mapping[str, Any]]) -> dict[str, Caller]:
    """Reference → how it is called up, for all adapters of some pictures.

    Args:
        session: The transaction.
        requests: Fields of `PictureSpec`; those at their default may be missing.
    """
    refs = {use["ref"]: None for request in requests for use in request.get("adapters", ())}
    return {ref: _caller(session, ref) for ref in refs}


def command_of(request: Mapping[str, Any], callers: Mapping[str, Caller]) -> str:
    """What to type to draw a picture again.

    Args:
        callers: From `callers_of`.
        request: Fields of `PictureSpec`; those at their default may be missing.
    """
    words = ["sdxl-reg", "generate", prompt_of(request, callers), "--seed", request.get("seed", 0)]
    for name, value in request.items():
        if name in _NOT_SAID or name == "seed" or value in ("", False):
            continue
        option = _OPTIONS.get(name, f"--{name.replace('_', '-')}")
        words += [option] if value is True else [option, value]
    return shlex.join(str(word) for word in words)


def prompt_of(request: Mapping[str, Any], callers: Mapping[str, Caller]) -> str:
    """A prompt as it is typed: with the tags and names that call up its adapters.

    Args:
        request: As for `command_of`.
        callers: From `callers_of`.
    """
    prompt = str(request.get("prompt", ""))
    tags: list[str] = []
    for said in request.get("adapters", ()):
        use = AdapterUse.model_validate(said)
        caller = callers[use.ref]
        if caller.kind in _TAGS:
            tags.append(_tag(_TAGS[caller.kind], use))
        else:
            prompt = _named(prompt, use.ref, caller.words)
    return " ".join([prompt, *tags]).strip()


def _caller(session: Session, ref: str) -> Caller:
    try:
        version = find_version(session, ref)
    except NotFound:  # removed since; most adapters are LoRAs
        return Caller(kind=ArtifactKind.LORA)
    words = version.details.get("trigger_words", ())
    return Caller(kind=version.artifact.kind, words=words)


def _tag(kind: str, use: AdapterUse) -> str:
    if use.text_strength is None:
        return f"<{kind}:{use.ref}:{use.strength:g}>"
    return f"<{kind}:{use.ref}:{use.text_strength:g}:{use.strength:g}>"


def _named(prompt: str, ref: str, words: Sequence[str]) -> str:
    """A prompt in which an embedding is called by its reference, not by its word."""
    word = words[0] if words else parse_reference(ref).name
    return prompt.replace(word, ref, 1) if word in prompt else f"{prompt} {ref}"
