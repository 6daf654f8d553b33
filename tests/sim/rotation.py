"""Rotation of tokens, credentials and connections in its real proportions."""

import os
import threading
import time

from iam_world import Iam


def start(world, iam, cluster, **settings):
    probe = world.probe(cluster, **iam.settings(world.directory), **settings)
    probe.wait_state(lambda state: state["slots_served"] == 16384, "the map", 14)
    return probe


def watch_time(cluster, seconds):
    started = time.monotonic()
    cluster.wait_for(lambda: time.monotonic() > started + seconds, "time to pass", seconds + 5)


class Rotation(threading.Thread):
    """The real proportions, beside the other tests: tokens live 20 s, credentials 40 s, connections 60 s, and the
    endpoint is away for 30 s, from just after it was asked, so that the credentials last."""

    def __init__(self, world):
        super().__init__(daemon=True)
        self.problem = None
        self._world = world
        self._iam = Iam(token_ttl_s=20, credential_ttl_s=40)
        world.later(self._iam.stop)
        self._cluster = world.cluster()
        self._cluster.authenticate = self._iam.authenticate
        for node in self._cluster.nodes:
            node.max_connection_age_s = 60

    def run(self):
        try:
            self._rotate()
        except BaseException as problem:
            self.problem = problem

    def _rotate(self):
        iam, cluster = self._iam, self._cluster
        probe = start(self._world, iam, cluster, DB_REAUTH_S=10)
        total_s = int(os.environ.get("CUSTOMERD_TEST_SIM_ROTATION_S", "70"))
        started = time.monotonic()
        with self._world.load(cluster, probe, pause_s=0.05) as load:
            fetched = len(iam.fetches)
            cluster.wait_for(lambda: len(iam.fetches) > fetched, "a renewal", 40)
            iam.go_away()
            watch_time(cluster, 30)
            iam.come_back()
            watch_time(cluster, max(5, total_s - (time.monotonic() - started)))
        load.check(at_least=500)
        assert not iam.refused
        assert cluster.find("cut-by-age") and len({password for _, password in iam.accepted}) >= 5
