from sdxl_reg.vocabulary import RunState


def test_a_run_is_over_in_every_state_but_those_that_go_on() -> None:
    going_on = {state for state in RunState if not state.is_final}
    assert going_on == {RunState.QUEUED, RunState.RUNNING, RunState.CANCELLING}
