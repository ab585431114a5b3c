"""Tokens and sessions: told once, kept as a digest, over when they are."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, select, update

from sdxl_reg.catalog.access.credentials import (
    TOKEN_PREFIX,
    csrf_token,
    find_token,
    is_use_to_be_noted,
    issue_token,
    revoke_token,
    sign_in,
    sign_out,
    token_facts,
    tokens,
    viewer_by_session,
    viewer_by_token,
)
from sdxl_reg.catalog.access.users import add_user, find_user, set_disabled, set_role
from sdxl_reg.errors import InvalidValue, NotFound, NotSignedIn
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.tables import BrowserSession, Token, now
from sdxl_reg.vocabulary import Role

PASSWORD = "correct horse battery"


@pytest.fixture
def peopled(engine: Engine) -> Engine:
    """A registry with an admin and a trainer who has a password."""
    with transaction(engine) as session:
        add_user(session, "boss", is_admin=True)
        set_role(session, add_user(session, "anna", password=PASSWORD), "main", Role.TRAINER)
    return engine


def test_a_token_signs_its_user_in_and_only_its_digest_is_kept(peopled: Engine) -> None:
    with transaction(peopled) as session:
        issued = issue_token(session, find_user(session, "anna"), "WebUI", role=Role.READER)
    assert issued.secret.startswith(TOKEN_PREFIX)
    assert len(issued.secret) == len(TOKEN_PREFIX) + 43  # 256 bits
    with reading(peopled) as session:
        viewer, token = viewer_by_token(session, issued.secret)
        assert (viewer.name, viewer.roles, viewer.through) == (
            "anna",
            {"main": Role.READER},
            "token",
        )
        kept = session.execute(select(Token.__table__)).mappings().one()
        assert issued.secret not in str(dict(kept))
        assert "secret" not in token_facts(token)
        left = token.expires_at - now() if token.expires_at else timedelta(0)
        assert timedelta(days=89) < left <= timedelta(days=90)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda token: setattr(token, "expires_at", now()), "has expired"),
        (lambda token: setattr(token, "revoked_at", now()), "has been revoked"),
        (lambda token: setattr(token.user, "is_disabled", True), "anna is shut out"),
        (lambda token: setattr(token, "digest", "0" * 64), "is not known"),
    ],
)
def test_a_token_that_is_over_says_why(peopled: Engine, change: object, told: str) -> None:
    with transaction(peopled) as session:
        issued = issue_token(session, find_user(session, "anna"), "WebUI")
        change(issued.token)  # type: ignore[operator]
    with reading(peopled) as session, pytest.raises(NotSignedIn, match=told):
        viewer_by_token(session, issued.secret)


def test_a_token_without_end_stays_and_numbers_of_days_are_checked(peopled: Engine) -> None:
    with transaction(peopled) as session:
        anna = find_user(session, "anna")
        issued = issue_token(session, anna, "for good", days=None)
        assert viewer_by_token(session, issued.secret)[0].name == "anna"
        for days in (0, -1, 4000):
            with pytest.raises(InvalidValue, match="days until a token expires"):
                issue_token(session, anna, "x", days=days)
        with pytest.raises(InvalidValue, match="name of a project"):
            issue_token(session, anna, "x", project="No Project")


def test_tokens_are_listed_newest_first_and_revoked_once(peopled: Engine) -> None:
    with transaction(peopled) as session:
        anna, boss = find_user(session, "anna"), find_user(session, "boss")
        first, _ = issue_token(session, anna, "one"), issue_token(session, boss, "two")
        assert [token.name for token in tokens(session)] == ["two", "one"]
        assert [token.name for token in tokens(session, anna)] == ["one"]
        revoke_token(session, first.token)
        moment = first.token.revoked_at
        revoke_token(session, first.token)
        assert first.token.revoked_at == moment
        with pytest.raises(NotFound):
            find_token(session, 999)


def test_the_use_of_a_token_is_noted_once_a_minute(peopled: Engine) -> None:
    with transaction(peopled) as session:
        token = issue_token(session, find_user(session, "anna"), "one").token
        assert is_use_to_be_noted(token)
        token.used_at = now()
        assert not is_use_to_be_noted(token)
        token.used_at = now() - timedelta(seconds=61)
        assert is_use_to_be_noted(token)


def test_a_browser_signs_in_and_out(peopled: Engine) -> None:
    with transaction(peopled) as session:
        secret = sign_in(session, "ANNA", PASSWORD)
        viewer = viewer_by_session(session, secret)
        assert viewer is not None
        assert (viewer.name, viewer.through) == ("anna", "password")
        assert viewer_by_session(session, secret + "x") is None
        sign_out(session, secret)
        assert viewer_by_session(session, secret) is None


@pytest.mark.parametrize(
    ("name", "password"), [("anna", "wrong"), ("nobody", PASSWORD), ("boss", ""), ("", "")]
)
def test_wrong_names_and_passwords_are_told_alike(
    peopled: Engine, name: str, password: str
) -> None:
    with (
        transaction(peopled) as session,
        pytest.raises(NotSignedIn, match="name or password is wrong"),
    ):
        sign_in(session, name, password)


def test_a_session_ends_after_its_time_and_is_forgotten_then(peopled: Engine) -> None:
    with transaction(peopled) as session:
        secret = sign_in(session, "anna", PASSWORD)
        session.execute(update(BrowserSession).values(expires_at=now()))
        assert viewer_by_session(session, secret) is None
        sign_in(session, "anna", PASSWORD)
        assert len(session.scalars(select(BrowserSession)).all()) == 1


def test_who_is_shut_out_is_so_at_once(peopled: Engine) -> None:
    with transaction(peopled) as session:
        secret = sign_in(session, "anna", PASSWORD)
        anna = find_user(session, "anna")
        anna.is_disabled = True
        session.flush()
        assert viewer_by_session(session, secret) is None
        set_disabled(session, anna, False)


def test_the_word_of_a_session_is_its_own() -> None:
    assert csrf_token("one") == csrf_token("one") != csrf_token("two")
    assert "one" not in csrf_token("one")
