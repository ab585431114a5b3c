"""Random captioners of the smallest size, as folders of the hub. What they say means nothing."""

import json
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    BartConfig,
    BertTokenizerFast,
    Blip2Config,
    Blip2ForConditionalGeneration,
    BlipConfig,
    BlipForConditionalGeneration,
    Florence2Config,
    Florence2ForConditionalGeneration,
    OPTConfig,
    PreTrainedTokenizerFast,
)

WORDS = ["a", "photo", "of", "red", "white", "shirt", "mug", "spot", "fold", "on", "black"]
MEAN, DEVIATION = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]

LOUD = 0.8
"""Spread of the random weights: large enough for other pictures to get other captions."""


def write_blip(folder: Path) -> Path:
    """A BLIP that looks at 32 × 32 pixels."""
    torch.manual_seed(1)
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = {word: number for number, word in enumerate([*special, *WORDS])}
    BertTokenizerFast(vocab=vocabulary).save_pretrained(folder)
    shared = {
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "initializer_range": LOUD,
    }
    text = shared | {
        "num_attention_heads": 2,
        "vocab_size": len(vocabulary),
        "encoder_hidden_size": 16,
        "bos_token_id": 2,
        "eos_token_id": 3,
        "sep_token_id": 3,
        "pad_token_id": 0,
        "max_position_embeddings": 64,
    }
    vision = shared | {"num_attention_heads": 2, "image_size": 32, "patch_size": 8}
    config = BlipConfig(text_config=text, vision_config=vision, image_text_hidden_size=16)
    BlipForConditionalGeneration(config).save_pretrained(folder)
    return _steps(folder, "BlipImageProcessor", "BlipProcessor", side=32)


def write_blip2(folder: Path) -> Path:
    """A BLIP-2 with an OPT of two layers."""
    torch.manual_seed(2)
    tokenizer = _tokenizer(["<pad>", "<s>", "</s>", "<unk>", *WORDS, "<image>"], start="</s>")
    tokenizer.save_pretrained(folder)
    size = len(tokenizer)
    vision = {
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": 32,
        "patch_size": 8,
        "initializer_range": LOUD,
    }
    qformer = {
        "vocab_size": 8,
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "encoder_hidden_size": 16,
        "initializer_range": LOUD,
    }
    text = OPTConfig(
        vocab_size=size,
        hidden_size=16,
        ffn_dim=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        word_embed_proj_dim=16,
        max_position_embeddings=128,
        pad_token_id=0,
        bos_token_id=2,
        eos_token_id=2,
        init_std=LOUD,
    )
    config = Blip2Config(
        vision_config=vision,
        qformer_config=qformer,
        text_config=text.to_dict(),
        num_query_tokens=4,
        image_token_index=size - 1,
    )
    Blip2ForConditionalGeneration(config).save_pretrained(folder)
    _steps(folder, "BlipImageProcessor", "Blip2Processor", side=32)
    return _processor(folder, {"processor_class": "Blip2Processor", "num_query_tokens": 4})


def write_florence2(folder: Path) -> Path:
    """A Florence-2 with a BART of two layers."""
    torch.manual_seed(3)
    words = ["what", "does", "the", "image", "describe", "?", "in", "detail", "is", "shown", "."]
    tokenizer = _tokenizer(
        ["<s>", "<pad>", "</s>", "<unk>", *WORDS, *words, "<image>"],
        start="<s>",
        end="</s>",
        image_token="<image>",
    )
    tokenizer.save_pretrained(folder)
    size = len(tokenizer)
    text = BartConfig(
        vocab_size=size,
        d_model=16,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        max_position_embeddings=256,
        bos_token_id=0,
        pad_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=2,
        forced_eos_token_id=2,
        init_std=LOUD,
    )
    vision = {
        "embed_dim": (8, 8, 16, 16),
        "num_heads": (2, 2, 2, 2),
        "num_groups": (2, 2, 2, 2),
        "depths": (1, 1, 1, 1),
        "window_size": 4,
        "projection_dim": 16,
        "initializer_range": LOUD,
    }
    config = Florence2Config(
        text_config=text.to_dict(), vision_config=vision, image_token_id=size - 1
    )
    Florence2ForConditionalGeneration(config).save_pretrained(folder)
    _steps(folder, "CLIPImageProcessor", "Florence2Processor", side=64, image_seq_length=5)
    return _processor(folder, {"processor_class": "Florence2Processor"})


def _tokenizer(
    tokens: list[str], *, start: str, end: str = "", **named: str
) -> PreTrainedTokenizerFast:
    vocabulary = {token: number for number, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    marks = [(mark, vocabulary[mark]) for mark in (start, end) if mark]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=" ".join([start, "$A", *([end] if end else [])]), special_tokens=marks
    )
    special = {"bos_token": start, "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, extra_special_tokens=named, **special
    )


def _steps(folder: Path, image_processor: str, processor: str, side: int, **more: int) -> Path:
    steps = {
        "image_processor_type": image_processor,
        "processor_class": processor,
        "do_resize": True,
        "size": {"height": side, "width": side},
        "resample": 3,
        "do_center_crop": False,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": MEAN,
        "image_std": DEVIATION,
        "do_convert_rgb": True,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(steps | more))
    return folder


def _processor(folder: Path, facts: dict[str, object]) -> Path:
    (folder / "processor_config.json").write_text(json.dumps(facts))
    return folder
