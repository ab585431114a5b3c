"""Which keys of kohya's configuration files mean one of our settings, and which need none here.

Source: kohya_ss 45088f0 (`kohya_gui/lora_gui.py`, its 40 presets for LoRA) and the options of
sd-scripts 48d368f. Keys that mean something only together are in `groups`.
"""

from typing import Any

SECRETS = ("wandb_api_key", "huggingface_token")
GUI_ONLY = ("LoRA_type", "max_resolution", "epoch", "lr_warmup", "model_list", "optimizer", "sdxl")
"""A document with one of these was written by kohya_ss, not for sd-scripts."""

SAME = (
    *("train_batch_size", "save_every_n_epochs", "save_every_n_steps", "save_precision"),
    *("enable_bucket", "min_bucket_reso", "max_bucket_reso", "bucket_reso_steps"),
    *("bucket_no_upscale", "random_crop", "flip_aug", "alpha_mask", "shuffle_caption"),
    *("caption_separator", "keep_tokens", "keep_tokens_separator", "caption_prefix"),
    *("caption_suffix", "caption_dropout_rate", "caption_dropout_every_n_epochs"),
    *("caption_tag_dropout_rate", "zero_terminal_snr", "min_timestep", "max_timestep"),
    *("ip_noise_gamma", "loss_type", "huber_schedule", "huber_c", "huber_scale", "min_snr_gamma"),
    *("debiased_estimation_loss", "scale_v_pred_loss_like_noise_pred", "prior_loss_weight"),
    *("lr_scheduler_num_cycles", "lr_scheduler_power", "max_grad_norm"),
    *("gradient_accumulation_steps", "gradient_checkpointing", "validation_split"),
    *("validate_every_n_steps", "training_comment", "metadata_author", "metadata_description"),
    *("metadata_license", "metadata_tags"),
)
"""Keys that have the name and meaning of one of our settings."""

TEXTS = frozenset(
    {"caption_separator", "keep_tokens_separator", "caption_prefix", "caption_suffix"}
    | {name for name in SAME if name.startswith(("metadata_", "training_comment"))}
)
"""Settings whose text is never a number or a switch."""

ZERO_IS_NONE = frozenset(
    {"save_every_n_epochs", "save_every_n_steps", "min_bucket_reso", "max_bucket_reso"}
    | {"max_timestep", "min_snr_gamma", "validate_every_n_steps"}
)
"""Where 0 says that the option is not given."""

CHOICES = {
    "lr_scheduler": frozenset(
        {"constant", "constant_with_warmup", "linear", "cosine", "cosine_with_restarts"}
        | {"polynomial"}
    ),
    "mixed_precision": frozenset({"no", "fp16", "bf16"}),
    "log_with": frozenset({"tensorboard"}),
}
"""Key of the same name as our setting → what of its values we have."""

_MEMORY = "how its memory and processes are laid out is decided here"
_CACHE = "latents and texts are always cached when they can be"
_KEPT = "every version is kept, and the state of a run with it"
_ATTENTION = "attention is always PyTorch's own (sdpa)"
_NUMBERS = "a run's numbers are in the registry"
_UPLOAD = "nothing is uploaded"
_ONLY_SDXL = "only SDXL is trained here"
_FLOAT32 = "what is trained stays float32, and the VAE too; see mixed_precision"
_REASONS: dict[str, tuple[str, ...]] = {
    _MEMORY: (
        *("num_processes", "num_machines", "multi_gpu", "gpu_ids", "main_process_port"),
        *("num_cpu_threads_per_process", "extra_accelerate_launch_args", "dynamo_backend"),
        *("dynamo_mode", "dynamo_use_fullgraph", "dynamo_use_dynamic", "torch_compile"),
        *("max_data_loader_n_workers", "persistent_data_loader_workers", "highvram", "lowvram"),
        *("lowram", "blocks_to_swap", "fused_backward_pass", "disable_mmap_load_safetensors"),
        *("ddp_timeout", "ddp_gradient_as_bucket_view", "ddp_static_graph", "mem_eff_save"),
    ),
    _CACHE: (
        *("cache_latents", "cache_latents_to_disk", "vae_batch_size", "skip_cache_check"),
        *("cache_info", "cache_text_encoder_outputs_to_disk"),
    ),
    _KEPT: (
        *("save_state", "save_state_on_train_end", "save_last_n_steps", "save_last_n_epochs"),
        *("save_last_n_steps_state", "save_last_n_epochs_state"),
    ),
    _ATTENTION: ("xformers", "sdpa", "mem_eff_attn"),
    _NUMBERS: (
        *("logging_dir", "log_prefix", "log_tracker_name", "log_tracker_config", "log_config"),
        *("wandb_run_name", "use_wandb"),
    ),
    _UPLOAD: (
        *("huggingface_repo_id", "huggingface_repo_type", "huggingface_repo_visibility"),
        *("huggingface_path_in_repo", "save_state_to_huggingface", "resume_from_huggingface"),
        "async_upload",
    ),
    _ONLY_SDXL: (
        *("v2", "flux1_checkbox", "sd3_checkbox", "lumina_checkbox", "anima_checkbox"),
        "hunyuan_image_checkbox",
    ),
    _FLOAT32: (
        *("full_fp16", "full_bf16", "fp8_base", "fp8_base_unet", "no_half_vae"),
        "sdxl_no_half_vae",
    ),
    "files go into the registry": ("output_dir",),
    "safetensors is what is written": ("save_model_as", "use_safetensors"),
    "another program's state cannot be taken up": ("resume",),
    "SDXL always reads the last layer but one of its text encoders": ("clip_skip",),
    "captions were read when the pictures were ingested": (
        *("caption_extension", "caption_extention"),
    ),
    "the pictures are those of --dataset": ("dataset_config", "in_json", "dataset_repeats"),
    "say it with --class-dataset": ("reg_data_dir",),
    "say it with --start": ("network_weights", "lora_network_weights", "dim_from_weights"),
}
REASONS = {key: reason for reason, keys in _REASONS.items() for key in keys}
"""Key → why it needs no setting here."""

