"""SVG plots, by gnuplot: throughput, the distribution of latencies, and latency against offered load."""

import shutil
import subprocess

from results import Spread

SIZE = "960,540"
DISTRIBUTIONS = ("get-1", "get-64", "create-64", "mix-75")
COLORS = ("#1f4e9c", "#e08a1e", "#3a9d5d", "#c0392b", "#7f8c8d", "#8e5bb5", "#17a2b8", "#a0522d", "#d4ac0d", "#e377c2", "#2c3e50",
          "#9acd32")
COMMON = """\
set terminal svg size {size} background 'white' font 'sans-serif,12'
set output '{output}'
set title '{title}'
set key outside right top noenhanced
set grid ytics lc rgb '#dddddd'
"""


def _plot(folder, name, title, commands, data):
    """data: block name to lines; the blocks stand before the commands."""
    blocks = "".join(f"${block} << END\n" + "\n".join(lines) + "\nEND\n" for block, lines in data.items())
    output = folder / f"{name}.svg"
    done = subprocess.run(["gnuplot"], input=blocks + COMMON.format(size=SIZE, output=output, title=title) + commands,
                          capture_output=True, text=True, timeout=60, check=False)
    if done.returncode or not output.exists():
        raise RuntimeError(f"gnuplot: {done.stderr}")
    return title, output.name


def _lines(series, axes):
    """One line with points for each: (block, label)."""
    curves = ", ".join(f"${block} using {axes} with linespoints lw 2 title '{label}'" for block, label in series)
    return f"plot {curves}\n"


def _throughput(results, folder):
    """A group of bars for each workload, of those alone that took part."""
    bars, ticks, at = {}, [], 0
    for workload, found in results.samples.items():
        ticks.append(f'"{workload}" {at + (len(found) - 1) / 2}')
        for name in found:
            spread = Spread.of(results.values(workload, name))
            bars.setdefault(name, []).append(f"{at} {spread.median} {spread.low} {spread.high}")
            at += 1
        at += 2
    data = {f"b{index}": rows for index, rows in enumerate(bars.values())}
    curves = ", ".join(f"${block} using 1:2:3:4:(0.9) with boxerrorbars lc rgb '{color}' fs solid border rgb '#444444' title '{name}'"
                       for block, color, name in zip(data, COLORS, bars))
    return _plot(folder, "throughput", "Throughput: median, least and greatest of the rounds",
                 f"set yrange [0:*]\nset xrange [-1:{at - 1}]\nset ylabel 'requests/s'\n"
                 f"set xtics ({', '.join(ticks)}) rotate by -60 noenhanced scale 0\nplot {curves}\n", data)


def _distribution(results, folder, workload):
    data, series = {}, []
    for index, (name, samples) in enumerate(results.samples[workload].items()):
        points = []
        for percentile in samples[0].latency_us:
            median = Spread.of(sample.percentile(percentile) for sample in samples).median
            points.append(f"{1 / (1 - float(percentile) / 100)} {max(median, 1) / 1000}")
        data[f"d{index}"] = points
        series.append((f"d{index}", name))
    ticks = ", ".join(f"'{label}' {at}" for label, at in (("0", 1), ("50", 2), ("90", 10), ("99", 100), ("99.9", 1000),
                                                          ("99.99", 10000)))
    return _plot(folder, f"latency-{workload}", f"Latency of {workload}",
                 f"set logscale xy\nset xlabel 'percentile'\nset ylabel 'ms'\nset xtics ({ticks})\n" + _lines(series, "1:2"), data)


def _offered_load(points_of, folder):
    data, series = {}, []
    for index, (name, points) in enumerate(points_of.items()):
        data[f"o{index}"] = [f"{p['asked']} {p['p50_us'] / 1000} {p['p99_us'] / 1000}" for p in points]
        series.append((f"o{index}", name))
    curves = ", ".join(f"${block} using 1:{column} with linespoints lw 2 title '{name}, p{percentile}'"
                       for block, name in series for column, percentile in ((2, 50), (3, 99)))
    return _plot(folder, "offered-load", "Latency against offered load, 64 connections",
                 f"set logscale y\nset xlabel 'requests/s offered'\nset ylabel 'ms'\nplot {curves}\n", data)


def draw(results, folder):
    """(title, file) of each plot."""
    if shutil.which("gnuplot") is None:
        results.absent["plots"] = "gnuplot is not available"
        return []
    found = [_throughput(results, folder)] if results.samples else []
    found += [_distribution(results, folder, name) for name in DISTRIBUTIONS if name in results.samples]
    if results.facts.get("open_loop"):
        found.append(_offered_load(results.facts["open_loop"], folder))
    return found
