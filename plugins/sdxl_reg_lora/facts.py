"""What a saved LoRA says of its training, gathered from job, settings and plan."""

from sdxl_reg.formats.lora_metadata import LoraFacts
from sdxl_reg.trainers.interface import TrainingJob
from sdxl_reg.trainers.triggers import trigger_words
from sdxl_reg_lora.config import LoraConfig
from sdxl_reg_lora.plan import Plan


def facts(
    job: TrainingJob,
    config: LoraConfig,
    plan: Plan,
    epoch: int,
    step: int,
    side: int,
    prediction_type: str,
) -> LoraFacts:
    """The facts of a file saved after a step.

    Args:
        job: The job.
        config: Its settings.
        plan: What was planned.
        epoch: Epochs begun so far.
        step: Steps done so far.
        side: Of the training pictures, in pixels.
        prediction_type: Of the base.
    """
    return LoraFacts(
        output_name=job.output_name,
        run_key=job.run_key,
        dataset_ref=job.dataset_ref,
        dataset_sha256=job.dataset_sha256,
        base_ref=job.base.ref,
        base_sha256=job.base.sha256,
        epoch=epoch,
        step=step,
        num_epochs=plan.epochs,
        max_train_steps=plan.steps,
        num_train_images=len(plan.shown),
        num_batches_per_epoch=plan.batches_per_epoch,
        resolution=side,
        prediction_type=prediction_type,
        trigger_words=trigger_words(job.images),
        settings=kohya_settings(config),
    )


def kohya_settings(config: LoraConfig) -> dict[str, object]:
    """The settings under the names that kohya's metadata uses, without `ss_`."""
    return {
        "network_module": "networks.lora",
        "network_dim": config.rank,
        "network_alpha": config.alpha,
        "network_dropout": None,
        "learning_rate": config.learning_rate,
        "unet_lr": config.unet_lr,
        "text_encoder_lr": config.text_encoder_lr,
        "optimizer": config.optimizer_type,
        "lr_scheduler": config.lr_scheduler,
        "lr_warmup_steps": config.lr_warmup_steps,
        "batch_size_per_device": config.train_batch_size,
        "total_batch_size": config.train_batch_size,
        "gradient_accumulation_steps": 1,
        "gradient_checkpointing": config.gradient_checkpointing,
        "mixed_precision": config.mixed_precision,
        "full_fp16": False,
        "max_grad_norm": config.max_grad_norm,
        "caption_dropout_rate": config.caption_dropout_rate,
        "noise_offset": config.noise_offset or None,
        "min_snr_gamma": config.min_snr_gamma,
        "debiased_estimation": config.debiased_estimation_loss,
        "loss_type": "l2",
        "cache_latents": True,
        "enable_bucket": False,
        "random_crop": False,
        "seed": config.seed,
    }
