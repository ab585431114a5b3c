"""A registry as people have one, built through the catalog in a second or two, without torch.

Pictures are drawn with Pillow, weights are a few bytes, and what a training and a grid would say is
said by us; every row comes about the way it does in real work.
"""

from collections.abc import Generator
from pathlib import Path

from PIL import Image, ImageDraw

from sdxl_reg.catalog.artifacts import NewVersion, add_version, ensure_artifact
from sdxl_reg.catalog.bases import find_base
from sdxl_reg.catalog.captions import add_caption
from sdxl_reg.catalog.datasets import freeze
from sdxl_reg.catalog.generations import GenerationRequest, find_generation, plan_generation
from sdxl_reg.catalog.grid_axes import GridRequest
from sdxl_reg.catalog.grid_cells import record_cell, record_failure, record_score
from sdxl_reg.catalog.grid_requests import references_of
from sdxl_reg.catalog.grid_results import complete_grid
from sdxl_reg.catalog.grids import PlannedGrid, find_grid, plan
from sdxl_reg.catalog.images import find_image_set, members_of
from sdxl_reg.catalog.ingest import ingest
from sdxl_reg.catalog.lineage import record_input
from sdxl_reg.catalog.origins import recorded_image
from sdxl_reg.catalog.picture_requests import PictureRequest
from sdxl_reg.catalog.references import MAIN
from sdxl_reg.catalog.runs import follow, new_run
from sdxl_reg.evaluation.references import SCORER
from sdxl_reg.imaging.decode import Limits
from sdxl_reg.imaging.examine import examine
from sdxl_reg.jobs import events
from sdxl_reg.jobs.spec import CellSpec, DrawSpec, read_job
from sdxl_reg.settings import Settings
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import connect, reading, transaction, upgrade
from sdxl_reg.tables import Run
from sdxl_reg.vocabulary import ArtifactKind, CaptionSource, RunKind
from sdxl_reg.web.dependencies import Registry

EVIL = "<script>document.title='owned'</script> & \"quoted\""
STRENGTHS = (0.0, 0.5, 1.0)
TAGS = ("qzy/flawless", "qzy/flawed/fold", "qzy/flawed/spot", "lsbr/flawless", "lsbr/flawed/spot")
_COLOURS = {"qzy": (196, 60, 48), "lsbr": (44, 104, 180)}


def build(home: Path) -> Registry:
    """A registry with a set, a dataset, a LoRA of three versions, grids, a generation, runs."""
    settings = Settings.from_environment({"SDXL_REG_HOME": str(home / "home")})
    registry = Registry(
        engine=connect(settings.database_url),
        store=BlobStore(settings.store_path),
        settings=settings,
    )
    upgrade(registry.engine)
    _draw_products(home / "products")
    ingest(registry.engine, registry.store, home / "products")
    _say_something_evil(registry)
    _train(registry)
    _compare(registry)
    _begin_another(registry)
    _generate(registry)
    _compare_halfway(registry)
    return registry


def _draw_products(root: Path) -> None:
    for tag in TAGS:
        folder = root / "weipin" / tag
        folder.mkdir(parents=True)
        for number in range(1, 5):
            _product(tag, number).save(folder / f"xxx{number}.jpg", quality=90)
    turned = _product("qzy/flawless", 5)
    exif = turned.getexif()
    exif[0x0112] = 6  # to be shown turned by a quarter
    turned.save(root / "weipin" / "qzy" / "flawless" / "turned.jpg", exif=exif)


def _product(tag: str, number: int) -> Image.Image:
    picture = Image.new("RGB", (160, 120), (12, 12, 14))
    draw = ImageDraw.Draw(picture)
    left = 30 + 4 * number
    draw.rounded_rectangle((left, 20, left + 70, 105), 12, fill=_COLOURS[tag.split("/")[0]])
    draw.rectangle((left + 22, 8, left + 48, 20), fill=(200, 200, 205))
    if tag.endswith("spot"):
        draw.ellipse((left + 30, 50, left + 52, 70), fill=(240, 236, 220))
    if tag.endswith("fold"):
        draw.line((left, 40 + 3 * number, left + 70, 90), fill=(250, 250, 250), width=3)
    return picture


def _say_something_evil(registry: Registry) -> None:
    with transaction(registry.engine) as session:
        first = members_of(session, find_image_set(session, "weipin"))[0]
        add_caption(
            session, first.member_id, EVIL, source=CaptionSource.PERSON, author="<b>mallory</b>"
        )


def _train(registry: Registry) -> None:
    with transaction(registry.engine) as session:
        base = find_base(session, registry.store, "micro")
        dataset = freeze(session, registry.store, "weipin")
        spec: dict[str, object] = {"trainer": "lora"}
        spec["config"] = {"rank": 8, "max_train_epochs": 3, "seed": 42}
        run = new_run(
            session, RunKind.TRAIN, "train lora on weipin@1", spec, trainer="lora", project=MAIN
        )
        record_input(session, run.id, base.node_id, "base")
        record_input(session, run.id, dataset.node_id, "dataset")
        run_id, base_id = run.id, base.id
    folder = registry.settings.runs_path / str(run_id)
    folder.mkdir(parents=True)
    (folder / "log.txt").write_text("step 1 <b>loss</b> 0.21\nfinished\n", encoding="utf-8")

    def keep(event: events.Event) -> None:
        if not isinstance(event, events.Version):
            return
        stored = registry.store.put_bytes(event.path.name.encode())
        new = NewVersion(
            files={event.path.name: stored},
            run_id=run_id,
            base_version_id=base_id,
            trainer="lora",
            epoch=event.epoch,
            step=event.step,
            loss=event.loss,
            hashes={"autov2": stored.sha256[:10]},
            details={"trigger_words": ["qzy", "spot"]},
        )
        with transaction(registry.engine) as session:
            add_version(session, ensure_artifact(session, "weipin-lora", ArtifactKind.LORA), new)

    follow(registry.engine, run_id, _training_events(), keep)


