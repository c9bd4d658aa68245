"""The environment: what is read, and which problems are found."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hybridsphere.errors import ConfigurationError
from hybridsphere.settings import PREFIX, Settings, unknown_variables, variable

QUEUE = "https://sqs.eu-west-1.amazonaws.com/123456789012/queue"
WHOLE = {
    "INPUT_QUEUE_URL": QUEUE,
    "OUTPUT_QUEUE_URL": f"{QUEUE}-of-results",
    "FUNCTION_NAME": "face-recognition",
    "INPUT_BUCKET": "input-bucket-video",
}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set a configuration that works, and nothing else of ours."""
    for name in list(os.environ):
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)
    for name, value in WHOLE.items():
        monkeypatch.setenv(PREFIX + name, value)


def refused(load: Callable[[], object]) -> dict[str, str]:
    """The fault and the remedy of each variable, by its name."""
    with pytest.raises(ConfigurationError) as caught:
        load()
    return dict(caught.value.details)


def test_unset_variables_have_the_defaults_of_the_contract() -> None:
    settings = Settings.load()
    settings.check_bridge()
    assert (settings.source, settings.sink) == ("queue", "queue")
    assert settings.results_dir == Path("results")
    assert settings.invocation_type == "Event"
    assert (settings.max_in_flight, settings.max_attempts, settings.drain_s) == (100, 3, 25)
    assert settings.http == ("127.0.0.1", 8080)
    assert settings.dead_letter_queue_url is None
    assert settings.keep_results_days is None


def test_results_cannot_expire_while_a_listing_shows_old_uploads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(PREFIX + "KEEP_RESULTS_DAYS", "15")
    for source in ("queue", "direct"):
        monkeypatch.setenv(PREFIX + "SOURCE", source)
        Settings.load().check_bridge()
    monkeypatch.setenv(PREFIX + "SOURCE", "bucket")
    with pytest.raises(ConfigurationError, match=f"^{PREFIX}KEEP_RESULTS_DAYS cannot go with"):
        Settings.load().check_bridge()


