"""Doctor and the private places."""

from pathlib import Path

import pytest

from hybridsphere.host.function_host import FunctionHost
from hybridsphere.host.sigv4 import Signatures
from hybridsphere.keys import make_keys, read_keys
from hybridsphere.troubles import Symptom
from tests.commands.doctor_stage import Patient
from tests.local.local_stage import PROBE, TASK_ROOT

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_host_that_answers_is_well_and_one_that_refuses_is_not(
    patient: Patient, tmp_path: Path
) -> None:
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    make_keys(right)
    make_keys(wrong)
    signatures = Signatures(read_keys(right))
    async with FunctionHost(
        PROBE, task_root=TASK_ROOT, signatures=signatures, any_name=True
    ) as host:
        part = f"private endpoint {host.endpoint}"
        patient.set(PRIVATE_ENDPOINTS=host.endpoint, HOST_KEYS=str(right), FUNCTION_NAME=None)
        checks = {check.part: check for check in await patient.checks()}
        assert checks[part].state == "ok"
        patient.set(HOST_KEYS=str(wrong))
        refused = await patient.complaint(part)
    assert refused.remedy is not None
    assert refused.remedy.symptom is Symptom.HOST
    assert "HYBRIDSPHERE_HOST_KEYS" in refused.remedy.fix
    gone = await patient.complaint(part)
    assert gone.remedy is not None
    assert "start the host" in gone.remedy.fix


async def test_a_key_file_that_is_not_there_is_reported(patient: Patient) -> None:
    patient.set(PRIVATE_ENDPOINTS="http://127.0.0.1:1", HOST_KEYS="/nowhere/keys")
    complaint = await patient.complaint("private places")
    assert "cannot be read" in complaint.detail
