"""Users: added, given roles, shut out; never without an admin."""

import pytest
from sqlalchemy import Engine, func, select

from sdxl_reg.catalog.access.credentials import sign_in, viewer_by_session
from sdxl_reg.catalog.access.passwords import hashed, is_outdated, is_password
from sdxl_reg.catalog.access.users import (
    add_user,
    find_user,
    has_users,
    set_admin,
    set_disabled,
    set_password,
    set_role,
    user_facts,
    users,
)
from sdxl_reg.catalog.audit import acting_as
from sdxl_reg.errors import Conflict, InvalidValue, NotFound, NotSignedIn
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.tables import BrowserSession, EventLog
from sdxl_reg.vocabulary import Role

PASSWORD = "correct horse battery"


@pytest.fixture
def peopled(engine: Engine) -> Engine:
    """A registry with an admin and a writer."""
    with transaction(engine) as session, acting_as("root"):
        add_user(session, "Anna", password=PASSWORD, is_admin=True)
        set_role(session, add_user(session, "ben"), "main", Role.WRITER)
    return engine


def test_the_first_user_has_to_be_an_admin(engine: Engine) -> None:
    with transaction(engine) as session:
        assert not has_users(session)
        with pytest.raises(Conflict, match="first user has to be an admin"):
            add_user(session, "ben")
        add_user(session, "anna", is_admin=True)
        assert has_users(session)


def test_a_name_is_one_whatever_its_case_and_near_names_are_told(peopled: Engine) -> None:
    with transaction(peopled) as session:
        assert find_user(session, "ANNA").name == "Anna"
        with pytest.raises(Conflict, match="there is a user 'anna'"):
            add_user(session, "anna")
        with pytest.raises(NotFound, match="Did you mean 'Anna'"):
            find_user(session, "ana")


@pytest.mark.parametrize("name", ["", " ", "a b", "../x", "a/b", "<b>", "x" * 65, "-x"])
def test_a_name_that_cannot_be_used_is_refused(peopled: Engine, name: str) -> None:
    with transaction(peopled) as session, pytest.raises(InvalidValue, match="name of a user"):
        add_user(session, name)


def test_roles_are_given_changed_and_taken(peopled: Engine) -> None:
    with transaction(peopled) as session:
        ben = find_user(session, "ben")
        set_role(session, ben, "packaging", Role.READER)
        set_role(session, ben, "main", Role.TRAINER)
    with transaction(peopled) as session:
        ben = find_user(session, "ben")
        assert user_facts(ben)["roles"] == {"main": "trainer", "packaging": "reader"}
        set_role(session, ben, "main", None)
        set_role(session, ben, "nowhere", None)
        with pytest.raises(InvalidValue, match="name of a project"):
            set_role(session, ben, "Main Project", Role.READER)
    with reading(peopled) as session:
        assert [user_facts(user)["roles"] for user in users(session)] == [
            {},
            {"packaging": "reader"},
        ]


def test_the_last_admin_stays_one(peopled: Engine) -> None:
    with transaction(peopled) as session:
        anna, ben = find_user(session, "anna"), find_user(session, "ben")
        for attempt in (set_admin, set_disabled):
            with pytest.raises(Conflict, match="Anna is the only admin"):
                attempt(session, anna, attempt is set_disabled)
        set_admin(session, ben, True)
        session.flush()
        set_admin(session, anna, False)
        session.flush()
        with pytest.raises(Conflict, match="ben is the only admin"):
            set_disabled(session, ben, True)


def test_another_password_and_being_shut_out_end_the_sessions_of_browsers(peopled: Engine) -> None:
    with transaction(peopled) as session:
        set_role(session, find_user(session, "anna"), "main", Role.READER)
        set_admin(session, find_user(session, "ben"), True)
        secret = sign_in(session, "anna", PASSWORD)
        assert viewer_by_session(session, secret) is not None
        set_password(session, find_user(session, "anna"), PASSWORD + "!")
        assert viewer_by_session(session, secret) is None
        secret = sign_in(session, "anna", PASSWORD + "!")
        set_disabled(session, find_user(session, "anna"), True)
        session.flush()
        assert session.scalar(select(func.count()).select_from(BrowserSession)) == 0
        with pytest.raises(NotSignedIn, match="shut out"):
            sign_in(session, "anna", PASSWORD + "!")


def test_all_of_it_is_noted_with_who_did_it(peopled: Engine) -> None:
    with reading(peopled) as session:
        log = session.scalars(select(EventLog).order_by(EventLog.id)).all()
    assert [(line.actor, line.verb, line.subject) for line in log] == [
        ("root", "user.added", "Anna"),
        ("root", "user.added", "ben"),
        ("root", "user.role_set", "ben"),
    ]


def test_a_password_is_kept_as_argon2id_and_never_as_it_is() -> None:
    kept = hashed(PASSWORD)
    assert kept.startswith("$argon2id$")
    assert kept != hashed(PASSWORD)
    assert is_password(kept, PASSWORD)
    assert not is_outdated(kept)
    assert is_outdated("$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$ZAY7L5jPkXw")


@pytest.mark.parametrize("given", ["", "correct horse batter", PASSWORD + " ", "x" * 5000])
def test_anything_else_is_not_the_password(given: str) -> None:
    assert not is_password(hashed(PASSWORD), given)


def test_nobody_signs_in_without_a_password_or_with_one_that_is_damaged() -> None:
    assert not is_password(None, "the password of nobody")
    assert not is_password("not a hash", PASSWORD)


@pytest.mark.parametrize("password", ["", "nine sign", "x" * 1001])
def test_a_password_too_short_or_too_long_is_refused(password: str) -> None:
    with pytest.raises(InvalidValue, match="length of the password"):
        hashed(password)
