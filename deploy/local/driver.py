"""The commands behind deploy/local/up, down and cli."""

import sys

if __name__ == "__main__":
    from local_memorydb.commands import main

    sys.exit(main(sys.argv[1:]))
