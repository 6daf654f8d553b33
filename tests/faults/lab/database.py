"""Everything that the cluster holds, read from its primaries, not through the service."""

SLOTS = 16384
KINDS = {"c": "record", "u": "claims", "i": "index", "p": "intents", "r": "releases", "k": "marker", "o": "opened"}
READ = {"c": ("GET",), "u": ("HGETALL",), "i": ("ZRANGE", 0, -1, "WITHSCORES"), "p": ("HGETALL",), "r": ("SMEMBERS",)}
META = "customerd:meta"
BATCH = 500


def as_bytes(text):
    return text.encode() if isinstance(text, str) else text


class Record:
    __slots__ = ("id", "version", "en", "bn", "eh", "tag")

    def __init__(self, key, text):
        self.tag, self.id = key[1:4], bytes.fromhex(key[6:])
        number = lambda at: int.from_bytes(text[at:at + 6], "big")  # noqa: E731
        if text[0] != 1:
            raise AssertionError(f"{key}: format {text[0]}")
        self.version, self.en, self.bn = number(1), number(13), number(19)
        self.eh = text[25:41] if self.en else None

    @property
    def uuid(self):
        h = self.id.hex()
        return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"

    @property
    def bucket(self):
        return (self.id[6] & 0x0F) << 4 | self.id[7] >> 4


class Database:
    """records: id -> Record; claims: eh -> (id, n); index: tag -> {id: score}; intents, releases: tag -> entries; expiring and
    lasting: keys with and without a life; strange: keys that nobody should have written."""

    def __init__(self, primaries):
        self.records, self.claims, self.index, self.intents, self.releases = {}, {}, {}, {}, {}
        self.slot_of_tag, self.expiring, self.lasting, self.strange, self.doubled = {}, set(), set(), [], []
        for primary in primaries:
            with primary.connect(30) as connection:
                self._read(connection)

    def _read(self, connection):
        cursor, keys = "0", []
        while True:
            cursor, found = connection.command("SCAN", cursor, "COUNT", 1000)
            keys += found
            if cursor == "0":
                break
        keys = list(dict.fromkeys(keys))
        for at in range(0, len(keys), BATCH):
            self._read_some(connection, keys[at:at + BATCH])

    def _read_some(self, connection, keys):
        known, asked = [], set()
        for key in keys:
            if isinstance(key, str) and len(key) >= 6 and key[0] == "{" and key[4] == "}" and key[5] in KINDS:
                known.append(key)
            elif key != META:
                self.strange.append(key)
        for key in known:
            connection.send("PTTL", key)
            connection.send(*self._question(key))
            if key[1:4] not in self.slot_of_tag:
                asked.add(key[1:4])
        for tag in sorted(asked):
            connection.send("CLUSTER", "KEYSLOT", f"{{{tag}}}")
        for key in known:
            life, value = connection.read(), connection.read()
            (self.expiring if life >= 0 else self.lasting).add(key)
            self._take(key, value)
        for tag in sorted(asked):
            self.slot_of_tag[tag] = connection.read()

    @staticmethod
    def _question(key):
        command = READ.get(key[5], ("STRLEN",))
        return (command[0], key, *command[1:])

    def _take(self, key, value):
        kind, tag = key[5], key[1:4]
        if value is None or isinstance(value, Exception):
            if isinstance(value, Exception):
                self.strange.append(f"{key}: {value}")
            return
        if kind == "c":
            record = Record(key, as_bytes(value))
            if record.id in self.records:
                self.doubled.append(key)
            self.records[record.id] = record
        elif kind == "u":
            for eh, claim in pairs(value):
                self.claims[eh] = (claim[:16], int.from_bytes(claim[16:22], "big"))
        elif kind == "i":
            self.index[tag] = {member: float(score) for member, score in pairs(value)}
        elif kind == "p":
            self.intents[tag] = dict(pairs(value))
        elif kind == "r":
            self.releases[tag] = [as_bytes(one) for one in value]


def pairs(flat):
    return [(as_bytes(flat[n]), as_bytes(flat[n + 1])) for n in range(0, len(flat), 2)]
