"""The environment names the Proxmox VE to test against, completely or not at all."""

from pathlib import Path

import pytest

from conformance.place import named_place

NAMED = {
    "PROXIMITY_TEST_PVE_URL": "https://a:8006,https://b:8006",
    "PROXIMITY_TEST_PVE_TOKEN_ID": "root@pam!test",
    "PROXIMITY_TEST_PVE_TOKEN_SECRET": "s",
    "PROXIMITY_TEST_PVE_NODE": "a",
    "PROXIMITY_TEST_PVE_ROOTFS_STORAGE": "local-lvm",
    "PROXIMITY_TEST_PVE_TEMPLATE_STORAGE": "local",
    "PROXIMITY_TEST_PVE_TEMPLATE": "local:vztmpl/debian.tar.zst",
}


def test_none_is_named() -> None:
    assert named_place({"PROXIMITY_TEST_OTHER": "x"}) is None


def test_one_is_named(tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_text("PEM")
    for ca in ("PEM", str(authority)):
        place = named_place(NAMED | {"PROXIMITY_TEST_PVE_CA": ca, "PROXIMITY_TEST_PVE_VMID_BASE": "95000"})
        assert place is not None
        assert (place.connection.ca, place.vmid_base, place.real) == ("PEM", 95000, True)
        assert place.oci_tar is None
        assert place.connection.endpoints == ("https://a:8006", "https://b:8006")


def test_an_archive_is_named() -> None:
    place = named_place(NAMED | {"PROXIMITY_TEST_PVE_OCI_TAR": "/tmp/nginx.tar"})
    assert place is not None
    assert place.oci_tar == Path("/tmp/nginx.tar")


@pytest.mark.parametrize("name", sorted(NAMED.keys() - {"PROXIMITY_TEST_PVE_URL"}))
def test_one_is_named_by_half(name: str) -> None:
    with pytest.raises(KeyError):
        named_place({key: value for key, value in NAMED.items() if key != name})
