"""Which settings of a container count as its configuration, and what of them may be told."""

import pytest

from proximity.domain.application import events as ev
from proximity.domain.application.evolve import evolve
from proximity.domain.application.state import Application, Baseline
from proximity.domain.drift import FirstSeen
from proximity.domain.drift.configuration import comparable, is_secret
from support.comparing import ENVIRONMENT, VALUES, app, compared, found, look, view
from support.life import deployed


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("cpulimit", "0.5"),
        ("cpuunits", "50"),
        ("protection", "1"),
        ("startup", "order=2,up=30"),
        ("hookscript", "local:snippets/hook.pl"),
        ("dev0", "/dev/dri/renderD128,gid=104"),
        ("lxc", "5e884898"),
        ("timezone", "host"),
        ("template", "1"),
        ("ostype", "debian"),
        ("rootfs", "local-lvm:vm-105-disk-0,mountoptions=noatime,size=8G"),
        ("what-a-newer-proxmox-adds", "5e884898"),
    ],
)
def test_whatever_is_set_by_hand_is_a_change_of_configuration(setting: str, value: str) -> None:
    field = "rootfs.options" if setting == "rootfs" else setting
    assert set(found(compared(app(), view(look({setting: value}))))) == {f"configuration_changed:{field}"}


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("description", "Notes"),
        ("tags", "lan"),
        ("lock", "backup"),
        ("parent", "before-the-update"),
        ("snaptime", "1700000000"),
        ("unused0", "local-lvm:vm-105-disk-1"),
        ("digest", "5e884898"),
        ("rootfs", "ceph:vm-105-disk-0,size=8G"),
        ("rootfs", "volume=ceph:vm-105-disk-0,size=8G"),
    ],
)
def test_what_changes_although_the_container_is_the_same_is_none(setting: str, value: str) -> None:
    assert compared(app(), view(look({setting: value}))) == []


def test_the_order_of_the_parts_of_a_setting_does_not_matter() -> None:
    one, other = (
        {"startup": "order=1,up=2", "dev0": "/dev/a,gid=1"},
        {"startup": "up=2,order=1", "dev0": "gid=1,/dev/a"},
    )
    assert comparable(one) == comparable(other)
    disk, turned = {"rootfs": "a:b,quota=1,size=8G,acl=1"}, {"rootfs": "size=8G,a:b,acl=1,quota=1"}
    assert comparable(disk) == comparable(turned) == {"rootfs": "size=8G", "rootfs.options": "acl=1,quota=1"}


@pytest.mark.parametrize("setting", ["lxc", "entrypoint", "what-a-newer-proxmox-adds"])
def test_of_what_may_be_secret_only_that_it_differs_is_told(setting: str) -> None:
    assert is_secret(setting)
    before = Baseline(comparable({**VALUES, setting: "5e884898"}), ENVIRONMENT)
    [finding] = found(compared(app(baseline=before), view(look({setting: "0badcafe"})))).values()
    assert (finding.expected, finding.observed) == ("", "")
    assert "0badcafe" not in finding.message
    assert "5e884898" not in finding.message


@pytest.mark.parametrize("setting", ["memory", "net0", "mp10", "dev0", "rootfs", "startup", "description", "lock"])
def test_what_anybody_may_see_is_told(setting: str) -> None:
    assert not is_secret(setting)


BEFORE = {key: VALUES[key] for key in ("cores", "memory", "swap", "net0", "unprivileged")} | {"rootfs": "size=8G"}
OLD = Baseline(comparable(BEFORE), ENVIRONMENT, whole=False)


class TestABaselineFromBeforeAllSettingsWereCompared:
    def test_what_it_does_not_have_is_not_taken_for_a_change_but_into_it(self) -> None:
        seen = look({"startup": "order=1"})
        [first] = compared(app(baseline=OLD), view(seen))
        assert first == FirstSeen("a1", 105, Baseline(seen.configuration, ENVIRONMENT))
        assert compared(app(baseline=first.configuration), view(seen)) == []

    def test_what_was_changed_already_stays_a_change(self) -> None:
        seen = look({"memory": "1024", "onboot": "1", "timezone": "host"}, environment={"TOKEN": "another"})
        changes = {f"configuration_changed:{field}" for field in ("memory", "onboot", "env.TOKEN")}
        differences = compared(app(baseline=OLD), view(seen))
        assert set(found(differences)) == changes
        [first] = [d for d in differences if isinstance(d, FirstSeen)]
        assert set(found(compared(app(baseline=first.configuration), view(seen)))) == changes

    def test_of_a_guest_without_the_marker_nothing_is_taken(self) -> None:
        assert not [d for d in compared(app(baseline=OLD), view(look(markers=()))) if isinstance(d, FirstSeen)]


@pytest.mark.parametrize("whole", [True, False])
def test_given_an_observation_then_that_is_the_baseline(whole: bool) -> None:
    seen = ev.ConfigurationObserved(values={"cores": "2"}, environment={"TOKEN": "x"}, whole=whole)
    life = deployed()
    state = evolve(life.state, seen, life.now)
    assert isinstance(state, Application)
    assert state.baseline == Baseline({"cores": "2"}, {"TOKEN": "x"}, whole)
