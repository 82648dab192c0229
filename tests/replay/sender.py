"""Sends recorded requests, each over a connection of its own."""

import asyncio
import json
import ssl
import time
import urllib.parse
from typing import Any

import aiohttp
from yarl import URL

from .recording import CAPTURED, Outcome, expanded

TASK_SECONDS = 60.0
POLL_SECONDS = 0.02


UNVERIFIED = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
UNVERIFIED.check_hostname, UNVERIFIED.verify_mode = False, ssl.CERT_NONE  # the certificate is not what is compared
UPGRADE = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
           "Sec-WebSocket-Version": "13", "Sec-WebSocket-Protocol": "binary"}  # fmt: skip


class Sender:
    """`tokens`: token and captured secret by the name that entries use; `secrets`: of those there from the start."""

    def __init__(
        self, url: str, node: str, tokens: dict[str, tuple[str, str]], secrets: dict[str, str],
        passwords: dict[str, str], scale: float,
    ) -> None:  # fmt: skip
        self._url, self._node, self._tokens, self._secrets, self._scale = url, node, tokens, secrets, scale
        self._captured = {f"{user.partition('@')[0]}_password": password for user, password in passwords.items()}

    async def send(self, entry: dict[str, Any]) -> Outcome:
        """Do what the entry says, wait for the task it started, clean up after it."""
        await asyncio.sleep(entry.get("wait_before_s", 0) * self._scale)
        if entry["method"] == "WAIT":
            return Outcome(task=await self._ended(self._filled(entry["path"])))
        try:
            outcome = await (self._websocket(entry) if entry["method"] == "WS" else self._request(entry))
        except (aiohttp.ClientError, TimeoutError) as error:
            return Outcome(reason=f"no answer: {error}")
        for name, path in entry.get("capture", {}).items():
            self._captured[name] = str(_at(outcome.body, path))
        upid = outcome.body.get("data") if isinstance(outcome.body, dict) else None
        if isinstance(upid, str) and upid.startswith("UPID:") and not entry.get("nowait"):
            outcome.task = await self._ended(upid)
        if "cleanup" in entry and isinstance(upid, str) and upid.startswith("UPID:"):
            await self._destroy(entry["cleanup"])
        return outcome

    async def _destroy(self, vmid: int) -> None:
        query = {"force": "1", "purge": "1"}
        path = f"/nodes/{self._node}/lxc/{vmid}"
        outcome = await self._request({"method": "DELETE", "path": path, "query": query, "auth": "root"})
        if outcome.status == 200:
            await self._ended(outcome.body["data"])

    async def _ended(self, upid: str) -> dict[str, Any] | None:
        """The task's end; None: it is not known, or did not end in a minute."""
        path = f"/nodes/{upid.split(':')[1]}/tasks/{upid}" if upid.count(":") > 6 else f"/nodes/x/tasks/{upid}"
        deadline = time.monotonic() + TASK_SECONDS
        while time.monotonic() < deadline:
            status = await self._request({"method": "GET", "path": f"{path}/status", "auth": "root"})
            if status.status != 200:
                return None
            task: dict[str, Any] = status.body["data"]
            if task["status"] == "stopped":
                query = {"limit": "1000"}
                log = await self._request({"method": "GET", "path": f"{path}/log", "query": query, "auth": "root"})
                return task | {"log": [line["t"] for line in log.body["data"]]}
            await asyncio.sleep(POLL_SECONDS)
        return None

    async def _request(self, entry: dict[str, Any], more: dict[str, str] | None = None) -> Outcome:
        headers, body = self._headers(entry["auth"]) | (more or {}), b""
        content_type = None
        if "form" in entry:
            body = self._encoded(entry["form"]).encode()
            content_type = "application/x-www-form-urlencoded"
        elif "json" in entry:
            body, content_type = json.dumps(expanded(entry["json"])).encode(), "application/json"
        elif "raw" in entry:
            body, content_type = self._filled(expanded(entry["raw"])).encode(), entry.get("content_type")
        if content_type:
            headers["Content-Type"] = content_type
        if body or entry["method"] in ("POST", "PUT"):
            headers["Content-Length"] = str(len(body))
        began = time.monotonic()
        async with self._session() as session:
            target = self._target(entry)
            async with session.request(entry["method"], target, data=body or None, headers=headers) as answer:
                text = await answer.text(errors="replace")
                return Outcome(
                    status=answer.status, reason=answer.reason or "", text=text, body=_parsed(text),
                    connection=[value.lower() for value in answer.headers.getall("Connection", [])],
                    content_type=answer.headers.get("Content-Type"), seconds=time.monotonic() - began,
                )  # fmt: skip

    async def _websocket(self, entry: dict[str, Any]) -> Outcome:
        headers = self._headers(entry["auth"])
        async with self._session() as session:
            try:
                async with session.ws_connect(self._target(entry), protocols=("binary",), headers=headers) as socket:
                    if "send" not in entry:
                        return Outcome(status=101)
                    await socket.send_bytes(self._filled(entry["send"]).encode())
                    frame = await asyncio.wait_for(socket.receive(), 10)
                    data = frame.data.decode() if isinstance(frame.data, bytes) else None
                    return Outcome(status=101, first_frame=data)
            except aiohttp.WSServerHandshakeError:
                return await self._request(entry | {"method": "GET"}, UPGRADE)  # for its answer

    @staticmethod
    def _session() -> aiohttp.ClientSession:
        skipped = ("User-Agent", "Accept-Encoding", "Content-Type")
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=UNVERIFIED), skip_auto_headers=skipped, timeout=aiohttp.ClientTimeout(90)
        )

    def _target(self, entry: dict[str, Any]) -> URL:
        target = f"{self._url}/api2/{entry.get('format', 'json')}{self._filled(expanded(entry['path']))}"
        if entry.get("query"):
            target += f"?{self._encoded(entry['query'])}"
        return URL(target, encoded=True)

    def _encoded(self, fields: dict[str, Any]) -> str:
        pairs = []
        for name, value in fields.items():
            for one in value if isinstance(value, list) else [value]:
                filled = self._filled(expanded(str(one)))
                pairs.append(f"{urllib.parse.quote(name, safe='')}={urllib.parse.quote(filled, safe='')}")
        return "&".join(pairs)

    def _filled(self, text: str) -> str:
        def value(found: Any) -> str:
            captured = self._captured.get(found.group(1), f"not-captured-{found.group(1)}")
            return urllib.parse.quote(captured, safe="") if found.group(2) else captured

        return CAPTURED.sub(value, text)

    def _headers(self, who: str) -> dict[str, str]:
        wrong = "00000000-0000-0000-0000-000000000000"
        root = self._secrets.get("root@pam!test", "none")
        ticket = urllib.parse.quote(self._captured.get("ticket", "none"), safe="")
        cookie = {"Cookie": f"PVEAuthCookie={ticket}"}
        special: dict[str, dict[str, str]] = {
            "root-space": {"Authorization": f"PVEAPIToken root@pam!test={root}"},
            "nobody": {},
            "bad-secret": {"Authorization": f"PVEAPIToken=root@pam!test={wrong}"},
            "unknown-token": {"Authorization": f"PVEAPIToken=root@pam!nosuch={wrong}"},
            "malformed": {"Authorization": "PVEAPIToken=root@pam!test"},
            "bearer": {"Authorization": "Bearer abc"},
            "ticket": cookie,
            "ticket-csrf": {**cookie, "CSRFPreventionToken": self._captured.get("csrf", "")},
        }
        if who in special:
            return special[who]
        token, captured = self._tokens[who]
        secret = self._captured.get(captured, "none") if captured else self._secrets.get(token, "none")
        return {"Authorization": f"PVEAPIToken={token}={secret}"}


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _at(body: Any, path: str) -> Any:
    for step in path.split("."):
        if isinstance(body, list):
            body = body[int(step)] if step.isdecimal() and int(step) < len(body) else ""
        else:
            body = body.get(step, "") if isinstance(body, dict) else ""
    return body
