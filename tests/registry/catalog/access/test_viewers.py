"""What a role allows, and what a token leaves of it."""

from datetime import UTC, datetime

import pytest

from sdxl_reg.catalog.access.viewers import Viewer, viewer_of, viewer_with
from sdxl_reg.errors import InvalidValue, NotAllowed
from sdxl_reg.tables import Token, User, UserRole
from sdxl_reg.vocabulary import Role


def _user(*, is_admin: bool = False, **roles: Role) -> User:
    user = User(id=7, name="anna", is_admin=is_admin)
    user.roles = [UserRole(project=project, role=role) for project, role in roles.items()]
    return user


def _viewer(*, is_admin: bool = False, **roles: Role) -> Viewer:
    return viewer_of(_user(is_admin=is_admin, **roles), "password")


def _token(user: User, role: Role, project: str | None = None) -> Viewer:
    made = datetime(2026, 1, 1, tzinfo=UTC)
    return viewer_with(Token(user=user, role=role, project=project, created_at=made))


@pytest.mark.parametrize("role", Role)
def test_a_role_includes_itself_and_those_before_it(role: Role) -> None:
    order = [Role.READER, Role.WRITER, Role.TRAINER, Role.ADMIN]
    assert [role.includes(other) for other in order] == [
        place <= order.index(role) for place in range(4)
    ]


def test_a_role_counts_in_its_project_only_and_shared_is_read_by_everyone() -> None:
    anna = _viewer(main=Role.WRITER)
    assert anna.role_in("main") == Role.WRITER
    assert anna.role_in("other") is None
    assert anna.role_in("shared") == Role.READER
    assert anna.projects() == frozenset({"main", "shared"})
    assert anna.projects(Role.WRITER) == frozenset({"main"})
    assert anna.projects(Role.TRAINER) == frozenset()


def test_who_has_no_role_sees_nothing_not_even_what_is_shared() -> None:
    assert _viewer().projects() == frozenset()
    assert _viewer().role_in("shared") is None


def test_an_admin_of_the_registry_has_every_role_everywhere() -> None:
    boss = _viewer(is_admin=True, main=Role.READER)
    assert boss.projects(Role.ADMIN) is None
    assert boss.role_in("main") == Role.ADMIN
    assert boss.is_admin


def test_what_is_refused_says_who_one_is_and_what_to_ask_for() -> None:
    with pytest.raises(NotAllowed, match="anna is reader in project 'main'") as caught:
        _viewer(main=Role.READER).require(Role.WRITER, "main")
    assert "sdxl-reg user role anna main writer" in caught.value.remedy
    _viewer(main=Role.TRAINER).require(Role.WRITER, "main")
    with pytest.raises(NotAllowed, match="trainer of no project"):
        _viewer(main=Role.WRITER).require_somewhere(Role.TRAINER)


def test_a_token_may_do_no_more_than_it_was_given_nor_than_its_user_may() -> None:
    anna = _user(main=Role.WRITER, other=Role.ADMIN)
    assert _token(anna, Role.READER).roles == {"main": Role.READER, "other": Role.READER}
    assert _token(anna, Role.ADMIN).roles == {"main": Role.WRITER, "other": Role.ADMIN}
    assert _token(anna, Role.TRAINER, "other").roles == {"other": Role.TRAINER}
    assert _token(anna, Role.TRAINER, "elsewhere").projects() == frozenset()


def test_a_token_of_an_admin_is_held_to_its_role_and_its_project_too() -> None:
    boss = _user(is_admin=True)
    assert _token(boss, Role.READER).everywhere == Role.READER
    assert not _token(boss, Role.READER).is_admin
    assert _token(boss, Role.READER).projects() is None
    assert _token(boss, Role.READER).projects(Role.WRITER) == frozenset()
    held = _token(boss, Role.ADMIN, "main")
    assert (held.everywhere, held.roles) == (None, {"main": Role.ADMIN})
    assert _token(boss, Role.ADMIN).is_admin


def test_something_new_goes_where_one_may_make_it() -> None:
    assert _viewer(is_admin=True).project_for(None, Role.TRAINER) == "main"
    assert _viewer(main=Role.TRAINER, x=Role.TRAINER).project_for(None, Role.TRAINER) == "main"
    assert _viewer(main=Role.READER, x=Role.TRAINER).project_for(None, Role.TRAINER) == "x"
    assert _viewer(x=Role.TRAINER).project_for("x", Role.TRAINER) == "x"
    with pytest.raises(InvalidValue, match=r"project not given") as caught:
        _viewer(x=Role.TRAINER, y=Role.TRAINER).project_for(None, Role.TRAINER)
    assert "x, y" in caught.value.remedy
    with pytest.raises(NotAllowed):
        _viewer(x=Role.TRAINER).project_for("main", Role.TRAINER)
    with pytest.raises(NotAllowed):
        _viewer(main=Role.READER).project_for(None, Role.TRAINER)
