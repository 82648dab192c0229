"""What an answer means for the call: recorded refusals of a real Proxmox VE, sent over a real connection."""

import json
from pathlib import Path
from typing import Any

import pytest

from proximity.proxmox import errors
from proximity.proxmox.errors import NotExecutedError, ProxmoxError, RefusedError, UnansweredError
from proximity.proxmox.translation import error_for
from unit.proxmox.conftest import MakeClient
from unit.proxmox.scripted_server import Answer, ScriptedServer, refusal

REFUSALS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "recorded" / "refusals.json").read_text())[
    "answers"
]


def _answer(recorded: dict[str, Any]) -> Answer:
    body = json.dumps(recorded["body"]) if "body" in recorded else recorded["text"]
    return Answer(recorded["status"], recorded["reason"], body.encode(), {"Connection": "close"})


@pytest.mark.parametrize("recorded", REFUSALS, ids=lambda recorded: recorded["id"])
async def test_recorded_refusals(connect: MakeClient, server: ScriptedServer, recorded: dict[str, Any]) -> None:
    kind: type[ProxmoxError] = getattr(errors, recorded["means"])
    server.script = [_answer(recorded)]
    with pytest.raises(ProxmoxError) as refused:
        await connect(server.endpoint).start_container("pve", 101)
    error = refused.value
    assert type(error) is kind
    assert error.status == recorded["status"]
    assert error.words.startswith(recorded["reason"])
    for name, text in recorded.get("body", {}).get("errors", {}).items():
        assert error.errors[name] == text
        assert f"{name}: {text.strip()}" in error.words
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (596, "Connection timed out"),
        (596, "Broken pipe"),
        (599, "Too many redirections"),
        (500, "got no worker upid - start worker failed"),
        (500, "can't lock file '/var/log/pve/tasks/.active.lock' - got timeout"),
        (500, "unable to read tail (got 0 bytes)"),
        (500, "something nobody has seen yet"),
        (500, "Internal Server Error"),
        (500, ""),
        (502, "Bad Gateway"),
        (503, "Service Unavailable"),
        (504, "Gateway Time-out"),
        # the known words, but in the middle of something else: it may come from half-done work
        (500, "command failed: CT is locked (backup) while cleaning up"),
        (500, "clone failed: storage 'x' does not exist"),
        (500, "CT 101 already exists on node 'pve' - cleanup failed: CT 101 not running?"),
    ],
)
def test_whatever_is_not_known_to_be_harmless_is_unknown(status: int, words: str) -> None:
    assert type(error_for(status, words, {})) is UnansweredError


def test_a_race_for_a_vmid_has_words_of_its_own() -> None:
    for words in ("unable to create CT 103 - CT 103 already exists on node 'pve'", "VM 103 already exists on node 'b'"):
        assert isinstance(error_for(500, words, {}), errors.AlreadyExistsError)


def test_a_tag_that_is_not_ours_to_set_is_told_from_other_rights() -> None:
    words = "Permission check failed (/, Sys.Modify for modifying tag 'proximity')"
    assert type(error_for(403, words, {})) is errors.TagRefusedError
    assert type(error_for(403, "Permission check failed (/, Sys.Modify)", {})) is errors.RightsMissingError


def test_the_kinds_say_what_they_promise() -> None:
    for kind in (errors.LockedError, errors.AlreadyExistsError, errors.GuestMissingError, errors.NoQuorumError):
        assert issubclass(kind, RefusedError)
    assert issubclass(RefusedError, NotExecutedError)
    assert not issubclass(UnansweredError, NotExecutedError)


async def test_the_body_counts_when_a_reverse_proxy_rewrites_the_reason(
    connect: MakeClient, server: ScriptedServer
) -> None:
    server.script = [refusal(500, "Internal Server Error", {"data": None, "message": "CT is locked (backup)\n"})]
    with pytest.raises(errors.LockedError, match=r"^CT is locked \(backup\)$"):
        await connect(server.endpoint).start_container("pve", 101)


async def test_the_reason_phrase_may_be_utf8(connect: MakeClient, server: ScriptedServer) -> None:
    server.script = [refusal(500, "Gerät fehlt")]
    with pytest.raises(UnansweredError, match="Gerät fehlt"):
        await connect(server.endpoint).start_container("pve", 101)


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("refusing to override existing file 'docker.io_library_nginx_1.27.3-3c98f88e5871.tar'", "AlreadyExistsError"),
        ("Install 'skopeo' to pull OCI images from registries.", "RefusedError"),
        ("can't upload to storage type 'lvmthin', not a file based storage!", "RefusedError"),
        ("storage 'local' is not configured for content-type 'vztmpl'", "RefusedError"),
    ],
)
def test_refusals_of_a_pull(words: str, kind: str) -> None:
    """From Proxmox VE's sources, not recorded."""
    assert type(error_for(500, words + "\n", {})) is getattr(errors, kind)
    assert type(error_for(500, f"{words} and more", {})) is UnansweredError
