"""What went wrong, said to a person, with the exit status a script can act on."""

from enum import IntEnum


class Exit(IntEnum):
    """The exit statuses of every command; 2 (wrong usage) is the command line parser's own, 130 is Ctrl-C."""

    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    CONFLICT = 4
    NOT_AUTHORISED = 5
    STILL_RUNNING = 6
    UNREACHABLE = 7


class Failure(Exception):  # noqa: N818 - an answer to the person, printed as one sentence
    """`message` is a whole sentence; `code` is stable, for programs that read `--json`."""

    def __init__(self, message: str, *, code: str = "failed", status: Exit = Exit.FAILED) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.status = status
