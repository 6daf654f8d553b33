"""RESP2, the protocol of Redis: values to bytes, and commands out of a stream of bytes."""


class Status(str):
    """A simple string: +OK."""


class Error(str):
    """An error: -ERR what went wrong."""


NIL_ARRAY = object()


def encode(value):
    """The bytes of a reply: Status, Error, None (a nil bulk), int, str or bytes (a bulk), list (an array)."""
    if value is NIL_ARRAY:
        return b"*-1\r\n"
    if value is None:
        return b"$-1\r\n"
    if isinstance(value, Status):
        return b"+%s\r\n" % value.encode()
    if isinstance(value, Error):
        return b"-%s\r\n" % value.encode()
    if isinstance(value, int):
        return b":%d\r\n" % value
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, (bytes, bytearray)):
        return b"$%d\r\n%s\r\n" % (len(value), value)
    return b"*%d\r\n%s" % (len(value), b"".join(encode(one) for one in value))


class CommandError(Exception):
    """The client broke the protocol."""


class CommandParser:
    """Cuts a stream of bytes into commands, each a list of bytes."""

    def __init__(self):
        self._bytes = bytearray()

    def feed(self, data):
        """The commands that `data` completes."""
        self._bytes += data
        commands = []
        at = 0
        while True:
            command, end = self._parse(at)
            if command is None:
                del self._bytes[:at]
                return commands
            commands.append(command)
            at = end

    def _line(self, at, prefix):
        end = self._bytes.find(b"\r\n", at)
        if end < 0:
            return None, at
        if self._bytes[at] != prefix:
            raise CommandError(f"expected {chr(prefix)!r}, got {bytes(self._bytes[at:end])[:40]!r}")
        return int(self._bytes[at + 1:end]), end + 2

    def _parse(self, at):
        count, at = self._line(at, ord("*"))
        if count is None:
            return None, at
        words = []
        for _ in range(count):
            length, at = self._line(at, ord("$"))
            if length is None or len(self._bytes) < at + length + 2:
                return None, at
            if self._bytes[at + length:at + length + 2] != b"\r\n":
                raise CommandError("a bulk is longer than its length says")
            words.append(bytes(self._bytes[at:at + length]))
            at += length + 2
        return words, at


def _crc16_table():
    table = []
    for byte in range(256):
        crc = byte << 8
        for _ in range(8):
            crc = ((crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
        table.append(crc)
    return table


_CRC16 = _crc16_table()
SLOTS = 16384


def key_slot(key):
    """CRC16-XMODEM of the hash tag or of the whole key, modulo 16384."""
    if isinstance(key, str):
        key = key.encode()
    opening = key.find(b"{")
    closing = key.find(b"}", opening + 1)
    if opening >= 0 and closing > opening + 1:
        key = key[opening + 1:closing]
    crc = 0
    for byte in key:
        crc = ((crc << 8) & 0xFFFF) ^ _CRC16[(crc >> 8) ^ byte]
    return crc % SLOTS
