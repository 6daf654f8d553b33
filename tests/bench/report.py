"""report.md and report.json."""

import json
import os
import platform
import subprocess
import time
from pathlib import Path

import marks
import plots
import workloads
from results import Spread, ratios


def machine():
    model = next((line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())
    release = next((line.partition("=")[2].strip('"') for line in Path("/etc/os-release").read_text().splitlines()
                    if line.startswith("PRETTY_NAME=")), "")
    return f"{os.cpu_count()} processors ({model}), {release}, Linux {platform.release()}"


def _table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def _workload(results, workload, first):
    samples = results.samples[workload.name]
    rows = []
    for contestant in samples:
        rates = results.values(workload.name, contestant)
        ratio = Spread.of(ratios(results.values(workload.name, first), rates))
        rows.append([contestant, Spread.of(rates).text(),
                     *(Spread.of(results.values(workload.name, contestant, lambda s, p=p: s.percentile(p) / 1000)).text("{:.2f}")
                       for p in (50, 99)),
                     ratio.text("{:.2f}") if contestant != first else ""])
    text = f"### {workload.name}\n\n{workload.note}, {workload.connections} connections.\n\n"
    text += _table(["", "requests/s", "p50, ms", "p99, ms", f"{first} is, times"], rows)
    for peer, tried in results.settings.get(workload.name, {}).items():
        text += f"\n\n{peer} took part in its best setting here: " + "; ".join(
            f"{setting} {rate:,.0f}" for setting, rate in sorted(tried.items(), key=lambda item: -item[1])) + " requests/s."
    return text


def _measures(results):
    rows = [[name, series, Spread.of(values).text("{:,.2f}")]
            for name, found in results.measures.items() for series, values in found.items()]
    return _table(["", "what", "median (least - greatest)"], rows)


def markdown(bench):
    results, facts = bench.results, bench.results.facts
    first = bench.customerds[0].name
    parts = [f"# Benchmark of {facts['date']}", f"{facts['machine']}. {facts['commit']}. "
             f"{'Full' if bench.scale.full else 'Quick'} run, {bench.scale.rounds} rounds, all contestants in turn in each; "
             f"{bench.scale.sample_s} s a turn; {facts['took_s']} s in all. Figures are the median of the rounds and, in "
             "parentheses, the least and the greatest; a ratio is made in each round, then its median taken."]
    if bench.scale.rounds < 5:
        parts.append("Fewer than five rounds: a quick look, not a measurement to quote.")
    if len(bench.customerds) == 1:
        parts += ["## Marks", _table(["", "measured", "must", "aim", ""], marks.rows(results, bench.scale))]
    if results.absent:
        parts.append("Not measured: " + "; ".join(f"{name}: {why}" for name, why in results.absent.items()) + ".")
    parts += ["## Workloads", *(_workload(results, workloads.ALL[name], first) for name in results.samples)]
    if results.measures:
        parts += ["## Measures", _measures(results)]
    parts += [f"![{title}]({path})" for title, path in facts.get("plots", [])]
    return "\n\n".join(parts) + "\n"


def commit():
    from world import ROOT  # pylint: disable=import-outside-toplevel
    done = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return f"Commit {done.stdout.strip()}" if done.returncode == 0 else "No repository"


def write(bench, folder):
    folder.mkdir(parents=True, exist_ok=True)
    facts = bench.results.facts
    facts.update(date=time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()), machine=machine(), commit=commit(),
                 rounds=bench.scale.rounds, sample_s=bench.scale.sample_s, full=bench.scale.full)
    facts["plots"] = plots.draw(bench.results, folder)
    document = bench.results.document()
    if len(bench.customerds) == 1:
        document["marks"] = marks.document(bench.results, bench.scale)
    (folder / "report.json").write_text(json.dumps(document, indent=1) + "\n")
    (folder / "report.md").write_text(markdown(bench))
