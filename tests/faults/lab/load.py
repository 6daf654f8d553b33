"""The load: one process, many clients.

    python3 -m lab.load CONFIG     {"instances": [ports], "history":, "prefix":, "seed":, "timeout_s":, "registers":, "islands":,
                                    "walkers":, "operations":, "pause_s":}

A line on standard input is answered by one of figures; its end stops the load when what runs has ended."""

import asyncio
import json
import sys

from .caller import Caller
from .history import Recorder
from .workloads import Island, Register, Worker, new_rng, walk


class Load:
    def __init__(self, config):
        self.config, self.stopping = config, asyncio.Event()
        self.recorder = Recorder(config["history"], config["prefix"])
        self.callers, self.groups = [], {"register": 0, "island": 0, "walk": 0}

    def worker(self, *names):
        caller = Caller(self.recorder, self.config["instances"], self.config["prefix"], self.config["timeout_s"])
        self.callers.append(caller)
        return Worker(caller, new_rng(self.config["seed"], self.config["prefix"], *names), self.stopping)

    async def groups_of(self, kind, name, size):
        workers = [self.worker(kind.__name__, name, n) for n in range(size)]
        rng = new_rng(self.config["seed"], self.config["prefix"], kind.__name__, name)
        while not self.stopping.is_set():
            await kind(workers, rng, self.config["operations"]).run()
            self.groups[kind.__name__.lower()] += 1

    async def walks(self, name):
        worker = self.worker("walk", name)
        while not self.stopping.is_set():
            await walk(worker)
            self.groups["walk"] += 1
            await asyncio.sleep(self.config.get("walk_pause_s", 2.0))

    def figures(self):
        statuses = {}
        for caller in self.callers:
            for status, count in caller.statuses.items():
                statuses[status] = statuses.get(status, 0) + count
        return {"statuses": statuses, "groups": self.groups}

    async def listen(self):
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while await reader.readline():
            print(json.dumps(self.figures()), flush=True)
        self.stopping.set()

    async def run(self):
        jobs = [self.groups_of(Register, n, 3) for n in range(self.config["registers"])]
        jobs += [self.groups_of(Island, n, 4) for n in range(self.config["islands"])]
        jobs += [self.walks(n) for n in range(self.config["walkers"])]
        await asyncio.gather(self.listen(), *jobs)
        for caller in self.callers:
            caller.close()
        self.recorder.close()
        print(json.dumps(self.figures()), flush=True)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        config = json.load(file)
    asyncio.run(Load(config).run())


if __name__ == "__main__":
    main()
