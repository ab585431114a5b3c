"""A checkout of sd-scripts that is none: a program that answers and writes as the real ones do."""

import subprocess
import sys
from pathlib import Path

PROGRAM = '''\
"""Behaves on its command line, its output and its files as sdxl_train_network.py does."""
import json, pathlib, struct, sys, time, tomllib

OPTIONS = """pretrained_model_name_or_path tokenizer_cache_dir output_dir output_name learning_rate
max_train_steps max_train_epochs seed network_module network_dim network_alpha network_args unet_lr
text_encoder_lr save_every_n_epochs save_every_n_steps config_file dataset_config save_precision
lr_scheduler lr_warmup_steps optimizer_type token_string init_word num_vectors_per_token"""

if "--help" in sys.argv:
    print("usage: program [-h]", *(f"[--{name} X]" for name in OPTIONS.split()))
    sys.exit(0)

words = dict(zip(sys.argv[1::2], sys.argv[2::2]))
config = tomllib.loads(pathlib.Path(words["--config_file"]).read_text())
dataset = tomllib.loads(pathlib.Path(words["--dataset_config"]).read_text())
folder = pathlib.Path(dataset["datasets"][0]["subsets"][0]["image_dir"])
captions = {path.stem for path in folder.glob("*.txt")}
pictures = {path.stem for path in folder.iterdir() if path.suffix != ".txt"}
assert captions == pictures and pictures, (captions, pictures)
assert pathlib.Path(config["pretrained_model_name_or_path"]).exists()
if config["learning_rate"] == 9:
    print("RuntimeError: the sky fell", file=sys.stderr)
    sys.exit(3)


def save(name, step, epoch):
    data = b"\\0" * 8
    header = {"lora_unet_x.alpha": {"dtype": "F16", "shape": [4], "data_offsets": [0, 8]},
              "__metadata__": {"ss_steps": str(step), "ss_epoch": str(epoch), "ss_own": "kept"}}
    text = json.dumps(header).encode()
    path = pathlib.Path(config["output_dir"]) / f"{name}.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text[:5])
    time.sleep(0.3)  # a reader may look now, and has to wait
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


print("running training", file=sys.stderr)
for epoch in (1, 2):
    print(f"epoch {epoch}/2")
    bar = f"\\rsteps:  50%|#####     | {epoch}/2 [00:01<00:01,  1.50s/it"
    print(f"{bar}]", end="", file=sys.stderr, flush=True)
    save(config["output_name"] + ("-000001" if epoch == 1 else ""), epoch, epoch)
    print(f"{bar}, avr_loss=0.{epoch}]", end="", file=sys.stderr, flush=True)
    time.sleep(0.6)  # the next step; nothing ends the line before
'''


def fake_checkout(folder: Path) -> Path:
    """A git checkout with an environment and the three programs, committed."""
    for name in ("network", "textual_inversion"):
        (folder / f"sdxl_train_{name}.py").write_text(PROGRAM)
    (folder / "sdxl_train.py").write_text(PROGRAM)
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (folder / ".gitignore").write_text(".venv\n")
    who = ("-c", "user.name=x", "-c", "user.email=x@example.org")
    for words in (["init", "-q"], ["add", "."], [*who, "commit", "-q", "-m", "x"]):
        subprocess.run(["git", "-C", str(folder), *words], check=True)
    return folder
