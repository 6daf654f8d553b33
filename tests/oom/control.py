"""The file that inject.c maps: what shall fail, and what did."""

import mmap
import struct

FRAMES_MAX = 24
_WORDS = ("nth", "span", "seen", "failed", "epoch", "live", "live_of_epoch", "n_frames")
NOTED_MAX, NOTED_FRAMES = 4096, 10
_NOTED_AT = 8 * (len(_WORDS) + FRAMES_MAX)
_SIZE = _NOTED_AT + 8 + 8 * NOTED_MAX * NOTED_FRAMES
FOREVER = 1 << 62


class Control:
    def __init__(self, path):
        self.path = str(path)
        with open(path, "w+b") as file:
            file.truncate(_SIZE)
            self._map = mmap.mmap(file.fileno(), _SIZE)

    def get(self, word):
        return struct.unpack_from("<q", self._map, 8 * _WORDS.index(word))[0]

    def _set(self, word, value):
        struct.pack_into("<q", self._map, 8 * _WORDS.index(word), value)

    def arm(self, nth, span=1):
        """From now on the nth allocation fails, and span - 1 after it."""
        self._set("epoch", self.get("epoch") + 1)
        for word in ("seen", "failed", "live_of_epoch", "n_frames"):
            self._set(word, 0)
        struct.pack_into("<Q", self._map, _NOTED_AT, 0)
        self._set("span", span)
        self._set("nth", nth)

    def disarm(self):
        """(how many allocations were made, how many of them failed)"""
        self._set("nth", 0)
        return self.get("seen"), self.get("failed")

    def frames(self):
        count = min(self.get("n_frames"), FRAMES_MAX)
        return struct.unpack_from("<%dQ" % count, self._map, 8 * len(_WORDS))

    def survivors(self):
        """The stacks of the blocks that were made since the last arm, and that are still there."""
        count = min(struct.unpack_from("<Q", self._map, _NOTED_AT)[0], NOTED_MAX)
        stacks = (struct.unpack_from("<%dQ" % NOTED_FRAMES, self._map, _NOTED_AT + 8 + 8 * NOTED_FRAMES * i)
                  for i in range(count))
        return [stack for stack in stacks if stack[0] != 0]
