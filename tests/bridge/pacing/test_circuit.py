"""The circuit breaker: what opens it, and which success closes it."""

import asyncio

import pytest

from hybridsphere.aws import Unavailable
from hybridsphere.bridge.pacing.circuit import Circuit
from hybridsphere.bridge.telemetry.health import Health
from tests.bridge.bridge_stage import Journal

LOST = Unavailable("ReceiveMessage: no answer")


async def test_a_newer_success_closes_the_circuit() -> None:
    circuit = Circuit()
    assert circuit.failed(LOST, await circuit.enter())
    assert circuit.is_open
    circuit.answered(await circuit.enter())
    assert not circuit.is_open


async def test_an_older_success_leaves_the_circuit_open() -> None:
    circuit = Circuit()
    older, newer = await circuit.enter(), await circuit.enter()
    assert circuit.failed(LOST, newer)
    circuit.answered(older)
    assert circuit.is_open


async def test_an_older_failure_opens_no_circuit() -> None:
    circuit = Circuit()
    older, newer = await circuit.enter(), await circuit.enter()
    circuit.answered(newer)
    assert not circuit.failed(LOST, older)
    assert not circuit.is_open


async def test_a_missed_answer_does_not_outweigh_a_patient_one() -> None:
    circuit = Circuit()
    circuit.failed(LOST, await circuit.enter(), missed=True)
    patient, impatient = await circuit.enter(), await circuit.enter()
    circuit.failed(LOST, impatient, missed=True)
    circuit.answered(patient)
    assert not circuit.is_open


async def test_an_open_circuit_admits_one_caller_after_another() -> None:
    circuit = Circuit()
    circuit.failed(LOST, await circuit.enter())
    first, second = (asyncio.create_task(circuit.enter()) for _ in range(2))
    assert await first < await second


@pytest.mark.parametrize(("began_after", "ended"), [(True, True), (False, False)])
async def test_a_trouble_ends_by_a_success_that_began_after_its_failure(
    journal: Journal, began_after: bool, ended: bool
) -> None:
    health = Health()
    health.started()
    older = await Circuit().enter()
    health.report("input queue", "no answer")
    newer = await Circuit().enter()
    health.worked("input queue", newer if began_after else older)
    assert (health.troubles == {}) == ended
    assert bool(journal.of("trouble.ended")) == ended
