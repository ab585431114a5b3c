"""Who chooses: scores point at the best place, a person overrules them, votes are counted."""

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine

from sdxl_reg.catalog.artifacts import aliases_of, find_artifact
from sdxl_reg.catalog.estimates import estimate
from sdxl_reg.catalog.grid_cells import cells_of
from sdxl_reg.catalog.grid_results import pick_again_by_scores, pick_by_person
from sdxl_reg.catalog.grids import find_grid, plan
from sdxl_reg.catalog.runs import find_run
from sdxl_reg.catalog.votes import next_vote, ranking_of, record_vote
from sdxl_reg.errors import Conflict, InvalidValue, NotFound
from sdxl_reg.evaluation.work import RATE, work_of
from sdxl_reg.jobs.pictures import PictureSpec
from sdxl_reg.settings import Settings
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.tables import ArtifactAlias, GridCell, RunMetric
from sdxl_reg.vocabulary import Chooser, Outcome
from tests.registry.catalog.hand_drawn import SMALL, finish_by_hand


@pytest.fixture
def drawn(sqlite: Engine, store: BlobStore, settings: Settings, tmp_path: Path) -> int:
    """A grid of two versions by three strengths, two prompts; the scores favour @2 at 0.5."""
    return _drawn(sqlite, store, settings, tmp_path, (0.0, 0.5, 1.0))


def _drawn(
    engine: Engine,
    store: BlobStore,
    settings: Settings,
    folder: Path,
    strengths: tuple[float, ...],
) -> int:
    planned = plan(engine, store, settings, replace(SMALL, strengths=strengths))
    finish_by_hand(engine, store, planned, folder)
    return planned.grid_id


def _best(engine: Engine) -> ArtifactAlias:
    with reading(engine) as session:
        (alias,) = aliases_of(session, find_artifact(session, "x-lora"))
        assert alias.name == "best"
        assert alias.version.version
        return alias


def _position(engine: Engine, number: int, version: int, strength: float) -> int:
    with reading(engine) as session:
        return next(
            cell.position
            for cell in cells_of(session, find_grid(session, number))
            if (cell.version.version, cell.strength) == (version, strength)
        )


def _choose(engine: Engine, number: int, version: int, strength: float, reason: str) -> None:
    position = _position(engine, number, version, strength)
    with transaction(engine) as session:
        pick_by_person(session, find_grid(session, number), position, reason)


def test_a_person_overrules_the_scores(sqlite: Engine, drawn: int) -> None:
    assert (_best(sqlite).version.version, _best(sqlite).chosen_by) == (2, Chooser.SCORES)
    _choose(sqlite, drawn, 1, 1.0, "the print is sharpest")
    alias = _best(sqlite)
    assert (alias.version.version, alias.strength) == (1, 1.0)
    assert alias.chosen_by == Chooser.PERSON
    assert alias.reason == f"grid {drawn}: the print is sharpest"
    with reading(sqlite) as session:
        grid = find_grid(session, drawn)
        assert grid.best_version is not None
        assert (grid.best_version.version, grid.best_strength) == (1, 1.0)
        assert grid.pick is not None
        assert (grid.pick["by"], grid.pick["x"], grid.pick["y"]) == ("person", 2, 0)
        assert grid.pick["before"]["score"] == pytest.approx(0.9)


def test_a_persons_choice_survives_a_later_grid(
    sqlite: Engine, drawn: int, store: BlobStore, settings: Settings, tmp_path: Path
) -> None:
    _choose(sqlite, drawn, 1, 1.0, "")
    later = _drawn(sqlite, store, settings, tmp_path, (0.0, 0.5, 0.7))
    assert (_best(sqlite).version.version, _best(sqlite).strength) == (1, 1.0)
    with reading(sqlite) as session:
        grid = find_grid(session, later)
        assert grid.best_version is not None
        assert (grid.best_version.version, grid.best_strength) == (2, 0.5)  # its own pick is kept


def test_the_scores_get_the_choice_back_when_they_are_asked(sqlite: Engine, drawn: int) -> None:
    _choose(sqlite, drawn, 1, 1.0, "")
    with transaction(sqlite) as session:
        pick_again_by_scores(session, find_grid(session, drawn))
    alias = _best(sqlite)
    assert (alias.version.version, alias.strength) == (2, 0.5)
    assert alias.chosen_by == Chooser.SCORES


@pytest.mark.parametrize("strength", [0.0, None])
def test_the_base_and_a_cell_that_is_not_there_cannot_be_chosen(
    sqlite: Engine, drawn: int, strength: float | None
) -> None:
    position = 99 if strength is None else _position(sqlite, drawn, 1, strength)
    with transaction(sqlite) as session, pytest.raises(InvalidValue, match="can be chosen"):
        pick_by_person(session, find_grid(session, drawn), position, "")


