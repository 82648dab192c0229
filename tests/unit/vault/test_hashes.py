"""What is kept of a configuration, to tell later changes by."""

from proximity.domain.application.configuration import Configuration
from proximity.vault.hashes import ConfigurationHash

HASHES = ConfigurationHash(bytes(range(32)))
SECRETS = {"entrypoint": "/run --password canary-line", "lxc": "lxc.environment=canary-raw"}


def test_the_hash_of_a_value_needs_the_key() -> None:
    one, two = ConfigurationHash(b"1" * 32), ConfigurationHash(b"2" * 32)
    assert one.of(1, "TOKEN", "secret") == one.of(1, "TOKEN", "secret")
    assert len({one.of(1, "A", "x"), one.of(1, "B", "x"), one.of(2, "A", "x"), two.of(1, "A", "x")}) == 4


def test_the_hashes_that_are_in_logs_stay_comparable() -> None:
    assert HASHES.of(105, "TOKEN", "secret") == "4ce8699b9630945d79343afa51df7285"


def test_what_may_be_secret_is_hashed_and_what_is_not_compared_is_left_out() -> None:
    values = {"memory": "512", "rootfs": "local-lvm:vm-105-disk-0,size=8G", "description": "canary-text", **SECRETS}
    kept = HASHES.configuration(105, values, {"TOKEN": "canary-token"})
    assert kept == Configuration(
        values={"memory": "512", "rootfs": "size=8G"} | {key: HASHES.of(105, key, SECRETS[key]) for key in SECRETS},
        environment={"TOKEN": HASHES.of(105, "TOKEN", "canary-token")},
    )
    assert "canary" not in kept.model_dump_json()
