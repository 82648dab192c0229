"""What answers behind a console: a login and a very small shell. Pure: text in, text out."""

import shlex
from collections.abc import Callable

CLEAR = "\x1b[H\x1b[J"
BACKSPACE, INTERRUPT, END = "\x7f", "\x03", "\x04"


class Terminal:
    """`closed` once the last shell was left; any name and password is let in."""

    def __init__(self, hostname: str, system: str) -> None:
        self._hostname, self._system = hostname, system
        self._line = ""
        self._enter: Callable[[str], str] = self._name
        self._echoes = True
        self._user = "root"

    def greeting(self) -> str:
        return f"{CLEAR}{self._issue()}"

    def feed(self, text: str) -> str:
        """What is shown for these keys."""
        return "".join(self._key(key) for key in text)

    def _issue(self) -> str:
        return f"\r\n\r\r\r\n{self._system} {self._hostname} tty1\r\r\n\r\r\n{self._hostname} login: "

    def _key(self, key: str) -> str:
        if key in "\r\n":
            line, self._line = self._line, ""
            return "\r\n" + self._enter(line)
        if key == BACKSPACE:
            erased, self._line = bool(self._line), self._line[:-1]
            return "\b \b" if erased and self._echoes else ""
        if key == INTERRUPT:
            self._line = ""
            return "^C\r\n" + (self._prompt() if self._enter == self._run else "")
        if key == END and not self._line and self._enter == self._run:
            return self._run("logout")
        if not key.isprintable():
            return ""
        self._line += key
        return key if self._echoes else ""

    def _name(self, line: str) -> str:
        if not line:
            return f"{self._hostname} login: "
        self._user, self._enter, self._echoes = line, self._password, False
        return "Password: "

    def _password(self, line: str) -> str:
        self._enter, self._echoes = self._run, True
        return f"Linux {self._hostname} 6.14.11-4-pve #1 SMP PREEMPT_DYNAMIC x86_64\r\n{self._prompt()}"

    def _prompt(self) -> str:
        return f"{self._user}@{self._hostname}:~{'#' if self._user == 'root' else '$'} "

    def _run(self, line: str) -> str:
        try:
            words = shlex.split(line)
        except ValueError:
            return f"-bash: unexpected EOF while looking for matching quote\r\n{self._prompt()}"
        if not words:
            return self._prompt()
        if words[0] in ("exit", "logout"):
            self._enter = self._name
            return f"logout\r\n{self._issue()}"
        known = {
            "echo": " ".join(words[1:]), "hostname": self._hostname, "whoami": self._user, "pwd": "/root",
            "uname": "Linux", "id": "uid=0(root) gid=0(root) groups=0(root)", "true": "", "ls": "",
        }  # fmt: skip
        said = known.get(words[0], f"-bash: {words[0]}: command not found")
        return (f"{said}\r\n" if said else "") + self._prompt()