NEUTRAL: dict[str, tuple[Any, ...]] = {
    "sdxl": (True,),
    "sdxl_checkbox": (True,),
    "max_token_length": (75,),
    "num_processes": (1,),
    "num_machines": (1,),
    "num_cpu_threads_per_process": (1, 2),
    "dynamo_backend": ("no",),
    "dynamo_mode": ("default",),
    "vae_batch_size": (1,),
    "save_model_as": ("safetensors",),
    "clip_skip": (1,),
    "caption_extension": (".txt", ".caption"),
    "xformers": ("none",),
    "sdpa": (True,),
    "dataset_repeats": (1,),
    "token_warmup_min": (1,),
    "sample_sampler": ("euler",),
    "noise_offset_type": ("Original", "Multires"),
    "multires_noise_discount": (0.3,),
    "LyCORIS_preset": ("full",),
    "unit": (1,),
    "factor": (-1,),
    "train_on_input": (True,),
    "model_type": ("flux",),
}
"""Key → values that say nothing, besides what is empty, 0 or off."""

OF_THE_GUI = frozenset({"model_list", "training_preset", "save_as_bool", "stop_text_encoder_pct"})
"""Keys that steer kohya_ss's window only."""

OTHER_FAMILIES = frozenset(
    {"ae", "apply_t5_attn_mask", "clip_g", "clip_g_dropout_rate", "clip_l"}
    | {"cpu_offload_checkpointing", "discrete_flow_shift", "double_blocks_to_swap"}
    | {"enable_all_linear", "enable_scaled_pos_embed", "guidance_scale", "img_attn_dim"}
    | {"img_mlp_dim", "img_mod_dim", "in_dims", "logit_mean", "logit_std", "mode_scale"}
    | {"model_prediction_type", "model_type", "pos_emb_random_crop_rate", "save_clip"}
    | {"save_t5xxl", "show_timesteps", "show_timesteps_resolution", "single_blocks_to_swap"}
    | {"single_dim", "single_mod_dim", "split_mode", "split_qkv", "t5xxl", "t5xxl_device"}
    | {"t5xxl_dtype", "t5xxl_max_token_length", "timestep_sampling", "train_blocks"}
    | {"train_double_block_indices", "train_single_block_indices", "train_t5xxl"}
    | {"txt_attn_dim", "txt_mlp_dim", "txt_mod_dim", "weighting_scheme", "train_lora_ggpo"}
    | {"ggpo_beta", "ggpo_sigma"}
)
"""Keys of models that are not SDXL; kohya_ss writes them into every file."""
_OTHER_PREFIXES = ("flux1_", "flux_", "sd3_", "anima_", "hunyuan_", "lumina_")


def is_silent(key: str) -> bool:
    """Whether a key says nothing about an SDXL training, whatever its value."""
    if key in REASONS:
        return False
    return key in OF_THE_GUI or key in OTHER_FAMILIES or key.startswith(_OTHER_PREFIXES)
