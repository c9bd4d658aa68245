"""Who may: host, origin, token, login, role."""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from hybridsphere.cli.app import main
from hybridsphere.errors import CannotRun, ConfigurationError
from hybridsphere.page.passwords import Role, add_user, read_users
from hybridsphere.page.patience import Patience
from hybridsphere.page.security import check_address
from tests.page.conftest import Clock, Open
from tests.page.page_stage import Visitor, keep, seen, settings, store

PASSWORD = "correct horse"

CHANGES = (
    "/people/enroll",
    "/people/search",
    "/person/rename",
    "/person/consent",
    "/person/forget",
    "/unknown/again",
    "/class/roster",
    "/replay",
)
"""The changes that a viewer is refused."""


@pytest.fixture(scope="module")
def password_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A password file with a viewer, an editor and an operator; hashing takes its time."""
    path = tmp_path_factory.mktemp("users") / "users"
    for role in Role:
        add_user(path, role.word, role, PASSWORD)
    return path


@pytest.fixture
def users(password_file: Path, tmp_path: Path) -> Path:
    """The password file of one test."""
    return Path(shutil.copy(password_file, tmp_path / "users"))


async def log_in(visitor: Visitor, name: str, password: str = PASSWORD) -> int:
    visitor.token = ""
    answer = await visitor.post("/login", {"name": name, "password": password})
    visitor.token = ""
    return answer.status


def test_an_address_that_others_reach_demands_a_login(tmp_path: Path, users: Path) -> None:
    for host in ("0.0.0.0", "192.0.2.7", "::", "faces.example.org"):
        with pytest.raises(ConfigurationError, match="nobody has to log in") as refused:
            check_address(settings(tmp_path, page=(host, 8090)))
        assert "--add-user" in refused.value.hint
        check_address(settings(tmp_path, page=(host, 8090), page_users=users))
        check_address(settings(tmp_path, page=(host, 8090), page_header="X-Remote-User"))
    for host in ("127.0.0.1", "::1", "localhost"):
        check_address(settings(tmp_path, page=(host, 8090)))


def test_a_missing_password_file_is_an_error_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(CannotRun, match="cannot be read"):
        check_address(settings(tmp_path, page_users=tmp_path / "none"))


def test_the_command_refuses_such_an_address_with_exit_code_2(tmp_path: Path) -> None:
    answer = CliRunner().invoke(
        main,
        ["page"],
        env={"HYBRIDSPHERE_PAGE": "0.0.0.0:8090", "HYBRIDSPHERE_RESULTS_DIR": str(tmp_path)},
    )
    assert answer.exit_code == 2
    assert "hint: hybridsphere page --add-user NAME" in answer.stderr


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8090", "127.0.0.1.evil.example"])
async def test_a_rebound_name_gets_nothing(visitor: Visitor, tmp_path: Path, host: str) -> None:
    store(tmp_path, seen("a.mp4", "ada_quill"))
    answer = await visitor.get("/", Host=host)
    assert answer.status == 421
    assert "ada_quill" not in await answer.text()
    for broken in ("[", "a b", "", "a" * 300 + ".example"):
        assert (await visitor.get("/", Host=broken)).status in {200, 400, 421}


async def test_a_name_of_the_settings_is_answered(open_page: Open) -> None:
    visitor = await open_page(page_names=("faces.example.org",))
    assert (await visitor.get("/", Host="faces.example.org")).status == 200
    assert (await visitor.get("/", Host="other.example.org")).status == 421


async def test_a_change_needs_the_page_s_own_origin_and_token(
    visitor: Visitor, tmp_path: Path
) -> None:
    store(tmp_path, seen("a.mp4", "ada_quill"))
    (face,) = keep(tmp_path, "a.mp4", "ada_quill").faces
    form = {"face": face, "name": "otto_brand"}
    await visitor.html("/")
    for origin in ("https://evil.example", "null", "", "http://127.0.0.1:1", "//"):
        assert (await visitor.post("/say/is", form, Origin=origin)).status == 403, origin
    good, visitor.token = visitor.token, "x" * 43
    assert (await visitor.post("/say/is", form)).status == 403
    # The token belongs to one session.
    visitor.token = good
    visitor.client.session.cookie_jar.clear()
    assert (await visitor.post("/say/is", form)).status == 403
    assert "ada_quill" in await visitor.html("/")
    assert (await visitor.post("/say/is", form)).status == 200


@pytest.mark.parametrize(
    "cookie", ["x", "x.y", ".", "e30.x", "eyJ1IjogIm9wZXJhdG9yIn0.AAAA", "é.é", "a" * 5000]
)
async def test_a_forged_cookie_is_nobody_s(
    open_page: Open, users: Path, tmp_path: Path, cookie: str
) -> None:
    store(tmp_path, seen("a.mp4", "ada_quill"))
    visitor = await open_page(page_users=users)
    name = visitor.site.gate.cookie
    answer = await visitor.get("/", Cookie=f"{name}={cookie}")
    assert (answer.status, answer.headers.get("Location")) == (303, "/login")


async def test_who_has_not_logged_in_sees_the_door_alone(
    open_page: Open, users: Path, tmp_path: Path
) -> None:
    store(tmp_path, seen("a.mp4", "ada_quill"))
    (face,) = keep(tmp_path, "a.mp4", "ada_quill").faces
    visitor = await open_page(page_users=users)
    for path in ("/now.json", "/videos.csv", "/live", f"/pictures/face/{face}", "/media?key=a.mp4"):
        answer = await visitor.client.get(path)
        assert answer.status == 401, path
    answer = await visitor.get("/")
    assert (answer.status, answer.headers["Location"]) == (303, "/login")
    assert (await visitor.post("/say/is", {"face": face, "name": "x"})).status == 401


async def test_a_role_may_what_it_may(open_page: Open, users: Path, tmp_path: Path) -> None:
    store(tmp_path, seen("a.mp4", "ada_quill"))
    (face,) = keep(tmp_path, "a.mp4", "ada_quill").faces
    visitor = await open_page(page_users=users)
    form = {"face": face, "name": "otto_brand"}
    assert await log_in(visitor, "viewer") == 303
    text = await visitor.html("/video?key=a.mp4")
    assert "ada_quill" in text
    assert 'action="/say/' not in text
    assert (await visitor.post("/say/is", form)).status == 403
    text = await visitor.html("/people") + await visitor.html("/person?name=ada_quill")
    assert 'method="post" action="/pe' not in text
    for path in CHANGES:
        assert (await visitor.post(path, {"name": "ada_quill", "new": "eve"})).status == 403, path
    assert await log_in(visitor, "editor") == 303
    assert "/person/forget" not in await visitor.html("/person?name=ada_quill")
    assert (await visitor.post("/say/is", form)).status == 200
    assert (await visitor.post("/person/forget", {"name": "otto_brand"})).status == 403
    # An editor may, and the photograph is missing.
    assert (await visitor.post("/people/enroll", {})).status == 422


async def test_logging_out_ends_the_session_for_good(open_page: Open, users: Path) -> None:
    visitor = await open_page(page_users=users)
    assert await log_in(visitor, "viewer") == 303
    cookies = visitor.client.session.cookie_jar.filter_cookies(visitor.client.make_url("/"))
    stolen = cookies[visitor.site.gate.cookie].value
    assert (await visitor.get("/videos")).status == 200
    await visitor.html("/")
    assert (await visitor.post("/logout", {})).status == 303
    kept = await visitor.get("/", Cookie=f"{visitor.site.gate.cookie}={stolen}")
    assert kept.status == 303


async def test_a_new_password_ends_the_old_one_s_sessions(open_page: Open, users: Path) -> None:
    visitor = await open_page(page_users=users)
    assert await log_in(visitor, "viewer") == 303
    assert (await visitor.get("/")).status == 200
    add_user(users, "viewer", Role.VIEWER, "another horse")
    assert (await visitor.get("/")).status == 303


async def test_a_cookie_is_for_this_page_alone(open_page: Open, users: Path) -> None:
    visitor = await open_page(page_users=users)
    answer = await visitor.get("/login")
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Secure" not in cookie
    visitor.client.session.cookie_jar.clear()
    behind_tls = await visitor.get("/login", **{"X-Forwarded-Proto": "https"})
    assert "Secure" in behind_tls.headers["Set-Cookie"]


def test_guessing_gets_slower_and_a_success_forgives(clock: Clock) -> None:
    patience: Patience = clock.patience()
    for _ in range(3):
        patience.failed("ada")
        assert patience.wait_s("ada") == 0
    waits = []
    for _ in range(10):
        patience.failed("ada")
        waits.append(patience.wait_s("ada"))
        clock.now += waits[-1]
    assert waits[0] >= 4
    assert waits == sorted(waits)
    assert waits[-1] == 300
    assert patience.wait_s("otto") == 0
    patience.succeeded("ada")
    assert patience.wait_s("ada") == 0


async def test_who_guesses_must_wait(open_page: Open, users: Path) -> None:
    visitor = await open_page(page_users=users)
    statuses = [await log_in(visitor, "viewer", "wrong") for _ in range(5)]
    assert statuses == [401, 401, 401, 401, 429]
    assert await log_in(visitor, "viewer") == 429


@pytest.mark.parametrize("name", ["viewer", "nobody at all"])
async def test_a_wrong_login_does_not_say_what_was_wrong(
    open_page: Open, users: Path, name: str
) -> None:
    visitor = await open_page(page_users=users)
    answer = await visitor.post("/login", {"name": name, "password": "wrong"})
    assert answer.status == 401
    assert "do not go together" in await answer.text()


async def test_only_the_proxy_s_header_names_somebody(
    open_page: Open, users: Path, tmp_path: Path
) -> None:
    store(tmp_path, seen("a.mp4", "ada_quill"))
    header = {"X-Remote-User": "editor"}
    trusting = await open_page(page_header="X-Remote-User", page_users=users)
    assert (await trusting.get("/", **header)).status == 200
    assert (await trusting.get("/")).status == 303
    other = await open_page(page_header="X-Remote-User", page_proxies=("192.0.2.7",))
    assert (await other.client.get("/now.json", headers=header)).status == 401


async def test_every_answer_has_the_headers_that_guard_it(visitor: Visitor) -> None:
    for path in ("/", "/nothing", "/static/page.css", "/now.json", "/live"):
        answer = await visitor.get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Server"] == "hybridsphere"
        answer.close()


async def test_a_path_climbs_nowhere(visitor: Visitor) -> None:
    for path in (
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static//etc/passwd",
        "/pictures/face/../../etc",
    ):
        assert (await visitor.client.get(path)).status == 404


async def test_an_oversized_form_is_refused(visitor: Visitor) -> None:
    answer = await visitor.post("/say/is", {"face": 1, "name": "x" * 1_000_000})
    assert answer.status == 413


def test_a_password_file_is_private_and_read_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "users"
    add_user(path, "ada", Role.EDITOR, PASSWORD)
    add_user(path, "otto", Role.VIEWER, PASSWORD)
    add_user(path, "ada", Role.OPERATOR, "another horse")
    assert path.stat().st_mode & 0o777 == 0o600
    assert PASSWORD not in path.read_text()
    users = read_users(path)
    assert users["ada"].role == Role.OPERATOR
    assert users["ada"].accepts("another horse")
    assert not users["ada"].accepts(PASSWORD)
    for name in ("", "a:b", "a\nb", "#a", "x" * 65):
        with pytest.raises(CannotRun):
            add_user(path, name, Role.VIEWER, PASSWORD)
    with pytest.raises(CannotRun):
        add_user(path, "short", Role.VIEWER, "short")
    path.write_text("ada:king:scrypt$a$b\n")
    with pytest.raises(CannotRun, match="line 1"):
        read_users(path)
