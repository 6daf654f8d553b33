"""All checks of a history, with figures."""

from .check_calls import check_keys, check_status, check_walks
from .check_islands import check_island
from .check_versions import Found, check_register
from .linearizable import Undecided
from .operations import by_group


class Verdict:
    """findings: [(check, group, what)]."""

    def __init__(self):
        self.findings, self.figures = [], {}

    def count(self, name, n=1):
        self.figures[name] = self.figures.get(name, 0) + n

    def run(self, check, group, function, *arguments):
        try:
            return function(*arguments)
        except Found as found:
            self.findings.append((check, group, str(found)))
        except Undecided:
            self.count("undecided")
        return None

    @property
    def text(self):
        shown = "\n".join(f"{check} {group}: {what}" for check, group, what in self.findings[:5])
        return f"{len(self.findings)} findings; {self.figures}" + ("\n" + shown if shown else "")


def check_history(calls, internal_allowed=lambda call: False):
    """internal_allowed(call): whether the service may answer 500 to it."""
    verdict = Verdict()
    verdict.count("calls", len(calls))
    verdict.count("unknown", sum(call.unknown for call in calls))
    for call in calls:
        verdict.run("status", call.group, check_status, call, call.status == 500 and internal_allowed(call))
    for group, some in by_group(calls, "r").items():
        verdict.count("registers")
        verdict.run("versions", group, check_register, some)
        verdict.run("keys", group, check_keys, some)
    for group, some in by_group(calls, "i").items():
        verdict.count("islands")
        verdict.run("island", group, check_island, some)
        verdict.run("keys", group, check_keys, some)
    verdict.count("walks", verdict.run("walk", "w", check_walks, calls) or 0)
    return verdict
