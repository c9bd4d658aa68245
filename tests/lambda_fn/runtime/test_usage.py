"""Time and memory of a video, as the message has them."""

from itertools import count

import pytest

from lambda_fn.runtime import usage
from lambda_fn.runtime.settings import RuntimeSettings, SettingsError

REQUIRED = {"HYBRIDSPHERE_OUTPUT_BUCKET": "o", "HYBRIDSPHERE_TABLE": "t"}


def test_the_first_video_is_billed_with_the_start_of_its_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(usage, "_serial", count())
    monkeypatch.setattr(usage, "_start_s", 1.5)
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "2048")
    first, second = usage.Meter().read(), usage.Meter().read()
    assert (first.cold, second.cold) == (True, False)
    assert 1500 <= first.billed_ms <= 1500 + first.duration_ms + 2
    assert second.billed_ms <= second.duration_ms + 1
    assert first.memory_mb == second.memory_mb == 2048


def test_the_start_is_the_age_of_the_process() -> None:
    usage.note_started()
    before = usage._start_s
    usage.note_started()
    assert before is not None
    assert usage._start_s is not None
    # The clock of processes has ticks of ten milliseconds.
    assert 0 <= usage._start_s - before < 5


def test_outside_lambda_nothing_says_how_much_memory_there_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", raising=False)
    assert usage.Meter().read().memory_mb is None
    assert usage.peak_mb() > 10


@pytest.mark.parametrize("place", ["zu Hause", "ü", "a\nb", "x" * 65])
def test_a_place_that_no_header_can_carry_is_refused(place: str) -> None:
    with pytest.raises(SettingsError, match="HYBRIDSPHERE_PLACE"):
        RuntimeSettings.from_environ({**REQUIRED, "HYBRIDSPHERE_PLACE": place})


def test_a_wrong_word_for_evidence_is_refused() -> None:
    with pytest.raises(SettingsError, match="none or known or all"):
        RuntimeSettings.from_environ({**REQUIRED, "HYBRIDSPHERE_EVIDENCE": "some"})
    assert RuntimeSettings.from_environ(REQUIRED).evidence == "known"
