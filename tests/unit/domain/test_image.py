"""What an application made of an image consists of."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from proximity.domain.application.image import Image, is_printable, merged
from proximity.domain.application.spec import Spec
from support.images import ARCHIVE, VAULTWARDEN

# as Proxmox VE 9.2 declares its parameter `env`
ENV = re.compile(r"(?:\w+=[^\x00-\x08\x0a-\x1F\x7F]*)(?:\0\w+=[^\x00-\x08\x0a-\x1F\x7F]*)*")
PARTS = st.from_regex(r"[a-z0-9]+(?:[._-][a-z0-9]+)*", fullmatch=True)
REFERENCES = st.builds(
    lambda host, path, tag: f"{host}/{'/'.join(path)}:{tag}",
    st.sampled_from(["docker.io", "ghcr.io", "localhost:5000"]),
    st.lists(PARTS, min_size=1, max_size=3),
    st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True),
).filter(lambda reference: len(reference) <= 400)


def changed(**fields: Any) -> Spec:
    return Spec.model_validate(VAULTWARDEN.model_dump() | fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"template": {"name": "debian", "version": "1"}},
        {"image": None},
        {"runtime": "template"},
        {"image": {"reference": "docker.io/vaultwarden/server"}},
        {"volumes": [{"path": "/data", "size_gib": 1}] * 2},
        {"volumes": [{"path": "data", "size_gib": 1}]},
        {"environment": {"A-B": "1"}},
        {"environment": {"A": "1\n2"}},
        {"environment": {"A": "1\x002"}},
        {"secret_environment": {"A": "nothing"}},
        {"environment": {"A": "1"}, "secret_environment": {"A": "s"}, "secrets": {"s": "id"}},
        {"entrypoint": "/a\n/b"},
        {"os": "debian"},
    ],
)
def test_what_does_not_fit_together_is_no_spec(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        changed(**fields)


def test_what_was_written_before_there_were_images_is_read() -> None:
    spec = Spec.model_validate(
        {
            "recipe": "debian",
            "recipe_version": "1",
            "runtime": "template",
            "template": {"name": "debian-12-standard", "version": "12.12-1"},
            "resources": {"cores": 1, "memory_mib": 512, "disk_gib": 4},
        }
    )
    assert (spec.image, spec.volumes, spec.disk_gib, spec.nesting) == (None, (), 4, True)


@given(REFERENCES, REFERENCES)
def test_two_references_never_share_an_archive(one: str, other: str) -> None:
    names = Image(reference=one).archive, Image(reference=other).archive
    assert (names[0] == names[1]) == (one == other)


@given(REFERENCES)
def test_proxmox_keeps_the_name_it_is_given(reference: str) -> None:
    name = Image(reference=reference).archive
    assert re.fullmatch(r"[A-Za-z0-9_.-]{1,200}", name)


def test_names_that_would_be_the_same_without_care() -> None:
    references = ["docker.io/a/b:1", "ghcr.io/a/b:1", "docker.io/a/b_1:1", "docker.io/a/b:1_1", "docker.io/a_b:1"]
    assert len({Image(reference=reference).archive for reference in references}) == len(references)


def test_a_name_does_not_change_from_one_version_to_the_next() -> None:
    assert VAULTWARDEN.image is not None
    assert f"{VAULTWARDEN.image.archive}.tar" == ARCHIVE


@given(st.text())
def test_a_value_is_printable_when_proxmox_takes_it(value: str) -> None:
    assert is_printable(value) == (ENV.fullmatch(f"A={value}") is not None and "\0" not in value)


def test_ours_win_over_the_image_s_and_nothing_is_lost() -> None:
    image = {"PATH": "/bin", "PORT": "80", "ADDED": "by hand"}
    assert merged(image, {"PORT": "8080", "NEW": "1"}) == image | {"PORT": "8080", "NEW": "1"}
