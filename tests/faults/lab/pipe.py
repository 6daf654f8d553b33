"""A log that is a pipe, which somebody reads, or not."""

import fcntl
import os
import pathlib
import select
import threading

SMALLEST = 4096  # bytes that fit in, so that it is full soon


class LogPipe:
    def __init__(self, directory, binary):
        self.path = pathlib.Path(directory) / "log.fifo"
        os.mkfifo(self.path, 0o600)
        # Open for both: it has a reader as long as this lives, and no writer's end is the end of the file.
        self._fd = os.open(self.path, os.O_RDWR | os.O_NONBLOCK)
        fcntl.fcntl(self._fd, fcntl.F_SETPIPE_SZ, SMALLEST)
        self.program = pathlib.Path(directory) / "customerd-into-a-pipe"
        self.program.write_text(f"#!/bin/sh\nexec '{binary}' \"$@\" >'{self.path}'\n")
        self.program.chmod(0o700)
        self._reading, self._ended = threading.Event(), threading.Event()
        self._reading.set()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        while not self._ended.is_set():
            if self._reading.wait(0.2) and select.select([self._fd], [], [], 0.1)[0] and self._reading.is_set():
                try:
                    os.read(self._fd, 65536)
                except BlockingIOError:
                    pass

    def stop_reading(self):
        self._reading.clear()

    def read_on(self):
        self._reading.set()

    def is_full(self):
        return not select.select([], [self._fd], [], 0)[1]

    def close(self):
        self._ended.set()
        self._reading.set()
        self._thread.join(5)
        os.close(self._fd)
