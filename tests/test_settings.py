"""The environment: what is read, and what is said of values that cannot work."""

import os
from pathlib import Path

import pytest

from hybridsphere.errors import ConfigurationError
from hybridsphere.settings import Settings, unknown_variables
from hybridsphere.variables import PREFIX, variable

QUEUE = "https://sqs.eu-west-1.amazonaws.com/123456789012/queue"
WHOLE = {
    "INPUT_QUEUE_URL": QUEUE,
    "OUTPUT_QUEUE_URL": f"{QUEUE}-of-results",
    "FUNCTION_NAME": "face-recognition",
    "INPUT_BUCKET": "input-bucket-video",
}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A configuration that works, and nothing else of ours."""
    for name in list(os.environ):
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)
    for name, value in WHOLE.items():
        monkeypatch.setenv(PREFIX + name, value)


def test_what_is_not_set_has_the_defaults_of_the_contract() -> None:
    settings = Settings.load()
    settings.check_bridge()
    assert (settings.source, settings.sink) == ("queue", "queue")
    assert settings.results_dir == Path("results")
    assert settings.invocation_type == "Event"
    assert (settings.max_in_flight, settings.max_attempts, settings.drain_s) == (100, 3, 25)
    assert settings.http == ("127.0.0.1", 8080)
    assert settings.dead_letter_queue_url is None


@pytest.mark.parametrize("empty", [True, False])
@pytest.mark.parametrize("name", WHOLE)
def test_a_variable_that_is_missing_or_empty_is_named(
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
def test_a_value_that_cannot_work_is_named_in_one_line(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(ConfigurationError) as caught:
        Settings.load()
    text = str(caught.value)
    assert text.startswith(f"{PREFIX}{name}={value!r} cannot be used: ")
    assert "\n" not in text


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
def test_a_value_that_can_work_is_taken(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
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
def test_health_listens_where_it_is_told_and_nowhere_if_empty(
    monkeypatch: pytest.MonkeyPatch, value: str, address: tuple[str, int] | None
) -> None:
    monkeypatch.setenv(f"{PREFIX}HTTP", value)
    assert Settings.load().http == address


def test_an_empty_variable_is_one_that_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
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
def test_each_way_needs_what_it_uses_and_no_more(
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


def test_all_that_is_missing_is_named_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in WHOLE:
        monkeypatch.delenv(PREFIX + name)
    with pytest.raises(ConfigurationError) as caught:
        Settings.load().check_bridge()
    assert "\n" not in str(caught.value)
    for name in WHOLE:
        assert f"{PREFIX}{name} is not set. Needed: the " in str(caught.value)


def test_a_variable_that_is_set_but_unknown_is_told_where_one_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(f"{PREFIX}INPUT_BUCKET")
    monkeypatch.setenv(f"{PREFIX}INPUTBUCKET", "input-bucket-video")
    with pytest.raises(ConfigurationError, match=f"{PREFIX}INPUTBUCKET is set, but unknown"):
        Settings.load().check_bridge()


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("MAX_INFLIGHT", "MAX_IN_FLIGHT"),
        ("INPUT_QUEUE", "INPUT_QUEUE_URL"),
        ("GALERY", "GALLERY"),
        ("XYZZY", None),
    ],
)
def test_a_variable_that_nothing_reads_is_told_with_the_nearest_that_something_does(
    name: str, nearest: str | None
) -> None:
    environ = {PREFIX + name: "1", f"{PREFIX}GALLERY": "x", "PATH": "/bin"}
    found = PREFIX + nearest if nearest else None
    assert unknown_variables(environ) == {PREFIX + name: found}


def test_credentials_are_no_settings() -> None:
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
def test_what_would_feed_itself_for_ever_is_refused(
    monkeypatch: pytest.MonkeyPatch, one: str, other: str, value: str
) -> None:
    for name in (one, other):
        monkeypatch.setenv(f"{PREFIX}{name}", value)
    with pytest.raises(ConfigurationError, match=f"{one} and {PREFIX}{other} are both"):
        Settings.load().check_bridge()


def test_an_old_source_is_refused_with_its_new_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}SOURCE", "none")
    with pytest.raises(ConfigurationError, match="'none' cannot be used: set it to direct"):
        Settings.load()


def test_all_values_that_cannot_work_are_named_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {"SOURCE": "mail", "DRAIN_S": "soon", "HTTP": "8080"}
    for name, value in wrong.items():
        monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(ConfigurationError) as caught:
        Settings.load()
    text = str(caught.value)
    assert "\n" not in text
    for name, value in wrong.items():
        assert f"{PREFIX}{name}={value!r} cannot be used: " in text
    assert "it should be 'queue', 'bucket' or 'direct'; " in text


def test_what_is_missing_is_told_beside_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}DRAIN_S", "soon")
    monkeypatch.setenv(f"{PREFIX}INPUT_BUCKET", "s3://bucket")
    monkeypatch.delenv(f"{PREFIX}OUTPUT_QUEUE_URL")
    with pytest.raises(ConfigurationError) as caught:
        Settings.load()
    bucket, drain = str(caught.value).split("; ")
    assert bucket.startswith(f"{PREFIX}INPUT_BUCKET='s3://bucket' cannot be used: ")
    assert drain == (
        f"{PREFIX}DRAIN_S='soon' cannot be used: it should be a valid number. "
        f"{PREFIX}OUTPUT_QUEUE_URL is not set. Needed: the URL of the queue of results."
    )


@pytest.mark.parametrize(
    ("source", "sink", "conditions"),
    [
        (
            "mail",
            "bucket",
            {
                "INPUT_BUCKET": "",
                "FUNCTION_NAME": f" if {PREFIX}SOURCE is queue or bucket",
                "INPUT_QUEUE_URL": f" if {PREFIX}SOURCE is queue",
                "OUTPUT_BUCKET": "",
            },
        ),
        (
            "bucket",
            "disk",
            {
                "INPUT_BUCKET": "",
                "FUNCTION_NAME": "",
                "OUTPUT_QUEUE_URL": f" if {PREFIX}SINK is queue",
                "OUTPUT_BUCKET": f" if {PREFIX}SINK is bucket",
            },
        ),
    ],
)
def test_of_a_way_that_there_is_not_all_is_told_that_one_may_need(
    monkeypatch: pytest.MonkeyPatch, source: str, sink: str, conditions: dict[str, str]
) -> None:
    for name in WHOLE:
        monkeypatch.delenv(PREFIX + name)
    monkeypatch.setenv(f"{PREFIX}SOURCE", source)
    monkeypatch.setenv(f"{PREFIX}SINK", sink)
    with pytest.raises(ConfigurationError) as caught:
        Settings.load()
    text = str(caught.value)
    assert "\n" not in text
    assert text.count(" cannot be used: ") == 1
    assert text.count(" is not set. ") == len(conditions)
    for name, condition in conditions.items():
        assert f"{PREFIX}{name} is not set. Needed{condition}: the " in text


def test_a_command_is_told_of_no_variable_missing_that_it_does_not_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in WHOLE:
        monkeypatch.delenv(PREFIX + name)
    monkeypatch.setenv(f"{PREFIX}SINK", "disk")
    with pytest.raises(ConfigurationError) as caught:
        Settings.load("sink", "output_queue_url", "results_dir")
    assert str(caught.value).partition(". ")[2] == (
        f"{PREFIX}OUTPUT_QUEUE_URL is not set. Needed if {PREFIX}SINK is queue: "
        "the URL of the queue of results."
    )


def test_what_is_missing_does_not_hide_two_that_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(f"{PREFIX}FUNCTION_NAME")
    monkeypatch.setenv(f"{PREFIX}OUTPUT_QUEUE_URL", QUEUE)
    with pytest.raises(ConfigurationError) as caught:
        Settings.load().check_bridge()
    assert f"are both {QUEUE!r}: name two. {PREFIX}FUNCTION_NAME is not set. " in str(caught.value)


def test_only_the_variables_asked_for_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in Settings.model_fields:
        if field != "table":
            monkeypatch.setenv(variable(field), "no, never")
    monkeypatch.setenv(f"{PREFIX}TABLE", "students")
    settings = Settings.load("table")
    assert settings.table == "students"
    assert settings.max_in_flight == 100
    with pytest.raises(ConfigurationError, match=f"^{PREFIX}DRAIN_S=[^;]*$"):
        Settings.load("table", "drain_s")


def test_what_can_be_used_is_told_from_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}DRAIN_S", "soon")
    monkeypatch.setenv(f"{PREFIX}MAX_IN_FLIGHT", "7")
    settings, complaints = Settings.usable()
    assert (settings.drain_s, settings.max_in_flight) == (25, 7)
    assert settings.input_bucket == "input-bucket-video"
    assert [complaint.field for complaint in complaints] == ["drain_s"]


@pytest.mark.parametrize("scheme", ["ftp", "https"])
def test_a_password_in_an_address_is_refused_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.setenv(f"{PREFIX}INPUT_QUEUE_URL", f"{scheme}://somebody:secret@host/1/queue")
    with pytest.raises(ConfigurationError, match="://…@host/1/queue") as caught:
        Settings.load()
    assert "secret" not in str(caught.value)


def test_a_file_for_a_results_folder_is_refused_by_the_bridge_before_it_begins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "results").touch()
    monkeypatch.chdir(tmp_path)
    settings = Settings.load()
    with pytest.raises(ConfigurationError, match=r"results', which is a file: name a folder$"):
        settings.check_bridge()


def test_a_results_folder_too_deep_for_a_key_is_the_bridge_s_alone_to_mind(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # The default is a folder below the one that a command is started in.
    deep = tmp_path.joinpath(*["d" * 100] * 5)
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    settings, complaints = Settings.usable()
    assert (settings, complaints) == (Settings.load(), [])
    assert Settings.load("table").results_dir == Path("results")
    with pytest.raises(ConfigurationError, match=r"^HYBRIDSPHERE_RESULTS_DIR stands for .* 500"):
        settings.check_bridge()
    assert [one.field for one in settings.bridge_complaints()] == ["results_dir"]
    monkeypatch.setenv(f"{PREFIX}RESULTS_DIR", str(tmp_path))
    Settings.load().check_bridge()
