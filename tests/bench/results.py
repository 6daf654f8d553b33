"""What was measured, round by round. A ratio is made within each round, where both ran side by side; then comes the median."""

import statistics
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Spread:
    """The median, and the least and the greatest, of the rounds."""
    median: float
    low: float
    high: float
    rounds: int

    @classmethod
    def of(cls, values):
        values = list(values)
        return cls(statistics.median(values), min(values), max(values), len(values)) if values else None

    def text(self, form="{:,.0f}"):
        return f"{form.format(self.median)} ({form.format(self.low)} - {form.format(self.high)})"


class Results:
    """samples: workload -> contestant -> one Sample a round. measures: name -> series name -> one number a round."""

    def __init__(self):
        self.samples, self.settings, self.measures, self.absent, self.facts = {}, {}, {}, {}, {}

    def add(self, workload, contestant, sample):
        self.samples.setdefault(workload, {}).setdefault(contestant, []).append(sample)

    def measure(self, name, series, value):
        self.measures.setdefault(name, {}).setdefault(series, []).append(value)

    def values(self, workload, contestant, of=lambda sample: sample.rate):
        return [of(sample) for sample in self.samples.get(workload, {}).get(contestant, [])]

    def series(self, name, series):
        return self.measures.get(name, {}).get(series, [])

    def document(self):
        """For report.json."""
        return {**self.facts, "settings": self.settings, "absent": self.absent, "measures": self.measures,
                "workloads": {name: {contestant: [asdict(sample) for sample in samples]
                                     for contestant, samples in found.items()}
                              for name, found in self.samples.items()}}


def ratios(above, below):
    """Of two series, round by round."""
    return [a / b for a, b in zip(above, below) if b]
