"""A terminal of a given width, with a program in it: what the screen shows, and the keys that are pressed."""

import contextlib
import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pyte

from tests import support

ENTER, DOWN, CLEAR, NO_MORE = "\r", "\x1b[B", "\x05\x15", "\x04"
_ROWS = 24


class Terminal:
    """The screen of a program, and its keyboard."""

    def __init__(self, process: "subprocess.Popen[bytes]", terminal: int, columns: int) -> None:
        self.process, self.columns = process, columns
        self._terminal = terminal
        self._screen = pyte.HistoryScreen(columns, _ROWS, history=1000)
        self._stream = pyte.ByteStream(self._screen)

    def rows(self) -> list[str]:
        return [row.rstrip() for row in self._screen.display]

    def history(self) -> list[str]:
        """Everything that was shown and is not cleared."""
        above = ["".join(line[x].data for x in range(self.columns)).rstrip() for line in self._screen.history.top]
        return [*above, *self.rows()]

    def shows(self, text: str) -> bool:
        """Whether a text is on the screen, on however many lines."""
        return "".join(text.split()) in "".join("".join(self.rows()).split())

    def press(self, keys: str) -> None:
        os.write(self._terminal, keys.encode())

    def wait(self, text: str, seconds: float = 60) -> None:
        """Read until the screen shows a text."""
        deadline = time.monotonic() + seconds
        while not self.shows(text):
            assert self._read(deadline), f"not on the screen: {text}\n" + "\n".join(self.rows())

    def end(self, seconds: float = 120) -> int:
        """Press no more key, and return the status; a program that goes on asking gets the end of its input."""
        with contextlib.suppress(OSError):
            self.press(NO_MORE * 3)
        deadline = time.monotonic() + seconds
        while self._read(deadline):
            pass
        return self.process.wait(timeout=10)

    def _read(self, deadline: float) -> bool:
        """Read once; nothing is left where the program has ended, or the time is over."""
        try:
            if not select.select([self._terminal], [], [], max(0, deadline - time.monotonic()))[0]:
                return False
            read = os.read(self._terminal, 65536)
        except OSError:  # How the end of a terminal is told.
            return False
        self._stream.feed(read)
        return bool(read)


@contextlib.contextmanager
def running(columns: int, *command: str | Path, cwd: Path, **environment: str) -> Iterator[Terminal]:
    """Run a program at a terminal; it is gone at the end."""
    here, there = pty.openpty()
    fcntl.ioctl(there, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, columns, 0, 0))
    settings = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    settings |= {"PROMPT_TOOLKIT_NO_CPR": "1", "TERM": "xterm", "PATH": support.TOOLS_FIRST, **environment}
    with subprocess.Popen(
        [str(part) for part in command], cwd=cwd, env=settings, stdin=there, stdout=there, stderr=there,
        start_new_session=True,
    ) as process:  # fmt: skip
        os.close(there)
        try:
            yield Terminal(process, here, columns)
        finally:
            process.kill()
            os.close(here)
