"""The command that draws a picture again says what was asked, adapters and all."""

import shlex

from sdxl_reg.catalog.picture_requests import read_prompt
from sdxl_reg.jobs.pictures import PictureSpec
from sdxl_reg.store.database import reading
from sdxl_reg.vocabulary import ArtifactKind
from sdxl_reg.web.commands import Caller, callers_of, command_of, prompt_of
from sdxl_reg.web.dependencies import Registry
from sdxl_reg_cli.generate import generate

LORA = Caller(kind=ArtifactKind.LORA)


def test_a_command_quotes_its_prompt_and_leaves_defaults_out() -> None:
    request = {"base": "micro@1", "prompt": "a mug, it's red", "seed": 7, "width": 64, "height": 96}
    assert shlex.split(command_of(request, {})) == [
        *("sdxl-reg", "generate", "a mug, it's red", "--seed", "7"),
        *("--base", "micro@1", "--width", "64", "--height", "96"),
    ]


def test_what_is_switched_on_takes_no_value() -> None:
    request = {"prompt": "a wall", "tiling": True, "num_inference_steps": 9, "vae": "ab" * 32}
    words = shlex.split(command_of(request, {}))
    assert words[3:] == ["--seed", "0", "--tiling", "--steps", "9"]


def test_every_field_of_a_picture_is_an_option_of_generate() -> None:
    options = {option for parameter in generate.params for option in parameter.opts}
    said = {name: "x" for name in PictureSpec.model_fields if name != "adapters"}
    words = shlex.split(command_of(said, {}))
    assert {word for word in words if word.startswith("--")} <= options
    assert len(words) == 3 + 2 * (len(said) - 2)  # all but the prompt and the VAE


def test_adapters_are_called_up_by_tag_or_by_name() -> None:
    use = {"ref": "shop-lora@2", "strength": 0.8, "text_strength": 0.5}
    net = {"ref": "shop-net@1", "strength": 1}
    word = {"ref": "shop-word@4", "strength": 1}
    callers = {
        "shop-lora@2": LORA,
        "shop-net@1": Caller(kind=ArtifactKind.HYPERNETWORK),
        "shop-word@4": Caller(kind=ArtifactKind.EMBEDDING, words=["qqx"]),
    }
    request = {"prompt": "a qqx mug", "adapters": [use, net, word]}
    assert prompt_of(request, callers) == (
        "a shop-word@4 mug <lora:shop-lora@2:0.5:0.8> <hypernet:shop-net@1:1>"
    )


def test_the_prompt_of_a_command_is_read_as_what_was_drawn(registry: Registry) -> None:
    request = {
        "prompt": "qzy, (spot:1.2)",
        "adapters": [{"ref": "weipin-lora@3", "strength": 0.8}],
    }
    with reading(registry.engine) as session:
        again = read_prompt(session, prompt_of(request, callers_of(session, [request])))
    assert again.text == request["prompt"]
    (use,) = again.adapters
    assert (use.ref, use.strength) == ("weipin-lora@3", 0.8)


def test_an_adapter_that_is_gone_is_named_as_it_was(registry: Registry) -> None:
    request = {"prompt": "a mug", "adapters": [{"ref": "gone@1", "strength": 1}]}
    with reading(registry.engine) as session:
        callers = callers_of(session, [request])
    assert prompt_of(request, callers) == "a mug <lora:gone@1:1>"
