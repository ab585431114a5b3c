"""What a studio keeps of a job's models and texts, and what it lets go."""

import gc
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from sdxl_reg.diffusion.pipeline import load_pipeline
from sdxl_reg.diffusion.sampling import initial_noise, make_generators
from sdxl_reg.diffusion.text_memory import text_remembered
from sdxl_reg.diffusion.texts import encode_texts
from sdxl_reg.evaluation import drawing
from sdxl_reg.evaluation import studio as module
from sdxl_reg.evaluation.drawing import draw_latents
from sdxl_reg.evaluation.studio import Studio
from sdxl_reg.jobs.spec import VersionSpec
from tests.registry.evaluation.jobs import BASE, BLUE, RED, base_spec, job, picture, use


class Counting:
    """A tokenizer that counts the texts it is asked to cut."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self.texts: list[str] = []

    def __call__(self, text: Any, *args: Any, **kwargs: Any) -> Any:
        self.texts += [text] if isinstance(text, str) else list(text)
        return self._tokenizer(text, *args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tokenizer, name)


@contextmanager
def _counted(studio: Studio) -> Iterator[Counting]:
    pipeline = studio.pipeline(picture())
    own = pipeline.tokenizer
    counting = pipeline.tokenizer = Counting(own)
    try:
        yield counting
    finally:
        pipeline.tokenizer = own


@pytest.mark.parametrize(("ref", "again"), [("unet@1", 0), ("hyper@1", 0), ("", 0), ("lora@1", 1)])
def test_texts_are_encoded_once_where_no_adapter_touches_them(
    tiny_base: Path, versions: Mapping[str, VersionSpec], ref: str, again: int
) -> None:
    studio = Studio(job(tiny_base, versions))
    uses = [use(ref, 0.5)] if ref else []
    with _counted(studio) as counting:
        draw_latents(studio, [picture(RED, *uses), picture(BLUE, *uses)], 4)
        first = {text: counting.texts.count(text) for text in (RED, BLUE)}
        counting.texts.clear()
        draw_latents(studio, [picture(BLUE, *uses, seed=9), picture(RED, *uses)], 4)
        assert {text for text in counting.texts if text} == ({RED, BLUE} if again else set())
        counting.texts.clear()
        draw_latents(studio, [picture("a shoe", *uses)], 4)
        assert "a shoe" in counting.texts
    assert all(first.values())


def test_other_layers_and_other_checkpoints_say_something_else(
    tiny_base: Path, versions: Mapping[str, VersionSpec]
) -> None:
    bases = {ref: base_spec(ref, tiny_base) for ref in (BASE, "other@1")}
    studio = Studio(job(tiny_base, versions, bases=bases))
    first = draw_latents(studio, [picture()], 1)
    assert not torch.equal(draw_latents(studio, [picture(clip_skip=1)], 1), first)
    draw_latents(studio, [picture(base="other@1")], 1)
    assert len(studio.known_texts) == 2  # its prompt and what it leads away from: nothing older


def test_only_so_many_texts_are_kept(tiny_base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fields = {"guidance_scale": 1, "num_inference_steps": 1}
    pictures = [picture(f"mug {number}", **fields) for number in range(7)]
    apart = Studio(job(tiny_base))
    expected = [draw_latents(apart, [one], 2)[0] for one in pictures]
    assert len(apart.known_texts) == 7
    monkeypatch.setattr(drawing, "MOST_TEXTS", 4)
    studio = Studio(job(tiny_base))
    for number in (0, 1, 2, 5, 0):  # the last one was forgotten meanwhile
        found = draw_latents(studio, pictures[number : number + 2], 2)
        assert 0 < len(studio.known_texts) <= 4
        assert torch.equal(found, torch.stack(expected[number : number + 2]))


def test_a_checkpoint_goes_before_the_next_one_comes(
    tiny_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two of SDXL's size fit into hardly any memory."""
    loaded: list[weakref.ref[Any]] = []

    def load(*args: Any, **kwargs: Any) -> Any:
        gc.collect()
        assert [one for one in loaded if one() is not None] == []
        pipeline = load_pipeline(*args, **kwargs)
        loaded.append(weakref.ref(pipeline.unet))
        return pipeline

    monkeypatch.setattr(module, "load_pipeline", load)
    monkeypatch.setattr(module, "load_refiner", load)
    bases = {ref: base_spec(ref, tiny_base) for ref in (BASE, "other@1")}
    studio = Studio(job(tiny_base, bases=bases))
    for ref in (BASE, "other@1"):
        studio.pipeline(picture(base=ref))
    assert len(loaded) == 2
    alone = Studio(job(tiny_base, bases=bases))
    del studio
    for ref in (BASE, "other@1"):
        alone.refiner(picture(refiner=ref))
    assert len(loaded) == 4


def test_a_checkpoint_stays_loaded_while_it_is_asked_for(tiny_base: Path) -> None:
    studio = Studio(job(tiny_base))
    assert studio.pipeline(picture()) is studio.pipeline(picture(BLUE, seed=3))


def test_remembered_texts_give_the_very_same_prediction(
    tiny_base: Path, versions: Mapping[str, VersionSpec]
) -> None:
    studio = Studio(job(tiny_base, versions))
    pipeline = load_pipeline(tiny_base)
    told = [encode_texts(pipeline, [(prompt, "")])[0] for prompt in (RED, BLUE)]
    noise = initial_noise(pipeline, make_generators([1]), width=64, height=64)

    @torch.no_grad()
    def predicted(which: int, step: int) -> torch.Tensor:
        added = {"text_embeds": told[which].pooled, "time_ids": torch.zeros(1, 6)}
        found: torch.Tensor = pipeline.unet(
            noise, step, encoder_hidden_states=told[which].context, added_cond_kwargs=added
        ).sample
        return found

    calls = [(0, 900), (0, 500), (1, 500), (1, 100), (0, 900)]
    for ref in ("", "lora@1", "hyper@1"):
        uses = [use(ref, 0.7)] if ref else []
        with studio.applied(pipeline, [picture(RED, *uses)], to_texts=False):
            expected = [predicted(*call) for call in calls]
            with text_remembered(pipeline.unet):
                assert all(map(torch.equal, [predicted(*call) for call in calls], expected))
        assert not torch.equal(expected[0], expected[4]) or calls[0] == calls[4]
        assert not torch.equal(expected[1], expected[2])
    assert all("forward" not in vars(layer) for layer in pipeline.unet.modules())


def test_keys_and_values_of_a_text_are_computed_once(tiny_base: Path) -> None:
    pipeline = load_pipeline(tiny_base)
    layer = next(one for name, one in pipeline.unet.named_modules() if name.endswith("attn2.to_k"))
    asked: list[object] = []
    compute = layer.forward

    def counted(text: torch.Tensor) -> torch.Tensor:
        asked.append(text)
        found: torch.Tensor = compute(text)
        return found

    layer.forward = counted
    text = torch.zeros(1, 77, layer.in_features)
    with text_remembered(pipeline.unet):
        first = layer.forward(text)
        assert layer.forward(text) is first
        assert len(asked) == 1
        layer.forward(text.clone())
        assert len(asked) == 2
