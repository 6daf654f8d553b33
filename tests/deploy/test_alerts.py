"""The Prometheus rules: promtool reads them, and every alert fires when it must and is quiet when it must be."""

import re
import subprocess

import pytest
import yaml

from alert_cases import CASES, step_m

PROMTOOL = "/usr/bin/promtool"


@pytest.fixture(scope="module")
def groups(root):
    text = (root / "deploy" / "kubernetes" / "base" / "prometheusrule.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)["spec"]["groups"]


@pytest.fixture(scope="module")
def alerts(groups):
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}


@pytest.fixture(scope="module")
def rules_file(groups, tmp_path_factory):
    """The plain file that Prometheus itself reads."""
    path = tmp_path_factory.mktemp("rules") / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": groups}, sort_keys=False, width=1000), encoding="utf-8")
    return path


def promtool(*words):
    run = subprocess.run([PROMTOOL, *map(str, words)], capture_output=True, text=True, timeout=300)
    return run.returncode, run.stdout + run.stderr


def test_promtool_reads_the_rules(rules_file):
    code, said = promtool("check", "rules", "--lint=all", "--lint-fatal", rules_file)
    assert code == 0, said


def test_every_alert_has_a_case_that_fires_and_one_that_does_not(alerts):
    fires = {case.alert for case in CASES if case.firing}
    quiet = {case.alert for case in CASES if not case.firing}
    assert fires == quiet == alerts.keys()


def unit_tests(groups, cases, folder):
    """A promtool file of the cases, with the groups that they need. They become one group: promtool takes groups in any order,
    and with long steps a record of the step before is too old. Annotations are left out: promtool would have their whole text
    again."""
    names = {case.alert for case in cases}
    rules = [{k: v for k, v in rule.items() if k != "annotations"}
             for group in groups if names & {rule.get("alert") for rule in group["rules"]}
             or "recorded" in group["name"] and any("Budget" in name for name in names) for rule in group["rules"]]
    (folder / "bare.yaml").write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": rules}]}, width=1000), encoding="utf-8")
    step = f"{step_m(cases[0])}m"
    tests = [{"interval": step, "name": f"{case.alert}: {case.why}", "input_series": case.series,
              "alert_rule_test": [{"eval_time": f"{case.at_m}m", "alertname": case.alert,
                                   "exp_alerts": [{"exp_labels": labels} for labels in case.firing]}]} for case in cases]
    path = folder / "tests.yaml"
    path.write_text(yaml.safe_dump({"rule_files": ["bare.yaml"], "evaluation_interval": step, "tests": tests}, width=1000),
                    encoding="utf-8")
    return path


@pytest.mark.parametrize("minutes", [1, 10])
def test_alerts_fire_and_are_quiet(groups, tmp_path, minutes):
    cases = [case for case in CASES if step_m(case) == minutes]
    code, said = promtool("test", "rules", unit_tests(groups, cases, tmp_path))
    assert code == 0, said


def test_each_alert_that_is_taken_away_is_missed(groups, tmp_path):
    """The cases themselves: with each alert's condition turned round they must fail."""
    def turned(rule, name):
        return {**rule, "expr": "vector(1) > 2"} if rule.get("alert") == name else rule

    first = {case.alert: case for case in reversed(CASES) if case.firing}
    assert len(first) > 30
    for name, case in first.items():
        changed = [{**group, "rules": [turned(rule, name) for rule in group["rules"]]} for group in groups]
        code, said = promtool("test", "rules", unit_tests(changed, [case], tmp_path))
        assert code != 0 and "got:[]" in said, f"{name} never fires, and this is not said: {said}"


def test_each_alert_says_why_what_users_notice_and_what_to_do(alerts):
    for name, rule in alerts.items():
        assert rule["labels"]["severity"] in ("page", "ticket"), name
        texts = rule["annotations"]
        assert texts.keys() == {"summary", "description", "runbook"}, name
        assert re.search(r"\. For users: \w", texts["description"]), f"{name} does not say what users notice"
        assert len(texts["summary"]) <= 110 and len(texts["runbook"]) > 20, name
        for text in texts.values():
            assert "\n" not in text.strip(), f"{name}: one line each"


def test_annotations_use_labels_that_there_are(alerts):
    for case in CASES:
        text = " ".join(alerts[case.alert]["annotations"].values())
        for labels in case.firing:
            assert set(re.findall(r"\$labels\.(\w+)", text)) <= labels.keys(), case.alert


def test_limits_in_the_rules_are_those_of_the_manifests(alerts, newest):
    from test_kubernetes import container_of, settings_of  # pylint: disable=import-outside-toplevel
    settings = settings_of(newest["plain"])
    limit_mib = int(re.fullmatch(r"(\d+)Mi", container_of(newest["plain"])["resources"]["limits"]["memory"]).group(1))
    connections = int(settings["CUSTOMERD_MAX_CONNECTIONS"])
    assert alerts["CustomerdConnectionsNearLimit"]["expr"].endswith(f"> {connections * 8 // 10}")
    assert f"of at most {connections}" in alerts["CustomerdConnectionsNearLimit"]["annotations"]["summary"]
    assert alerts["CustomerdMemoryNearLimit"]["expr"].endswith(f"0.85 * {limit_mib} * 1024 * 1024")
    assert f"of {limit_mib} MiB" in alerts["CustomerdMemoryNearLimit"]["annotations"]["summary"]


def test_the_queue_limit_is_half_of_the_preset(alerts, binary):
    reference = subprocess.run([binary, "config", "--reference"], capture_output=True, text=True, check=True).stdout
    preset = int(re.search(r"CUSTOMERD_DB_QUEUE_MAX.*\| `(\d+)` \|", reference).group(1))
    alert = alerts["CustomerdLaneQueueLong"]
    assert alert["expr"].endswith(f"> {preset // 2}") and f"beyond {preset} " in alert["annotations"]["description"]


def test_the_queue_limit_is_half_of_the_requests_at_once(binary):
    reference = subprocess.run([binary, "config", "--reference"], capture_output=True, text=True, check=True).stdout
    queue, requests = (int(re.search(rf"CUSTOMERD_{name}`.*\| `(\d+)` \|", reference).group(1))
                       for name in ("DB_QUEUE_MAX", "MAX_REQUESTS"))
    assert queue * 2 == requests
