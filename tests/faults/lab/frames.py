"""Where one command or one reply of RESP2 ends. Bytes in, offsets out; nothing is copied."""

import re

PLUS, MINUS, COLON, DOLLAR, STAR = b"+-:$*"
_PORT = re.compile(rb":(\d+)\r\n")
_ADDRESS = re.compile(rb":(\d+)\r\n$")

# What signs in or asks for the topology is no part of a request.
HOUSEKEEPING = frozenset((b"AUTH", b"CLUSTER", b"PING", b"INFO", b"HELLO", b"ASKING", b"CLIENT"))
WRITES = frozenset((b"EVAL", b"EVALSHA"))


def reply_end(data, at=0):
    """The offset after the reply that begins at `at`, -1 while it is not all there."""
    left = 1
    size = len(data)
    while left:
        end = data.find(b"\r\n", at)
        if end < 0:
            return -1
        kind = data[at]
        if kind == DOLLAR:
            length = int(data[at + 1:end])
            at = end + 2 + (length + 2 if length >= 0 else 0)
            if at > size:
                return -1
        else:
            if kind == STAR:
                left += max(int(data[at + 1:end]), 0)
            at = end + 2
        left -= 1
    return at


# A command is an array of bulk strings: its end is found as a reply's is.
command_end = reply_end


def command_words(frame, limit=3):
    """The first words of a command."""
    words, at = [], frame.find(b"\r\n") + 2
    while at < len(frame) and len(words) < limit:
        end = frame.find(b"\r\n", at)
        length = int(frame[at + 1:end])
        words.append(bytes(frame[end + 2:end + 2 + length]))
        at = end + 2 + length + 2
    return words


def command_name(frame):
    return command_words(frame, 1)[0].upper()


def encode(*words):
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


def rewrite_topology(reply, ports):
    """CLUSTER SLOTS with the proxies' ports: node ports are above every slot number, so each integer tells what it is."""
    return _PORT.sub(lambda found: b":%d\r\n" % ports.get(int(found[1]), int(found[1])), reply)


def rewrite_redirect(reply, ports):
    """MOVED and ASK name the proxy's port."""
    if not reply.startswith((b"-MOVED ", b"-ASK ")):
        return reply
    return _ADDRESS.sub(lambda found: b":%d\r\n" % ports.get(int(found[1]), int(found[1])), reply)
