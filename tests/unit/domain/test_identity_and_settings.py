"""Users and the installation: each comes to be once."""

from datetime import UTC, datetime

from proximity.domain.identity import identity
from proximity.domain.identity.identity import ChangePassword, CreateUser, PasswordChanged, User, UserCreated
from proximity.domain.settings import settings
from proximity.domain.settings.settings import Installation, InstallationFounded

CREATE = CreateUser(operation_id="op", username="Ada", role="admin", founder=True)
CREATED = UserCreated(operation_id="op", username="Ada", role="admin", founder=True)


def test_a_user_is_created_once() -> None:
    assert identity.decide(CREATE, User()) == [CREATED]
    assert identity.decide(CREATE, User("Ada", "admin")) == []


def test_a_founder_needs_the_installation_and_the_name() -> None:
    assert [(w.kind, w.key) for w in identity.wishes("u1", CREATED)] == [
        ("installation", "setup"),
        ("user", identity.username_key(" ada ")),
    ]


def test_an_installation_is_founded_once() -> None:
    assert settings.found("i1", Installation()) == [InstallationFounded(installation_id="i1")]
    assert settings.found("i2", Installation("i1")) == []


def test_a_restore_that_is_run_again_is_one() -> None:
    now = datetime.now(UTC)
    (told,) = settings.restored("b1", now, 7, Installation("i1"))
    state = settings.evolve(Installation("i1"), told, now)
    assert state == Installation("i1", "b1")
    assert settings.restored("b1", now, 8, state) == []
    assert settings.restored("b2", now, 8, state)[0].position == 8


def test_a_password_is_changed_by_who_has_one() -> None:
    change = ChangePassword(operation_id="op")
    assert identity.decide(change, User("Ada", "admin")) == [PasswordChanged(operation_id="op", username="Ada")]
    assert identity.decide(change, User()) == []


def test_changing_a_password_changes_nothing_else() -> None:
    changed = PasswordChanged(operation_id="op", username="Ada")
    assert identity.evolve(User("Ada", "admin"), changed, datetime.now(UTC)) == User("Ada", "admin")
    assert identity.wishes("u1", changed) == []