@pytest.mark.parametrize("empty", [True, False])
@pytest.mark.parametrize("name", WHOLE)
def test_a_missing_or_empty_variable_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, empty: bool
) -> None:
    if empty:
        monkeypatch.setenv(PREFIX + name, "")
    else:
        monkeypatch.delenv(PREFIX + name)
    with pytest.raises(ConfigurationError, match=f"^{PREFIX}{name} is not set"):
        Settings.load().check_bridge()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("INPUT_QUEUE_URL", "my-queue"),
        ("INPUT_QUEUE_URL", "https://sqs.eu-west-1.amazonaws.com"),
        ("OUTPUT_QUEUE_URL", "arn:aws:sqs:eu-west-1:123456789012:queue"),
        ("DEAD_LETTER_QUEUE_URL", "https://host/1/a b"),
        ("FUNCTION_NAME", "no function"),
        ("FUNCTION_NAME", "f" * 171),
        ("INPUT_BUCKET", "s3://bucket"),
        ("INPUT_BUCKET", "ab"),
        ("OUTPUT_BUCKET", "arn:aws:s3:::bucket"),
        ("SOURCE", "Queue"),
        ("SINK", "none"),
        ("INVOCATION_TYPE", "event"),
        ("MAX_IN_FLIGHT", "0"),
        ("MAX_IN_FLIGHT", "10001"),
        ("MAX_IN_FLIGHT", "1.5"),
        ("MAX_IN_FLIGHT", "many"),
        ("MAX_ATTEMPTS", "0"),
        ("MAX_ATTEMPTS", "101"),
        ("DRAIN_S", "0"),
        ("DRAIN_S", "-1"),
        ("DRAIN_S", "nan"),
        ("DRAIN_S", "inf"),
        ("DRAIN_S", "3601"),
        ("HTTP", "8080"),
        ("HTTP", "127.0.0.1"),
        ("HTTP", "127.0.0.1:http"),
        ("HTTP", "127.0.0.1:65536"),
        ("HTTP", "127.0.0.1:-1"),
    ],
)
def test_a_wrong_value_is_named_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    # A wrong sink may need it.
    monkeypatch.setenv(f"{PREFIX}OUTPUT_BUCKET", "output-bucket-vid")
    monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(ConfigurationError) as caught:
        Settings.load()
    assert caught.value.message == f"{PREFIX}{name} is {value!r}"
    assert caught.value.hint
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FUNCTION_NAME", "arn:aws:lambda:eu-west-1:123456789012:function:faces:live"),
        ("FUNCTION_NAME", "faces:$LATEST"),
        ("INPUT_QUEUE_URL", "http://127.0.0.1:9324/000000000000/queue.fifo"),
        ("MAX_IN_FLIGHT", "1"),
        ("DRAIN_S", "0.5"),
        ("RESULTS_DIR", "/srv/results of today"),
    ],
)
def test_a_good_value_is_taken(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(PREFIX + name, value)
    settings = Settings.load()
    settings.check_bridge()
    assert str(getattr(settings, name.lower())) == value


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("0.0.0.0:80", ("0.0.0.0", 80)),
        (":9090", ("0.0.0.0", 9090)),
        ("[::1]:0", ("::1", 0)),
        ("localhost:8080", ("localhost", 8080)),
        ("", None),
    ],
)
def test_the_address_of_health_is_split_into_host_and_port(
    monkeypatch: pytest.MonkeyPatch, value: str, address: tuple[str, int] | None
) -> None:
    monkeypatch.setenv(f"{PREFIX}HTTP", value)
    assert Settings.load().http == address


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in Settings.model_fields:
        if field != "http":
            monkeypatch.setenv(variable(field), "")
    settings = Settings.load()
    assert settings == Settings.model_construct(
        **{name: field.default for name, field in Settings.model_fields.items()}
    )


@pytest.mark.parametrize(
    ("source", "sink", "needed"),
    [
        (
            "queue",
            "queue",
            {"INPUT_BUCKET", "FUNCTION_NAME", "INPUT_QUEUE_URL", "OUTPUT_QUEUE_URL"},
        ),
        ("direct", "queue", {"INPUT_BUCKET", "OUTPUT_QUEUE_URL"}),
    ],
)
def test_a_source_needs_the_variables_it_uses_and_no_others(
    monkeypatch: pytest.MonkeyPatch, source: str, sink: str, needed: set[str]
) -> None:
    for name in WHOLE.keys() - needed:
        monkeypatch.delenv(PREFIX + name)
    monkeypatch.setenv(f"{PREFIX}SOURCE", source)
    monkeypatch.setenv(f"{PREFIX}SINK", sink)
    Settings.load().check_bridge()
    for name in needed:
        with pytest.MonkeyPatch.context() as without:
            without.delenv(PREFIX + name)
            with pytest.raises(ConfigurationError, match=f"{PREFIX}{name} is not set"):
                Settings.load().check_bridge()


def test_every_missing_variable_is_a_detail(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in WHOLE:
        monkeypatch.delenv(PREFIX + name)
    details = refused(lambda: Settings.load().check_bridge())
    assert details.keys() == {PREFIX + name for name in WHOLE}
    assert all(text.startswith("is not set: set it to the ") for text in details.values())


def test_a_misspelt_variable_is_named_beside_a_missing_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(f"{PREFIX}INPUT_BUCKET")
    monkeypatch.setenv(f"{PREFIX}INPUTBUCKET", "input-bucket-video")
    details = refused(lambda: Settings.load().check_bridge())
    assert details[f"{PREFIX}INPUTBUCKET"] == (
        f"is set, but nothing reads it: did you mean {PREFIX}INPUT_BUCKET?"
    )


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("MAX_INFLIGHT", "MAX_IN_FLIGHT"),
        ("INPUT_QUEUE", "INPUT_QUEUE_URL"),
        ("GALERY", "GALLERY"),
        ("XYZZY", None),
    ],
)
def test_an_unknown_variable_is_found_with_the_nearest_known_name(
    name: str, nearest: str | None
) -> None:
    environ = {PREFIX + name: "1", f"{PREFIX}GALLERY": "x", "PATH": "/bin"}
    found = PREFIX + nearest if nearest else None
    assert unknown_variables(environ) == {PREFIX + name: found}


