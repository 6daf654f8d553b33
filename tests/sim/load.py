"""Mixed load whose every answer is checked."""

import threading


class Load:
    """Runs writes and reads of its own keys in several threads from `with` to its end, on every shard. A write is read
    back, so that an answer given to the wrong call is noticed."""

    def __init__(self, cluster, probe, threads=4, deadline_ms=3000, nodes=None, pause_s=0.005):
        self._probe = probe
        self._deadline_ms = deadline_ms
        self._pause_s = pause_s
        self._stop = threading.Event()
        self.failures = []
        self.done = 0
        self.slowest_ms = 0
        nodes = nodes or list(cluster.ranges)
        keys = [cluster.key_on(nodes[i % len(nodes)], f"load-{i}") for i in range(threads)]
        self._threads = [threading.Thread(target=self._run, args=(key,), daemon=True) for key in keys]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def wait_done(self, cluster, more, timeout_s=15):
        """Until `more` calls have ended from now on."""
        goal = self.done + more
        cluster.wait_for(lambda: self.done >= goal, f"{more} more calls", timeout_s)

    def check(self, at_least=1):
        """Every call went well, and there were some."""
        assert not self.failures, f"{len(self.failures)} of {self.done} failed, first: {self.failures[:3]}"
        assert self.done >= at_least

    def _run(self, key):
        number = 0
        while not self._stop.is_set():
            number += 1
            value = f"{key}={number}".encode()
            self._expect("OK", "SET", key, value)
            self._expect(value, "GET", key)
            self._stop.wait(self._pause_s)

    def _expect(self, expected, *words):
        outcome = self._probe.run(*words, deadline_ms=self._deadline_ms)
        self.slowest_ms = max(self.slowest_ms, outcome.elapsed_ms)
        if not outcome.ok or outcome.reply != expected:
            self.failures.append((words, outcome, outcome.replies))
        self.done += 1
