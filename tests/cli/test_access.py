"""`sdxl-reg user`, `token`, `project` and `log`."""

import io
import json
from pathlib import Path

import pytest

from tests.cli.typing_commands import json_of, run
from tests.registry.catalog.pictures import products

PASSWORD = "correct horse battery"


def _types(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


@pytest.fixture
def peopled(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with an admin who has a password, and a program."""
    _types(monkeypatch, PASSWORD + "\n")
    assert run("user", "add", "anna", "--admin", "--password-stdin") == 0
    assert run("user", "add", "ci", "--no-password", "--role", "main=trainer") == 0
    return home


def test_users_are_added_listed_and_given_roles(
    peopled: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("user", "list") == 0
    told = capsys.readouterr().out
    assert "everything" in told
    assert "trainer in main" in told
    assert "with tokens only" in told
    assert json_of(capsys, "user", "role", "ci", "lab", "reader")["roles"] == {
        "lab": "reader",
        "main": "trainer",
    }
    assert json_of(capsys, "user", "role", "ci", "main", "none")["roles"] == {"lab": "reader"}
    assert json_of(capsys, "user", "admin", "ci")["is_admin"]
    assert not json_of(capsys, "user", "admin", "ci", "--not")["is_admin"]
    assert json_of(capsys, "user", "disable", "ci")["is_disabled"]
    assert not json_of(capsys, "user", "enable", "ci")["is_disabled"]


def test_a_password_is_changed(
    peopled: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _types(monkeypatch, "another one, longer\n")
    assert json_of(capsys, "user", "password", "ci", "--password-stdin")["has_password"]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("user", "add", "ben"), 2, "nobody to ask for a password"),
        (("user", "add", "anna", "--no-password"), 4, "there is a user 'anna'"),
        (("user", "add", "b", "--no-password", "--role", "main"), 2, "is not PROJECT=ROLE"),
        (("user", "add", "b", "--no-password", "--role", "main=king"), 2, "roles are reader"),
        (("user", "role", "nobody", "main", "reader"), 3, "no such user: 'nobody'"),
        (("user", "disable", "anna"), 4, "anna is the only admin"),
        (("token", "create", "nobody", "x"), 3, "no such user"),
        (("token", "revoke", "99"), 3, "no such token"),
        (("project", "move", "lab", "weipin"), 2, "cannot be moved"),
        (("project", "move", "Lab!", "image_set:weipin"), 2, "name of a project"),
    ],
)
def test_what_cannot_be_done_is_told(
    peopled: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    code: int,
    told: str,
) -> None:
    assert run(*arguments) == code
    assert told in capsys.readouterr().err


def test_nothing_is_half_done_when_a_role_is_refused(
    peopled: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("user", "add", "b", "--no-password", "--role", "Not OK=reader") == 2
    assert [user["name"] for user in json_of(capsys, "user", "list")["users"]] == ["anna", "ci"]


def test_a_token_is_printed_once_listed_without_its_secret_and_revoked(
    peopled: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert run("token", "create", "ci", "nightly training", "--role", "trainer") == 0
    told = capsys.readouterr()
    assert told.out.startswith("sdxlreg_")  # alone on stdout: $(sdxl-reg token create …)
    assert "nobody can read it again" in told.err
    made = json_of(capsys, "token", "create", "ci", "for good", "--forever", "--project", "main")
    assert made["expires_at"] is None
    assert run("token", "list") == 0
    listed = capsys.readouterr().out
    assert "nightly training" in listed
    assert told.out.strip() not in listed
    assert json_of(capsys, "token", "revoke", made["id"])["revoked_at"]
    states = [one["revoked_at"] is None for one in json_of(capsys, "token", "list")["tokens"]]
    assert states == [False, True]


def test_sets_are_ingested_into_a_project_and_moved_to_another(
    home: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert run("ingest", products(tmp_path / "products"), "--project", "lab") == 0
    assert json_of(capsys, "project", "list")["projects"]["lab"]["image_sets"] == 1
    assert json_of(capsys, "project", "move", "main", "image_set:weipin")["project"] == "main"
    assert run("project", "list") == 0
    assert "lab" not in capsys.readouterr().out
    monkeypatch.setenv("SDXL_REG_PROJECT", "studio")
    assert run("ingest", tmp_path / "products" / "weipin", "--as", "again") == 0
    assert json_of(capsys, "project", "list")["projects"]["studio"]["image_sets"] == 1


def test_the_log_says_who_did_what(
    peopled: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "carla")
    assert run("user", "role", "ci", "lab", "reader") == 0
    newest = json_of(capsys, "log", "--limit", "1")["events"][0]
    assert (newest["actor"], newest["verb"], newest["subject"]) == (
        "carla",
        "user.role_set",
        "ci",
    )
    assert newest["payload"] == {"project": "lab", "role": "reader"}
    assert run("log") == 0
    assert "user.added" in capsys.readouterr().out


def test_a_user_without_a_name_on_this_machine_is_a_number(
    peopled: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr("getpass.getuser", nameless)
    assert run("user", "role", "ci", "lab", "reader") == 0
    actor = json.loads(json.dumps(json_of(capsys, "log", "--limit", "1")))["events"][0]["actor"]
    assert actor.startswith("user ")