def _asked(engine: Engine, number: int, seed: int = 0) -> tuple[GridCell, GridCell]:
    with reading(engine) as session:
        left, right = next_vote(session, number, seed=seed)
        assert left.version.version
        assert right.version.version
        return left, right


def test_a_pair_shows_two_places_by_one_prompt_and_seed(sqlite: Engine, drawn: int) -> None:
    for seed in range(10):
        left, right = _asked(sqlite, drawn, seed)
        assert (left.prompt, left.seed) == (right.prompt, right.seed)
        assert left.cell_key != right.cell_key


def test_votes_make_a_ranking(sqlite: Engine, drawn: int) -> None:
    """A voter who always takes the higher strength, and of equals the later version."""
    for seed in range(30):
        left, right = _asked(sqlite, drawn, seed)
        rank = {one.position: (one.strength, one.version.version) for one in (left, right)}
        outcome = Outcome.LEFT if rank[left.position] > rank[right.position] else Outcome.RIGHT
        with transaction(sqlite) as session:
            record_vote(session, drawn, left=left.position, right=right.position, outcome=outcome)
    with reading(sqlite) as session:
        found = ranking_of(session, drawn)
    assert (found["grid"], found["votes"]) == (drawn, 30)
    assert len(found["ranking"]) == 5  # the base once, and two versions at two strengths
    assert found["ranking"][0]["candidate"] == "x-lora@2 at 1"
    assert found["ranking"][-1]["candidate"] == "the base"
    assert found["verdict"]
    assert sum(row["wins"] for row in found["ranking"]) == 30


def test_votes_do_not_move_the_alias(sqlite: Engine, drawn: int) -> None:
    left, right = _asked(sqlite, drawn)
    with transaction(sqlite) as session:
        record_vote(session, drawn, left=left.position, right=right.position, outcome="tie")
    assert (_best(sqlite).version.version, _best(sqlite).strength) == (2, 0.5)


def test_a_vote_that_says_nothing_is_refused(sqlite: Engine, drawn: int) -> None:
    left, right = _asked(sqlite, drawn)
    with reading(sqlite) as session:
        cells = cells_of(session, find_grid(session, drawn))
        elsewhere = next(cell.position for cell in cells if cell.prompt != left.prompt)
    pairs = {
        (left.position, right.position): "both",
        (left.position, left.position): "left",
        (left.position, elsewhere): "left",
        (left.position, 99): "left",
    }
    for (one, other), outcome in pairs.items():
        with transaction(sqlite) as session, pytest.raises(InvalidValue):
            record_vote(session, drawn, left=one, right=other, outcome=outcome)
    with reading(sqlite) as session:
        assert ranking_of(session, drawn)["votes"] == 0
        with pytest.raises(NotFound):
            next_vote(session, 99)


def test_a_grid_that_is_not_drawn_has_nothing_to_vote_on(
    sqlite: Engine, store: BlobStore, settings: Settings
) -> None:
    planned = plan(sqlite, store, settings, SMALL)
    with reading(sqlite) as session, pytest.raises(Conflict, match="no two places"):
        next_vote(session, planned.grid_id)


def _picture(**fields: object) -> PictureSpec:
    return PictureSpec.model_validate({"base": "base@1", "width": 64, "height": 64, **fields})


def test_the_cost_of_pictures_is_told_by_what_was_drawn_before(
    sqlite: Engine, store: BlobStore, settings: Settings, tmp_path: Path
) -> None:
    pictures = [_picture(seed=seed) for seed in range(10)]
    with reading(sqlite) as session:
        before = estimate(session, pictures)
    assert before.seconds is None
    assert before.size_bytes == round(10 * 64 * 64 * 1.6)
    number = _drawn(sqlite, store, settings, tmp_path, (0.0, 0.5, 1.0))
    with transaction(sqlite) as session:
        run = find_run(session, find_grid(session, number).run_id)
        for step, rate in enumerate((2.0, 3.0, 100.0)):
            session.add(RunMetric(run_id=run.id, step=step, name=RATE, value=rate))
    with reading(sqlite) as session:
        after = estimate(session, pictures)
        assert estimate(session, []).size_bytes == 0
    assert after.seconds == pytest.approx(3.0 * 10 * work_of(pictures[0]))
    assert 0 < after.size_bytes < before.size_bytes  # pictures of one colour are small


def test_work_counts_pixels_steps_and_passes() -> None:
    plain = work_of(_picture())
    assert plain == pytest.approx(64 * 64 * 20 * 2 / 1e6)
    assert work_of(_picture(guidance_scale=1)) == pytest.approx(plain / 2)
    assert work_of(_picture(width=128, num_inference_steps=10)) == pytest.approx(plain)
    assert work_of(_picture(hires_scale=2)) == pytest.approx(plain * (1 + 4 * 0.7))
    started = _picture(init_image="a" * 64, denoising_strength=0.5)
    assert work_of(started) == pytest.approx(plain / 2)
