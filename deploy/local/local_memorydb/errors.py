"""What the commands say when something outside them is wrong: one line, no traceback."""


class LocalError(Exception):
    """Its text is the whole message."""
