"""Stops everything in a home when its standard input closes: when the test run that started it has ended, however.

    python3 -m local_memorydb.guard HOME
"""

import signal
import sys

from .home import Home
from .processes import recorded


def main():
    home = Home(sys.argv[1])
    # Ctrl-C at the terminal is for the test run; what it leaves is seen by the end of the input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.stdin.buffer.read()
    for process in recorded(home):
        process.signal(signal.SIGKILL)


if __name__ == "__main__":
    main()
