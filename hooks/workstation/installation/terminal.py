"""The terminal of `make up` and `make down`, which may go while Terraform runs."""

import atexit
import contextlib
import os
import signal
import sys
import threading
from typing import TextIO


def outlive() -> None:
    """Let no closed terminal and no reader that has ended kill Terraform.

    The programs that are run inherit both: they pass over SIGHUP, and what is not a terminal is a pipe that is always
    read. Whoever reads it further may end first, as `tee` does at Ctrl-C, and the next line would be the last.
    """
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for stream in (sys.stdout, sys.stderr):
        if not stream.isatty():
            _read_always(stream)


def _read_always(stream: TextIO) -> None:
    target = os.dup(stream.fileno())
    source, sink = os.pipe()
    os.dup2(sink, stream.fileno())
    os.close(sink)

    def copy() -> None:
        while text := os.read(source, 65536):
            with contextlib.suppress(OSError):
                os.write(target, text)

    reader = threading.Thread(target=copy, daemon=True)
    reader.start()

    def end() -> None:
        with contextlib.suppress(OSError):
            stream.flush()
        os.dup2(target, stream.fileno())  # The last end of the pipe, but for what a program has left running.
        reader.join(5)

    atexit.register(end)