def test_no_credential_is_a_setting() -> None:
    assert not [
        field for field in Settings.model_fields if "secret" in field or "key" in field.split("_")
    ]


@pytest.mark.parametrize(
    ("one", "other", "value"),
    [
        ("INPUT_QUEUE_URL", "OUTPUT_QUEUE_URL", QUEUE),
        ("INPUT_QUEUE_URL", "DEAD_LETTER_QUEUE_URL", QUEUE),
        ("OUTPUT_QUEUE_URL", "DEAD_LETTER_QUEUE_URL", f"{QUEUE}-of-results"),
        ("INPUT_BUCKET", "OUTPUT_BUCKET", "input-bucket-video"),
    ],
)
def test_two_names_of_one_queue_or_bucket_are_refused(
    monkeypatch: pytest.MonkeyPatch, one: str, other: str, value: str
) -> None:
    for name in (one, other):
        monkeypatch.setenv(f"{PREFIX}{name}", value)
    with pytest.raises(ConfigurationError, match=f"{other} is the same as {PREFIX}{one}"):
        Settings.load().check_bridge()


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [("SOURCE", "none", "direct"), ("SOURCE", "monitor", "bucket"), ("SINK", "mirror", "bucket")],
)
def test_an_old_value_is_refused_with_its_new_name(
    monkeypatch: pytest.MonkeyPatch, name: str, old: str, new: str
) -> None:
    monkeypatch.setenv(f"{PREFIX}{name}", old)
    monkeypatch.delenv(f"{PREFIX}INPUT_BUCKET")
    fault = refused(Settings.load)[f"{PREFIX}{name}"]
    assert fault == f"is '{old}': set it to {new}, its new name"


def test_every_wrong_value_is_a_detail(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {"SOURCE": "mail", "DRAIN_S": "soon", "HTTP": "8080"}
    for name, value in wrong.items():
        monkeypatch.setenv(PREFIX + name, value)
    details = refused(Settings.load)
    assert details.keys() == {PREFIX + name for name in wrong}
    for name, value in wrong.items():
        assert details[PREFIX + name].startswith(f"is {value!r}: ")
    assert details[f"{PREFIX}SOURCE"].endswith("it should be 'queue', 'bucket' or 'direct'")


def test_missing_variables_are_named_beside_wrong_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}DRAIN_S", "soon")
    monkeypatch.delenv(f"{PREFIX}OUTPUT_QUEUE_URL")
    assert refused(Settings.load) == {
        f"{PREFIX}DRAIN_S": "is 'soon': it should be a valid number",
        f"{PREFIX}OUTPUT_QUEUE_URL": "is not set: set it to the URL of the queue of results",
    }


