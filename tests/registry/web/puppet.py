"""A run whose process is the test: it says what it is told to say, when it is told to."""

import queue
from collections.abc import Generator
from dataclasses import dataclass, field

from sdxl_reg.catalog.references import MAIN
from sdxl_reg.catalog.runs import follow, new_run
from sdxl_reg.jobs import events
from sdxl_reg.jobs.local import EVENTS
from sdxl_reg.store.database import transaction
from sdxl_reg.vocabulary import RunKind
from sdxl_reg.web.dependencies import Registry


def queued_run(registry: Registry) -> int:
    """A run that nobody works on."""
    with transaction(registry.engine) as session:
        return new_run(session, RunKind.TRAIN, "train by hand", {}, project=MAIN).id


@dataclass
class Puppet:
    """A run whose process says what it is told to say."""

    registry: Registry
    run_id: int
    words: "queue.Queue[events.Event]" = field(default_factory=queue.Queue)

    def say(self, *said: events.Event) -> None:
        """Have the process say something."""
        for event in said:
            self.words.put(event)

    def work(self) -> None:
        """Follow the run until it has said that it is finished."""
        follow(self.registry.engine, self.run_id, self._job(), lambda event: None)

    def _job(self) -> Generator[events.Event]:
        folder = self.registry.settings.runs_path / str(self.run_id)
        folder.mkdir(parents=True, exist_ok=True)
        while True:
            event = self.words.get(timeout=60)
            with (folder / EVENTS).open("ab") as stream:
                stream.write(events.event_line(event))
            yield event
            if isinstance(event, events.Finished):
                return
