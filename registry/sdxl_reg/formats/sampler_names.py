"""Sampler and schedule as one name, the way A1111 wrote them before version 1.9."""

from sdxl_reg.errors import UnknownName
from sdxl_reg.vocabulary import Sampler, Schedule


def parse_sampler_name(name: str) -> tuple[Sampler, Schedule]:
    """What a name such as `DPM++ 2M Karras` stands for.

    Args:
        name: A sampler, or a sampler and a schedule, in any letter case.

    Returns:
        The sampler, and the schedule: `Automatic` where the name says none.

    Raises:
        UnknownName: There is no such sampler.
    """
    words = " ".join(name.split()).casefold()
    samplers = {sampler.value.casefold(): sampler for sampler in Sampler}
    if words in samplers:
        return samplers[words], Schedule.AUTOMATIC
    for schedule in Schedule:
        first = words.removesuffix(" " + schedule.value.casefold())
        if first != words and first in samplers:
            return samplers[first], schedule
    raise UnknownName("sampler", name, [sampler.value for sampler in Sampler])


def parse_schedule(name: str) -> Schedule:
    """A schedule by its name.

    Args:
        name: One of `Schedule`, in any letter case.

    Raises:
        UnknownName: There is no such schedule.
    """
    by_key = {schedule.value.casefold(): schedule for schedule in Schedule}
    if name.strip().casefold() not in by_key:
        raise UnknownName("schedule", name, [schedule.value for schedule in Schedule])
    return by_key[name.strip().casefold()]
