"""Names of samplers and schedules, together and alone."""

import pytest

from sdxl_reg.errors import UnknownName
from sdxl_reg.formats.sampler_names import parse_sampler_name, parse_schedule
from sdxl_reg.vocabulary import Sampler, Schedule


@pytest.mark.parametrize("sampler", Sampler)
@pytest.mark.parametrize("schedule", Schedule)
def test_a_name_of_both_is_taken_apart_in_any_letter_case(
    sampler: Sampler, schedule: Schedule
) -> None:
    for name in (f"{sampler} {schedule}", f"{sampler}  {schedule}".upper()):
        assert parse_sampler_name(name) == (sampler, schedule)
    assert parse_sampler_name(sampler.value.lower()) == (sampler, Schedule.AUTOMATIC)
    assert parse_schedule(schedule.value.lower()) is schedule


def test_an_unknown_name_is_refused_with_what_there_is() -> None:
    with pytest.raises(UnknownName, match="Euler a"):
        parse_sampler_name("Eulr a")
    with pytest.raises(UnknownName):
        parse_sampler_name("Karras")
    with pytest.raises(UnknownName, match="Karras"):
        parse_schedule("Karas")
