"""A Prometheus of the test's own: Debian's program, on a free port, with a private data directory.

    with Prometheus(tmp_path, targets={"127.0.0.1:8081": {"namespace": "customerd"}}, groups=rules) as prometheus:
        prometheus.query_range("up", start, end, step_s)"""

import http.client
import json
import subprocess
import time
import urllib.parse
from pathlib import Path

import yaml

from local_cluster import ports

PROGRAM = "/usr/bin/prometheus"


class Prometheus:
    """targets: addresses to scrape each second, with labels of their own, as the job customerd. groups: rules."""

    def __init__(self, folder, targets, groups=()):
        self.folder, self.port = Path(folder), ports.choose(1)[0]
        (self.folder / "rules.yaml").write_text(yaml.safe_dump({"groups": list(groups)}, width=1000), encoding="utf-8")
        configuration = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": ["rules.yaml"],
            "scrape_configs": [{"job_name": "customerd", "metrics_path": "/metrics", "static_configs": [
                {"targets": [target], "labels": labels} for target, labels in targets.items()]}],
        }
        (self.folder / "prometheus.yaml").write_text(yaml.safe_dump(configuration), encoding="utf-8")
        self.log_path, self.process = self.folder / "prometheus.log", None

    def __enter__(self):
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [PROGRAM, f"--config.file={self.folder / 'prometheus.yaml'}", f"--storage.tsdb.path={self.folder / 'data'}",
                 f"--web.listen-address=127.0.0.1:{self.port}"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while not self._is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                raise AssertionError(f"Prometheus does not start: {self.log_path.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def _is_ready(self):
        try:
            return self._get("/-/ready")[0] == 200
        except OSError:
            return False

    def api(self, path, **parameters):
        """The data of an answer of its API."""
        status, body = self._get(f"/api/v1/{path}?" + urllib.parse.urlencode(parameters, doseq=True))
        document = json.loads(body)
        assert status == 200 and document["status"] == "success", f"{parameters}: {document}"
        return document["data"]

    def query_range(self, expression, start, end, step_s):
        return self.api("query_range", query=expression, start=start, end=end, step=step_s)["result"]

    def query(self, expression):
        return self.api("query", query=expression)["result"]

    def names(self):
        """Of all series."""
        return set(self.api("label/__name__/values"))

    def labels_of(self, name):
        """The labels that a metric has on any of its series."""
        return {label for series in self.api("series", **{"match[]": name}) for label in series} - {"__name__"}

    def rules(self):
        return [rule for group in self.api("rules")["groups"] for rule in group["rules"]]
