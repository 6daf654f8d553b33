"""The library that is loaded into a customerd: built once a run, and its controls."""

import mmap
import os
import pathlib
import struct
import subprocess

SOURCE = pathlib.Path(__file__).with_name("preload.c")
CLOCK, KILL_AT, WRITES, AFTER = range(4)


def build(directory):
    library = pathlib.Path(directory) / "preload.so"
    subprocess.run([os.environ.get("CC", "cc"), "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", str(library),
                    str(SOURCE), "-ldl"], check=True)
    return library


class Control:
    """The four numbers of one program, and the environment that it is started with."""

    def __init__(self, directory, name, library):
        path = pathlib.Path(directory) / f"{name}.control"
        path.write_bytes(bytes(4096))
        with open(path, "r+b") as file:
            self._memory = mmap.mmap(file.fileno(), 4096)
        self.environment = {"LD_PRELOAD": str(library), "LAB_CONTROL": str(path)}

    def __getitem__(self, at):
        return struct.unpack_from("q", self._memory, 8 * at)[0]

    def __setitem__(self, at, number):
        struct.pack_into("q", self._memory, 8 * at, number)

    def jump(self, seconds):
        self[CLOCK] = int(seconds * 1000)

    def kill_at(self, number, after):
        self[AFTER], self[WRITES], self[KILL_AT] = int(after), 0, number

    def disarm(self):
        self[KILL_AT] = 0