@pytest.mark.parametrize(
    ("source", "sink", "conditions"),
    [
        (
            "mail",
            "bucket",
            {
                "INPUT_BUCKET": "",
                "FUNCTION_NAME": f"{PREFIX}SOURCE is queue or bucket",
                "INPUT_QUEUE_URL": f"{PREFIX}SOURCE is queue",
                "OUTPUT_BUCKET": "",
            },
        ),
        (
            "bucket",
            "disk",
            {
                "INPUT_BUCKET": "",
                "FUNCTION_NAME": "",
                "OUTPUT_QUEUE_URL": f"{PREFIX}SINK is queue",
                "OUTPUT_BUCKET": f"{PREFIX}SINK is bucket",
            },
        ),
    ],
)
def test_a_wrong_source_or_sink_names_all_that_it_may_need(
    monkeypatch: pytest.MonkeyPatch, source: str, sink: str, conditions: dict[str, str]
) -> None:
    for name in WHOLE:
        monkeypatch.delenv(PREFIX + name)
    monkeypatch.setenv(f"{PREFIX}SOURCE", source)
    monkeypatch.setenv(f"{PREFIX}SINK", sink)
    details = refused(Settings.load)
    missing = {name: text for name, text in details.items() if text.startswith("is not set")}
    assert missing.keys() == {PREFIX + name for name in conditions}
    for name, condition in conditions.items():
        remedy = f"if {condition}, it needs the " if condition else "set it to the "
        assert missing[PREFIX + name].startswith(f"is not set: {remedy}")


def test_a_command_misses_no_variable_that_it_does_not_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in WHOLE:
        monkeypatch.delenv(PREFIX + name)
    monkeypatch.setenv(f"{PREFIX}SINK", "disk")
    details = refused(lambda: Settings.load("sink", "output_queue_url", "results_dir"))
    assert details.keys() == {f"{PREFIX}SINK", f"{PREFIX}OUTPUT_QUEUE_URL"}


def test_a_missing_variable_does_not_hide_two_equal_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(f"{PREFIX}FUNCTION_NAME")
    monkeypatch.setenv(f"{PREFIX}OUTPUT_QUEUE_URL", QUEUE)
    details = refused(lambda: Settings.load().check_bridge())
    assert details.keys() == {f"{PREFIX}FUNCTION_NAME", f"{PREFIX}OUTPUT_QUEUE_URL"}


def test_only_the_named_variables_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in Settings.model_fields:
        if field != "table":
            monkeypatch.setenv(variable(field), "no, never")
    monkeypatch.setenv(f"{PREFIX}TABLE", "students")
    settings = Settings.load("table")
    assert settings.table == "students"
    assert settings.max_in_flight == 100
    with pytest.raises(ConfigurationError, match=f"^{PREFIX}DRAIN_S is [^;]*$"):
        Settings.load("table", "drain_s")


def test_good_values_are_used_beside_wrong_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}DRAIN_S", "soon")
    monkeypatch.setenv(f"{PREFIX}MAX_IN_FLIGHT", "7")
    settings, problems = Settings.usable()
    assert (settings.drain_s, settings.max_in_flight) == (25, 7)
    assert settings.input_bucket == "input-bucket-video"
    assert [problem.field for problem in problems] == ["drain_s"]


@pytest.mark.parametrize("scheme", ["ftp", "https"])
def test_a_password_in_a_url_is_refused_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.setenv(f"{PREFIX}INPUT_QUEUE_URL", f"{scheme}://somebody:secret@host/1/queue")
    with pytest.raises(ConfigurationError, match="://…@host/1/queue") as caught:
        Settings.load()
    assert "secret" not in str(caught.value)


def test_a_file_as_the_results_folder_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "results").touch()
    monkeypatch.chdir(tmp_path)
    settings = Settings.load()
    with pytest.raises(ConfigurationError, match=r"results', which is a file: name a folder$"):
        settings.check_bridge()


def test_a_too_long_results_folder_stops_the_bridge_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # The default is a folder below the one that a command is started in.
    deep = tmp_path.joinpath(*["d" * 100] * 5)
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    settings = Settings.load()
    assert Settings.load("table").results_dir == Path("results")
    with pytest.raises(ConfigurationError, match=r"^HYBRIDSPHERE_RESULTS_DIR stands for .* 500"):
        settings.check_bridge()
    assert [one.field for one in settings.problems()] == ["results_dir"]
    monkeypatch.setenv(f"{PREFIX}RESULTS_DIR", str(tmp_path))
    Settings.load().check_bridge()
