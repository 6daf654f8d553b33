"""Which fault when: drawn from the seed alone, so that a seed gives the same faults again."""

import random

from .faults import FAULTS

# Their names are known once these are loaded.
from . import faults_cluster, faults_nodes, faults_service, faults_wire  # noqa: F401  pylint: disable=unused-import


class Planned:
    """rng is for what the fault itself draws."""

    def __init__(self, seed, number, name):
        self.number, self.fault = number, FAULTS[name]
        self.rng = random.Random(f"{seed}:{number}:{name}")
        self.between = random.Random(f"{seed}:{number}:between")  # for what comes after it
        self.hold_s = round(self.rng.uniform(*self.fault.hold_s), 2)
        self.pause_s = round(self.rng.uniform(0.2, 1.0), 2)

    def __str__(self):
        return f"{self.number:4} {self.fault.name:32} {self.hold_s:5.2f} s, then {self.pause_s:4.2f} s"


def once_each(seed, names=None):
    """Every fault once, in an order of the seed's."""
    names = sorted(names or FAULTS)
    random.Random(f"{seed}:order").shuffle(names)
    return [Planned(seed, number, name) for number, name in enumerate(names)]


def endless(seed, names=None, weights=None):
    """Faults without end; weights: name -> how often, 1 unless told."""
    rng = random.Random(f"{seed}:endless")
    names = sorted(names or FAULTS)
    shares = [(weights or {}).get(name, 1) for name in names]
    number = 0
    while True:
        yield Planned(seed, number, rng.choices(names, shares)[0])
        number += 1
