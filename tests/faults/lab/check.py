"""All checks of a history, with figures."""

import multiprocessing
import os

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


def check_group(group, calls):
    """[(check, group, what)], with "undecided" for the search that was given up."""
    verdict = Verdict()
    if group[0] == "r":
        verdict.run("versions", group, check_register, calls)
    else:
        verdict.run("island", group, check_island, calls)
    verdict.run("keys", group, check_keys, calls)
    return verdict.findings, verdict.figures


class Groups:
    """The groups of a history, checked by several processes, which have them from their parent's memory."""

    of_parent = {}

    @classmethod
    def check_one(cls, group):
        return check_group(group, cls.of_parent[group])

    @classmethod
    def check(cls, groups, processes):
        if processes == 1:
            yield from (check_group(*item) for item in groups.items())
            return
        cls.of_parent = groups
        try:
            with multiprocessing.get_context("fork").Pool(processes, os.setsid) as pool:
                yield from pool.imap_unordered(cls.check_one, list(groups), 16)
        finally:
            cls.of_parent = {}


def check_history(calls, internal_allowed=lambda call: False, processes=1):
    """internal_allowed(call): whether the service may answer 500 to it."""
    verdict = Verdict()
    verdict.count("calls", len(calls))
    verdict.count("unknown", sum(call.unknown for call in calls))
    for call in calls:
        verdict.run("status", call.group, check_status, call, call.status == 500 and internal_allowed(call))
    registers, islands = by_group(calls, "r"), by_group(calls, "i")
    verdict.count("registers", len(registers))
    verdict.count("islands", len(islands))
    for findings, figures in Groups.check({**registers, **islands}, processes):
        verdict.findings += findings
        for name, n in figures.items():
            verdict.count(name, n)
    verdict.count("walks", verdict.run("walk", "w", check_walks, calls) or 0)
    return verdict
