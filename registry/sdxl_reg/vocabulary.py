"""The closed words of the project: kinds and states, as they stand in tables, URLs and files."""

from enum import StrEnum


class ArtifactKind(StrEnum):
    """What a trained file is."""

    CHECKPOINT = "checkpoint"
    EMBEDDING = "embedding"
    LORA = "lora"
    HYPERNETWORK = "hypernetwork"


class NodeKind(StrEnum):
    """What a node of the lineage graph stands for."""

    IMAGE = "image"
    IMAGE_SET = "image_set"
    DATASET = "dataset"
    ARTIFACT = "artifact"
    GRID = "grid"
    GENERATION = "generation"


class Role(StrEnum):
    """What a user may do in a project; each may do what those before it may."""

    READER = "reader"  # look and download
    WRITER = "writer"  # edit tags, captions and crops, vote, choose
    TRAINER = "trainer"  # start work, withdraw versions
    ADMIN = "admin"  # say who may do what

    def includes(self, other: "Role") -> bool:
        """Whether it may do all that another may."""
        order = list(Role)
        return order.index(self) >= order.index(other)


class VersionState(StrEnum):
    """Where an artifact version stands; a ready one never changes."""

    DRAFT = "draft"
    READY = "ready"
    YANKED = "yanked"


class ScanVerdict(StrEnum):
    """What a look at a file came to: whether a program may open it."""

    SAFE = "safe"
    UNSAFE = "unsafe"
    UNKNOWN = "unknown"


class UploadState(StrEnum):
    """Where a file stands that somebody sends."""

    OPEN = "open"  # some of its bytes are to come
    CHECKED = "checked"  # all are here and may be taken in
    REFUSED = "refused"  # all are here and stay in quarantine
    TAKEN = "taken"  # it is part of the registry


class IngestState(StrEnum):
    """Where a folder stands that somebody sends."""

    OPEN = "open"  # it is announced, and its files are sent
    QUEUED = "queued"  # it is to be recorded
    WORKING = "working"  # it is being recorded
    LOST = "lost"  # who recorded it is gone; it can be asked for again
    DONE = "done"
    FAILED = "failed"


class RunKind(StrEnum):
    """What a run does."""

    TRAIN = "train"
    GRID = "grid"
    GENERATE = "generate"
    DOWNSTREAM = "downstream"


class RunState(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"

    @property
    def is_final(self) -> bool:
        """Whether a run in this state will never change again by itself."""
        return self not in (RunState.QUEUED, RunState.RUNNING, RunState.CANCELLING)


class Direction(StrEnum):
    """Which side of a run a lineage event records."""

    INPUT = "in"
    OUTPUT = "out"


class Chooser(StrEnum):
    """Who pointed an alias at a version."""

    SCORES = "scores"
    PERSON = "person"


class Outcome(StrEnum):
    """What a person says of two pictures side by side."""

    LEFT = "left"
    RIGHT = "right"
    TIE = "tie"


class ItemStatus(StrEnum):
    """What became of one of many things that were asked for at once."""

    WRITTEN = "written"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


class MemberState(StrEnum):
    """Whether the source file of an image-set member was there at the last ingest."""

    PRESENT = "present"
    MISSING = "missing"


class CaptionSource(StrEnum):
    """Who wrote a caption."""

    SIDECAR = "sidecar"
    TAGS = "tags"
    PERSON = "person"
    MODEL = "model"


class BaseFormat(StrEnum):
    """How a base checkpoint lies on disk."""

    DIFFUSERS = "diffusers"
    SINGLE_FILE = "single_file"


class Program(StrEnum):
    """A program that artifacts are made ready for."""

    A1111 = "a1111"
    COMFYUI = "comfyui"
    DIFFUSERS = "diffusers"
    KOHYA = "kohya"


class Sampler(StrEnum):
    """How noise becomes a picture, under the names A1111 gives it."""

    EULER = "Euler"
    EULER_ANCESTRAL = "Euler a"
    HEUN = "Heun"
    DPM2 = "DPM2"
    DPM2_ANCESTRAL = "DPM2 a"
    DPMPP_2M = "DPM++ 2M"
    DPMPP_2M_SDE = "DPM++ 2M SDE"
    DPMPP_SDE = "DPM++ SDE"
    DDIM = "DDIM"
    UNIPC = "UniPC"
    LCM = "LCM"


class Schedule(StrEnum):
    """Which noise levels a sampler visits, under the names A1111 gives it."""

    AUTOMATIC = "Automatic"
    UNIFORM = "Uniform"
    KARRAS = "Karras"
    EXPONENTIAL = "Exponential"
    SGM_UNIFORM = "SGM Uniform"


class Upscaler(StrEnum):
    """How a picture grows before it is drawn again, under the names A1111 gives it."""

    LATENT = "Latent"
    LATENT_ANTIALIASED = "Latent (antialiased)"
    LATENT_BICUBIC = "Latent (bicubic)"
    LATENT_BICUBIC_ANTIALIASED = "Latent (bicubic antialiased)"
    LATENT_NEAREST = "Latent (nearest)"
    LATENT_NEAREST_EXACT = "Latent (nearest-exact)"
    LANCZOS = "Lanczos"
    NEAREST = "Nearest"

    @property
    def is_latent(self) -> bool:
        """Whether latents grow; otherwise pixels do, and are encoded again."""
        return self.value.startswith("Latent")


class Better(StrEnum):
    """Which end of a score is the good one."""

    HIGHER = "higher"
    LOWER = "lower"
    NEITHER = "neither"  # it is read beside another one


class Need(StrEnum):
    """What a metric cannot do without."""

    REFERENCES = "references"
    SEEDS = "seeds"
    BASELINE = "baseline"
    IMAGE_NETWORK = "image-network"
    TEXT_NETWORK = "text-network"
