"""Does the application answer at its address?"""

import asyncio
from contextlib import suppress

from proximity.domain.application import events as ev
from proximity.domain.application.process import ANSWER_WITHIN
from proximity.domain.application.spec import Probe
from proximity.domain.operation.cause import Cause
from proximity.proxmox.errors import ProxmoxError
from proximity_provisioner.effect import not_now
from proximity_provisioner.job import Answer, Happened, Job, Later, growing
from proximity_provisioner.steps.address import stopped_by_itself

TIMEOUT = 3.0  # seconds for one try


async def probe(job: Job) -> Answer:
    address = job.container.address
    wanted = job.app.spec.probe
    if address is None or wanted.port is None:
        return job.failed(Cause(code="no_address", message="There is no address to ask."))
    if await _answers(wanted, address, wanted.port):
        return Happened(ev.ApplicationAnswered(operation_id=job.op.id))
    try:
        if ended := await stopped_by_itself(job):
            return ended
    except ProxmoxError as error:
        return not_now(job, error)
    if job.waited() >= ANSWER_WITHIN:
        message = f"The container runs, but nothing answers at {address}, port {wanted.port}."
        return job.failed(Cause(code="no_answer", message=message))
    return Later(growing(job.waited(), 0.3, 5.0, 0.1), kind="poll")


async def _answers(wanted: Probe, address: str, port: int) -> bool:
    writer = None
    try:
        async with asyncio.timeout(TIMEOUT):
            reader, writer = await asyncio.open_connection(address, port)
            if wanted.kind == "tcp":
                return True
            writer.write(f"GET {wanted.path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n".encode())
            await writer.drain()
            status = (await reader.readline()).split()
            return len(status) > 1 and status[1].isdigit() and int(status[1]) < 500
    except (OSError, TimeoutError, ValueError):
        return False
    finally:
        if writer is not None:
            writer.close()
            with suppress(OSError, TimeoutError):
                await asyncio.wait_for(writer.wait_closed(), TIMEOUT)
