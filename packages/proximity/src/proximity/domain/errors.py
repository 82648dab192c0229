"""The one way a decider says no."""


class Rejected(Exception):  # noqa: N818 - a rejection is a business answer, not an error of the program
    """An expected "no": the command is answered with `code` (stable, for programs) and `message` (for people)."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