def _training_events() -> Generator[events.Event, None, None]:
    yield events.Started(pid=1, packages={"torch": "2.13.0"})
    for step in range(1, 31):
        loss = 0.05 + 0.2 / step + 0.01 * (step % 3)
        yield events.Metric(step=step, values={"loss": loss, "lr": 1e-4})
        if step % 10 == 0:
            name = f"weipin-lora-{step // 10:06d}.safetensors"
            yield events.Version(path=Path(name), epoch=step // 10, step=step, loss=loss)
    yield events.Finished()


def _compare(registry: Registry) -> None:
    request = GridRequest(artifact="weipin-lora", strengths=STRENGTHS, prompts=("qzy, spot",))
    planned = plan(registry.engine, registry.store, registry.settings, request)
    for cell in cells_to_draw(planned):
        draw_cell(registry, planned, cell)
    with transaction(registry.engine) as session:
        grid = find_grid(session, planned.grid_id)
        references = references_of(session, registry.store, grid.spec["datasets"])
        complete_grid(session, registry.store, grid, references=references)
    said = (event for event in [events.Finished()])
    follow(registry.engine, planned.run_id, said, lambda event: None)


def _compare_halfway(registry: Registry) -> None:
    """A queued grid of three axes and two prompts: two cells are there, one failed."""
    request = GridRequest(
        artifact="weipin-lora@2",
        x="cfg=3,5",
        y="steps=4,8",
        z="sampler=Euler,DDIM",
        prompts=("qzy, spot", EVIL),
    )
    planned = plan(registry.engine, registry.store, registry.settings, request)
    first, second, third, *_ = cells_to_draw(planned)
    draw_cell(registry, planned, first)
    draw_cell(registry, planned, second)
    record_failure(registry.engine, planned.grid_id, third.key, "out of memory at <b>512</b>")


def cells_to_draw(planned: PlannedGrid) -> list[CellSpec]:
    """The pictures that the job of a grid would draw."""
    assert planned.job is not None
    job = read_job(planned.job)
    assert isinstance(job, DrawSpec)
    return job.cells


def _generate(registry: Registry) -> None:
    """Two pictures of a prompt with a LoRA, of which one could not be drawn."""
    request = GenerationRequest(
        prompts=["qzy, (spot:1.2) <lora:weipin-lora@3:0.8>"],
        seeds=[7, 8],
        picture=PictureRequest(settings={"num_inference_steps": 4}),
    )
    planned = plan_generation(registry.engine, registry.store, registry.settings, request)
    path = registry.settings.home / "generated.png"
    _product("qzy/flawed/spot", 9).save(path)
    stored = registry.store.put_file(path)
    with transaction(registry.engine) as session:
        image = recorded_image(session, stored, examine(path.read_bytes(), Limits()))
        drawn, failed = find_generation(session, planned.generation_id).pictures
        drawn.image_id, failed.reason = image.id, "out of memory"
    said = (event for event in [events.Finished()])
    follow(registry.engine, planned.run_id, said, lambda event: None)


def draw_cell(registry: Registry, planned: PlannedGrid, cell: CellSpec) -> None:
    """Draw a cell with Pillow, and score it: the more, the stronger and the newer."""
    (use,) = cell.picture.adapters
    version = int(use.ref.rpartition("@")[2])
    path = registry.settings.home / "cell.png"
    picture = Image.new("RGB", (64, 64), (20, 20, 24))
    draw = ImageDraw.Draw(picture)
    draw.rounded_rectangle((16, 12, 48, 56), 6, fill=_COLOURS["qzy"])
    radius = round(9 * use.strength * version / 3)
    draw.ellipse((32 - radius, 32 - radius, 32 + radius, 32 + radius), fill=(240, 236, 220))
    picture.save(path)
    record_cell(registry.engine, registry.store, planned.grid_id, cell.key, path)
    with reading(registry.engine) as session:
        scorer: str = find_grid(session, planned.grid_id).spec["scorer"]
    assert scorer.startswith(SCORER)
    value = 0.5 + 0.1 * (version - 1) + 0.2 * use.strength * (1.4 - use.strength)
    record_score(
        registry.engine,
        planned.grid_id,
        cell.key,
        metric="fidelity",
        scorer=scorer,
        value=value,
    )


def _begin_another(registry: Registry) -> Run:
    """A run that is queued and has said nothing yet."""
    with transaction(registry.engine) as session:
        return new_run(
            session, RunKind.TRAIN, "train lora on weipin@1 again", {"config": {}}, project=MAIN
        )
