"""Which credentials live, and which tokens are valid now: those that any live credentials sign for any second of the token's
lifetime."""

import json

from .home import write_private
from .tokens import Generation

# Clients stamp tokens with their own second, and a busy machine may delay the authority: tokens of the next seconds
# are made beforehand. They are the same tokens, only known early.
AHEAD_S = 10


class Generations:
    """The live credentials. `published` is handed out; whoever calls `next` sets it when the nodes know."""

    def __init__(self, credential_ttl_s, file, now_s):
        self._credential_ttl_s, self._file = credential_ttl_s, file
        self.live = [g for g in self._load() if g.expires_s > now_s]
        self.published = max(self.live, key=lambda g: g.made_s) if self.live else None

    def _load(self):
        # A service that runs on while the authority restarts keeps its credentials.
        try:
            return [Generation(*row) for row in json.loads(self._file.read_text())]
        except (OSError, ValueError, TypeError):
            return []

    def next(self, now_s):
        """New credentials when half the life of the newest is over, else None. They are valid at once."""
        newest = max((g.made_s for g in self.live), default=None)
        if newest is not None and now_s < newest + self._credential_ttl_s / 2 and now_s >= newest:
            return None
        generation = Generation.new(now_s, self._credential_ttl_s)
        self.live.append(generation)
        write_private(self._file, json.dumps([g.as_list() for g in self.live]))
        return generation

    def forget_expired(self, now_s):
        self.live = [g for g in self.live if g.expires_s > now_s]


class Validity:
    """The tokens of one cluster. `current` is (version, hashes of all valid tokens), replaced as one: other threads read it as
    it is."""

    def __init__(self, signer, generations, now_s):
        self._signer, self._generations = signer, generations
        self._hashes = {}  # generation -> {second: hash}
        self.current = (0, frozenset())
        self.tick(now_s)

    def tick(self, now_s):
        """Forgets what has expired and adds what has become valid."""
        self._hashes = {g: self._hashes.get(g, {}) for g in self._generations.live}
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
