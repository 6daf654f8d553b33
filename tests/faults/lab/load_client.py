"""The lab's end of the load processes."""

import json
import os
import pathlib
import subprocess
import sys

FAULTS = pathlib.Path(__file__).resolve().parents[1]


class LoadProcess:
    def __init__(self, directory, number, config):
        directory = pathlib.Path(directory)
        prefix = "abcdefgh"[number]
        config = {**config, "prefix": prefix, "history": str(directory / f"history-{prefix}.jsonl")}
        path = directory / f"load-{prefix}.json"
        path.write_text(json.dumps(config))
        self.error_path = directory / f"load-{prefix}.err"
        with open(self.error_path, "ab") as errors:
            self.process = subprocess.Popen([sys.executable, "-m", "lab.load", str(path)], stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=errors, cwd=FAULTS,
                                            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
                                            start_new_session=True)  # Linux shares the processors between sessions

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"the load has ended: {self.error_path.read_text()[-3000:]}")
        return json.loads(line)

    def figures(self):
        self.process.stdin.write(b"?\n")
        self.process.stdin.flush()
        return self._answer()

    def stop(self):
        """What runs is finished; the last figures."""
        self.process.stdin.close()
        figures = self._answer()
        self.process.wait(60)
        if self.error_path.read_text():
            raise AssertionError(f"the load said: {self.error_path.read_text()[-3000:]}")
        return figures

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)


class Load:
    """All load processes of a run, as one."""

    def __init__(self, directory, instances, seed, processes=1, **options):
        config = {"instances": [i.port for i in instances], "seed": seed, "timeout_s": 8.0, "registers": 4, "islands": 3,
                  "walkers": 1, "operations": 120, **options}
        self.processes = [LoadProcess(directory, n, config) for n in range(processes)]

    def figures(self):
        return merged([process.figures() for process in self.processes])

    def stop(self):
        return merged([process.stop() for process in self.processes])

    def kill(self):
        for process in self.processes:
            process.kill()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()


def merged(all_figures):
    total = {"statuses": {}, "groups": {}}
    for figures in all_figures:
        for part, counts in total.items():
            for name, count in figures[part].items():
                counts[name] = counts.get(name, 0) + count
    return total
