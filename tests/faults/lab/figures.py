"""What a campaign comes to, counted from the run itself."""

import json


def seconds(recoveries):
    """How soon all was served again, over all faults."""
    times = sorted(time_s for some in recoveries.values() for time_s in some)
    if not times:
        return {}
    worst = max((max(some), name) for name, some in recoveries.items() if some)
    return {"median": round(times[len(times) // 2], 2), "p95": round(times[len(times) * 95 // 100], 2),
            "most": round(worst[0], 2), "most after": worst[1], "within 5 s": sum(time_s <= 5 for time_s in times),
            "of": len(times)}


def figures_of(run, verdict, minutes):
    """run: the Campaign; verdict: what its checks came to."""
    counts = {}
    for event in run.events:
        counts[event["fault"]] = counts.get(event["fault"], 0) + 1
    return {"seed": run.options.seed, "minutes": round(minutes, 1), "minutes under load": round(run.load_s / 60, 1),
            "recorded operations": verdict.figures["calls"], "islands": verdict.figures.get("islands", 0),
            "registers": verdict.figures.get("registers", 0), "walks": verdict.figures["walks"],
            "undecided": verdict.figures.get("undecided", 0), "service kills": run.tally["service kills"],
            "failovers": run.tally["failovers"], "faults": len(run.events), "kinds of faults": len(counts),
            "served again after": seconds(run.recoveries), "findings": len(verdict.findings), "each fault": counts,
            "all figures": verdict.figures, "all findings": [list(finding) for finding in verdict.findings]}


def write(path, figures):
    path.write_text(json.dumps(figures, indent=1, default=str) + "\n")


def told(figures):
    """Lines for people."""
    shown = {name: value for name, value in figures.items() if name not in ("each fault", "all figures", "all findings")}
    again = shown.pop("served again after")
    lines = [f"{name:20} {value:,}" if name != "seed" else f"{name:20} {value}" for name, value in shown.items()]
    if again:
        lines.insert(-1, f"{'served again after':20} median {again['median']} s, 95 of 100 {again['p95']} s, "
                         f"most {again['most']} s ({again['most after']}), {again['within 5 s']} of {again['of']} within 5 s")
    return "\n".join(lines)
