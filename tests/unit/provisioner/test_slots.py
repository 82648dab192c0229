"""Whose turn it is when a slot becomes free."""

from proximity_provisioner.slots import ASKS_AGAIN_WITHIN, Waiting


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_first_come_first_served() -> None:
    waiting = Waiting(Clock())
    for application_id in ("a", "b", "a"):
        waiting.add("node.pve", application_id)
    assert waiting.first("node.pve") == "a"
    waiting.remove("a")
    assert waiting.first("node.pve") == "b"
    waiting.remove("b")
    assert waiting.first("node.pve") is None


def test_each_scope_has_its_own_queue() -> None:
    waiting = Waiting(Clock())
    waiting.add("node.pve", "a")
    waiting.add("storage.pve", "b")
    assert waiting.first("storage.pve") == "b"
    assert waiting.first("storage.other") is None


def test_who_does_not_ask_again_loses_its_place() -> None:
    """Another replica may have begun it meanwhile: a slot is not offered to nobody."""
    clock = Clock()
    waiting = Waiting(clock)
    waiting.add("node.pve", "a")
    waiting.add("node.pve", "b")
    clock.now += ASKS_AGAIN_WITHIN - 1
    waiting.add("node.pve", "b")
    clock.now += 2
    assert waiting.first("node.pve") == "b"
