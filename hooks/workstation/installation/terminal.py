"""What happens to the terminal of `make up` and `make down` must not end Terraform."""

import atexit
import contextlib
import os
import signal
import sys
import threading
from typing import TextIO


def outlive() -> None:
    """Keep the programs that are run alive when the terminal closes, or when the reader of their output ends.

    They inherit both protections. They ignore SIGHUP, which a closed terminal sends. Where they do not write to a
    terminal, they write to a pipe that this process always reads: `tee` ends at Ctrl-C, and the next line that a
    program wrote to it would end the program.
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
