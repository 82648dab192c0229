"""A way to a server that a test can shut while a browser is open: a gate, on a loop of its own."""

from support.gate import Gate
from support.servers import LoopThread


class Way:
    """Open at first. `port`: leads to `target`, both on this machine."""

    def __init__(self, target: int) -> None:
        self._loop = LoopThread()
        self.gate = Gate(target)
        self.open()

    @property
    def port(self) -> int:
        return self.gate.port

    def open(self) -> None:
        """Also after `shut`, on the same port."""
        self._loop.run(self.gate.open())

    def shut(self) -> None:
        async def shut() -> None:
            self.gate.shut()

        self._loop.run(shut())

    def close(self) -> None:
        self.shut()
        self._loop.close()
