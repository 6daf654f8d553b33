"""Which tokens are valid now: those that any live credentials sign for any second of the token's lifetime."""

import json

from .home import write_private
from .tokens import Generation

# Clients stamp tokens with their own second, and a busy machine may delay the authority: tokens of the next seconds
# are made beforehand. They are the same tokens, only known early.
AHEAD_S = 10


class Validity:
    """`current` is (version, hashes of all valid tokens), replaced as one: other threads read it as it is."""

    def __init__(self, signer, credential_ttl_s, file, now_s):
        self._signer, self._credential_ttl_s, self._file = signer, credential_ttl_s, file
        self._hashes = {}  # generation -> {second: hash}
        self.current = (0, frozenset())
        for generation in self._load():
            if generation.expires_s > now_s:
                self._hashes[generation] = {}
        self._update(now_s)
        self.published = max(self._hashes, key=lambda g: g.made_s) if self._hashes else None

    def _load(self):
        # A service that runs on while the authority restarts keeps its credentials.
        try:
            return [Generation(*row) for row in json.loads(self._file.read_text())]
        except (OSError, ValueError, TypeError):
            return []

    def next_generation(self, now_s):
        """New credentials when half the life of the newest is over, else None. They are valid at once; whoever calls
        publishes them when the nodes know."""
        newest = max((g.made_s for g in self._hashes), default=None)
        if newest is not None and now_s < newest + self._credential_ttl_s / 2 and now_s >= newest:
            return None
        generation = Generation.new(now_s, self._credential_ttl_s)
        self._hashes[generation] = {}
        write_private(self._file, json.dumps([g.as_list() for g in self._hashes]))
        return generation

    def tick(self, now_s):
        """Forgets what has expired and adds what has become valid."""
        for generation in [g for g in self._hashes if g.expires_s <= now_s]:
            del self._hashes[generation]
        self._update(now_s)

    def _update(self, now_s):
        first, last = now_s - self._signer.ttl_s + 1, now_s + AHEAD_S
        for generation, hashes in self._hashes.items():
            for second in [s for s in hashes if not first <= s <= last]:
                del hashes[second]
            for second in range(first, min(last, generation.expires_s - 1) + 1):
                if second not in hashes:
                    hashes[second] = self._signer.token_hash(generation, second)
        valid = frozenset(h for hashes in self._hashes.values() for h in hashes.values())
        version, before = self.current
        if valid != before:
            self.current = (version + 1, valid)
