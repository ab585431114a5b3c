"""What a saved file says of its training, gathered from job, settings and plan."""

from sdxl_reg.formats.hashes import legacy_hash
from sdxl_reg.formats.kohya.buckets import Size
from sdxl_reg.formats.training_metadata import TrainingFacts, training_metadata
from sdxl_reg.trainers.interface import TrainingJob
from sdxl_reg.trainers.settings import DenoisingConfig
from sdxl_reg.trainers.triggers import trigger_words
from sdxl_reg.training.base import Base
from sdxl_reg.training.dataset import Dataset
from sdxl_reg.training.plan import Plan, Step
from sdxl_reg.training.trainee import Trainee
from sdxl_reg.vocabulary import ArtifactKind


def metadata_of(
    kind: ArtifactKind,
    job: TrainingJob,
    config: DenoisingConfig,
    *,
    base: Base,
    data: Dataset,
    plan: Plan,
    resolution: Size,
    trainee: Trainee,
    step: Step,
) -> dict[str, str]:
    """The metadata of a file saved after a step.

    Args:
        kind: Of artifact.
        job: The job.
        config: Its settings.
        base: What is trained on.
        data: Its pictures.
        plan: What was planned.
        resolution: Width and height in pixels.
        trainee: What is being trained.
        step: The step just done.
    """
    classes = sum(picture.is_class for picture in data.pictures)
    facts = TrainingFacts(
        kind=kind,
        output_name=job.output_name,
        run_key=job.run_key,
        dataset_ref=job.dataset_ref,
        dataset_sha256=job.dataset_sha256,
        base_ref=job.base.ref,
        base_sha256=job.base.sha256,
        base_file_sha256=job.base.file_sha256,
        base_legacy_hash=legacy_hash(job.base.path) if job.base.file_sha256 else "",
        epoch=step.epoch,
        step=step.number,
        num_epochs=plan.epochs,
        max_train_steps=plan.steps,
        num_train_images=plan.showings // 2 if classes else plan.showings,
        num_class_images=plan.showings // 2 if classes else 0,
        num_held_out=len(data.held_out),
        num_batches_per_epoch=plan.batches_per_epoch,
        resolution=resolution,
        buckets={size: len(shown) for size, shown in plan.buckets.items()},
        prediction_type=base.prediction_type,
        trigger_words=(
            [job.output_name] if kind == ArtifactKind.EMBEDDING else trigger_words(job.images)
        ),
        settings={
            **_kohya_settings(config),
            **_bucket_settings(config, base, resolution),
            **trainee.facts(),
        },
        notes={
            "author": config.metadata_author,
            "description": config.metadata_description,
            "license": config.metadata_license,
            "tags": config.metadata_tags,
        },
    )
    return training_metadata(facts, [image.caption for image in job.images])


def _bucket_settings(config: DenoisingConfig, base: Base, resolution: Size) -> dict[str, object]:
    shortest, longest, _ = config.bucket_sides(base.native, max(resolution))
    return {
        "enable_bucket": config.enable_bucket,
        "bucket_no_upscale": config.bucket_no_upscale,
        "min_bucket_reso": shortest if config.enable_bucket else None,
        "max_bucket_reso": longest if config.enable_bucket else None,
    }


def _kohya_settings(config: DenoisingConfig) -> dict[str, object]:
    """The shared settings under the names that kohya's metadata uses, without `ss_`."""
    arguments = ",".join(f"{name}={value}" for name, value in config.optimizer_args.items())
    return {
        "learning_rate": config.learning_rate,
        "unet_lr": config.unet_lr,
        "text_encoder_lr": config.text_encoder_lr,
        "optimizer": config.optimizer_type + (f"({arguments})" if arguments else ""),
        "lr_scheduler": config.lr_scheduler,
        "lr_warmup_steps": config.lr_warmup_steps,
        "batch_size_per_device": config.train_batch_size,
        "total_batch_size": config.train_batch_size,
        "gradient_accumulation_steps": config.gradient_accumulation_steps,
        "gradient_checkpointing": config.gradient_checkpointing,
        "mixed_precision": config.mixed_precision,
        "full_fp16": False,
        "fp8_base": False,
        "fp8_base_unet": False,
        "lowram": False,
        "clip_skip": None,
        "max_token_length": 75,
        "max_grad_norm": config.max_grad_norm,
        "caption_dropout_rate": config.caption_dropout_rate,
        "caption_dropout_every_n_epochs": config.caption_dropout_every_n_epochs,
        "caption_tag_dropout_rate": config.caption_tag_dropout_rate,
        "shuffle_caption": config.shuffle_caption,
        "keep_tokens": config.keep_tokens,
        "color_aug": False,
        "flip_aug": config.flip_aug,
        "random_crop": config.random_crop,
        "face_crop_aug_range": None,
        "cache_latents": not config.random_crop,
        "noise_offset": config.noise_offset or None,
        "noise_offset_random_strength": False,
        "adaptive_noise_scale": config.adaptive_noise_scale or None,
        "multires_noise_iterations": config.multires_noise_iterations or None,
        "multires_noise_discount": config.multires_noise_discount,
        "ip_noise_gamma": config.ip_noise_gamma or None,
        "ip_noise_gamma_random_strength": False,
        "zero_terminal_snr": config.zero_terminal_snr,
        "loss_type": config.loss_type,
        "huber_schedule": config.huber_schedule,
        "huber_scale": config.huber_scale,
        "huber_c": config.huber_c,
        "min_snr_gamma": config.min_snr_gamma,
        "debiased_estimation": config.debiased_estimation_loss,
        "prior_loss_weight": config.prior_loss_weight,
        "validation_split": config.validation_split,
        "validate_every_n_steps": config.validate_every_n_steps,
        "training_comment": config.training_comment or None,
        "sd_scripts_commit_hash": None,
        "seed": config.seed,
    }
