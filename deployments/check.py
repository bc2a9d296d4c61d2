"""Checks the compose file's mounts, then the dashboard: its rules, and each query against a live relay.

Called by check.sh with the relay's base URL and a key. Exits 1 and lists what is wrong, if anything is.
"""

import http.client
import json
import math
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml

HERE = Path(__file__).parent
DASHBOARD = HERE / "grafana/dashboards/stream-relay.json"
CHAT, SPEECH = "/v1/chat/completions", "/openai/v1/audio/speech"

# A healthy relay may show zero here, though never nothing at all. Every other panel has to move.
MAY_STAY_ZERO = {"State", "Log lines dropped", "Garbage collection", "Abandoned streams", "Wasted output tokens"}
# The original's names, kept for its users; promtool dislikes the unit.
KNOWN_COMPLAINTS = {f"{name} metric names should not contain abbreviated units" for name in ("relay_duration_ms", "relay_storage_write_ms")}

problems = []


def expect(condition, message):
    if not condition:
        problems.append(message)
        print("  FAILED:", message)


def wait_until(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"FAILED: {what} within {seconds} s")
        time.sleep(0.2)


# Files


def check_mounts():
    compose = yaml.safe_load((HERE / "compose.yaml").read_text())
    services = compose["services"]
    mounts = {}
    for service in services.values():
        for volume in service.get("volumes", []):
            source, target = volume.split(":")[:2]
            if source.startswith("."):
                mounts[target] = HERE / source
                expect((HERE / source).exists(), f"compose.yaml mounts {source}, which does not exist")
            else:
                expect(source in compose["volumes"], f"compose.yaml: volume {source} is not declared")
    build = services["relay"]["build"]
    expect((HERE / build["context"] / build["dockerfile"]).is_file(), f"compose.yaml: no {build['dockerfile']}")

    prometheus = yaml.safe_load((HERE / "prometheus/prometheus.yml").read_text())
    (job,) = prometheus["scrape_configs"]
    scraped = job["static_configs"][0]["targets"]
    expect([target.split(":")[0] in services for target in scraped] == [True], f"prometheus.yml scrapes {scraped}, not one compose service")
    source = yaml.safe_load((HERE / "grafana/provisioning/datasources/prometheus.yaml").read_text())["datasources"][0]
    expect(urllib.parse.urlparse(source["url"]).hostname in services, f"data source {source['url']} is no compose service")
    interval = prometheus["global"]["scrape_interval"]
    expect(source["jsonData"]["timeInterval"] == interval, f"the data source does not say that scrapes come every {interval}")
    provider = yaml.safe_load((HERE / "grafana/provisioning/dashboards/stream-relay.yaml").read_text())["providers"][0]
    folder = provider["options"]["path"]
    expect(mounts.get(folder, HERE) / DASHBOARD.name == DASHBOARD, f"no dashboard is mounted at {folder}")
    home = services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    expect(home == f"{folder}/{DASHBOARD.name}", f"the home dashboard {home} is not mounted")
    return source["uid"]


def check_rules(dashboard, source_uid):
    """What grafana's dashboard-linter asks for, and what breaks a dashboard silently."""
    variables = {v["name"]: v for v in dashboard["templating"]["list"]}
    expect(variables["datasource"]["current"]["value"] == source_uid, "the default data source is not the provisioned one")
    for name in ("job", "instance", "route"):
        expect(variables[name]["refresh"] == 2, f"variable {name} does not reload on time change")
    expect(dashboard["editable"] is False, "the dashboard is editable")
    ids = [panel["id"] for panel in dashboard["panels"]]
    expect(len(ids) == len(set(ids)), f"panel ids repeat: {ids}")
    taken = {}
    for panel in dashboard["panels"]:
        title, grid = panel["title"], panel["gridPos"]
        expect(panel["type"] in ("row", "stat", "timeseries"), f"{title}: panel type {panel['type']}")
        expect(grid["x"] + grid["w"] <= 24, f"{title}: beyond the grid")
        for cell in ((x, y) for x in range(grid["x"], grid["x"] + grid["w"]) for y in range(grid["y"], grid["y"] + grid["h"])):
            expect(cell not in taken, f"{title} overlaps {taken.get(cell)}")
            taken[cell] = title
        if panel["type"] == "row":
            continue
        expect(panel.get("description"), f"{title}: no description")
        expect(panel["fieldConfig"]["defaults"].get("unit"), f"{title}: no unit")
        expect(panel["targets"], f"{title}: no query")
        for part in [panel, *panel["targets"]]:
            expect(part["datasource"] == {"type": "prometheus", "uid": "${datasource}"}, f"{title}: data source is not the variable")
        for expr in (target["expr"] for target in panel["targets"]):
            selectors = re.findall(r"(\w+)\{(.*?)\}(\[.*?\])?", expr)
            expect(selectors, f"{title}: no selector in {expr}")
            for name, matchers, window in selectors:
                expect('job=~"$job", instance=~"$instance"' in matchers, f"{title}: {name} ignores $job or $instance")
                counter = re.search(r"_(total|bucket|sum|count)$", name)
                expect(window == ("[$__rate_interval]" if counter else ""), f"{title}: {name} has window '{window}'")


# A live relay


class Relay:
    def __init__(self, base_url, key):
        self.address = urllib.parse.urlparse(base_url).netloc
        self.key = key

    def connect(self):
        return http.client.HTTPConnection(self.address, timeout=30)

    def post(self, connection, path, body, key=None, tenant=None):
        headers = {"Authorization": f"Bearer {key or self.key}", "Content-Type": "application/json"}
        if tenant:
            headers["X-Tenant-ID"] = tenant
        connection.request("POST", path, json.dumps(body), headers)
        return connection.getresponse()

    def status_and_body(self, path, body, **who):
        connection = self.connect()
        try:
            response = self.post(connection, path, body, **who)
            try:
                return response.status, response.read()
            except (http.client.HTTPException, OSError) as broken:  # a cut stream is part of the traffic
                return response.status, getattr(broken, "partial", b"")
        finally:
            connection.close()

    def metrics(self):
        connection = self.connect()
        try:
            connection.request("GET", "/metrics", headers={"Accept": "text/plain"})
            return connection.getresponse().read().decode()
        finally:
            connection.close()


def chat(model):
    return {"model": model, "stream": True, "messages": [{"role": "user", "content": "Hello"}]}


def leave_early(relay, stay_seconds):
    """Takes the start of a stream that then falls silent, waits so that a scrape sees it, and closes the connection."""
    connection = relay.connect()
    try:
        response = relay.post(connection, CHAT, chat("demo-stall"))
        expect(response.status == 200 and response.read1(), f"demo-stall: {response.status}, or no first byte")
        time.sleep(stay_seconds)
    finally:
        connection.close()


def send_mixed_traffic(relay):
    with ThreadPoolExecutor(1) as pool:
        leaver = pool.submit(leave_early, relay, stay_seconds=3)
        for _ in range(5):
            status, body = relay.status_and_body(CHAT, chat("demo-fast"))
            expect(status == 200 and b"[DONE]" in body, f"demo-fast: {status}, {len(body)} bytes")
        status, body = relay.status_and_body(SPEECH, {"model": "demo-tts", "voice": "demo", "input": "Hello", "response_format": "wav"})
        expect(status == 200 and body, f"speech: {status}, {len(body)} bytes")
        for wanted, path, model, key in (
            (401, CHAT, "demo-fast", "sk-wrong"),
            (404, "/no-such-route", "demo-fast", None),
            (429, CHAT, "demo-429", None),
            (200, CHAT, "demo-cut", None),
        ):
            status, _ = relay.status_and_body(path, chat(model), key=key)
            expect(status == wanted, f"{path} with {model}: {status} (expected: {wanted})")
        leaver.result()


def send_until_limited(relay, most=2000):
    """One tenant of its own asks until the relay's limit refuses it; the provider's 429 is another code."""
    for _ in range(most):
        status, body = relay.status_and_body(CHAT, chat("demo-429"), tenant="deployments-check")
        if status == 429 and b"rate_limited" in body:
            return
    expect(False, f"{most} requests of one tenant and no rate limit refused any (last: {status})")


class Prometheus:
    """A real one, with the shipped configuration but for the target and the pace."""

    def __init__(self, relay, folder):
        shipped = (HERE / "prometheus/prometheus.yml").read_text()
        config = shipped.replace("relay:8080", relay.address).replace("scrape_interval: 5s", "scrape_interval: 1s")
        expect(config.count(relay.address) == 1 and "interval: 1s" in config, "prometheus.yml: target or interval not found")
        (folder / "prometheus.yml").write_text(config)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.log = folder / "prometheus.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [
                    "prometheus",
                    f"--config.file={folder}/prometheus.yml",
                    f"--storage.tsdb.path={folder}/data",
                    f"--web.listen-address=127.0.0.1:{self.port}",
                ],
                stdout=log,
                stderr=log,
            )
        self.started = time.time()

    def get(self, path, **parameters):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", f"/api/v1/{path}?{urllib.parse.urlencode(parameters)}")
            answer = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        if answer["status"] != "success":
            raise ValueError(answer["error"])
        return answer["data"]["result"]

    def is_ready(self):
        if self.process.poll() is not None:
            sys.exit(f"FAILED: Prometheus ended:\n{self.log.read_text()[-2000:]}")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/-/ready")
            return connection.getresponse().status == 200
        except OSError:  # not listening yet
            return False
        finally:
            connection.close()

    def scrapes(self):
        result = self.get("query", query='sum_over_time(up{job="stream-relay"}[1h])')
        return int(result[0]["value"][1]) if result else 0

    def await_scrapes(self, more):
        wanted = self.scrapes() + more
        wait_until(lambda: self.scrapes() >= wanted, 30, f"Prometheus did not scrape the relay {more} times")

    def points(self, expr):
        series = self.get("query_range", query=expr, start=self.started, end=time.time(), step=1)
        values = (float(value) for one in series for _, value in one["values"])
        return [value for value in values if math.isfinite(value)]

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def as_grafana_sends_it(expr, dashboard):
    """Puts in what "All" stands for, and the shortest $__rate_interval: four scrapes of 5 s."""
    expr = expr.replace("$__rate_interval", "20s")
    for variable in dashboard["templating"]["list"]:
        if "allValue" in variable:
            expr = re.sub(rf"\${variable['name']}\b", variable["allValue"], expr)
    return expr


def check_panels(dashboard, prometheus, exposition):
    exposed = set(re.findall(r"^(\w+)[{ ]", exposition, re.MULTILINE))
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            name = f"{panel['title']} {target['refId']}"
            for metric in re.findall(r"(\w+)\{", target["expr"]):
                expect(metric in exposed, f"{name}: the relay exposes no {metric}")
            expr = as_grafana_sends_it(target["expr"], dashboard)
            try:
                points = prometheus.points(expr)
            except ValueError as refused:
                expect(False, f"{name}: {refused} in {expr}")
                continue
            highest = max(points, default=math.nan)
            print(f"  {name}: {len(points)} points, highest {highest:.4g}")
            expect(points, f"{name}: no finite point for {expr}")
            expect(not points or highest > 0 or panel["title"] in MAY_STAY_ZERO, f"{name}: stayed at zero")


def check_exposition(exposition):
    for end in ("complete", "rejected", "upstream_refused", "upstream_(error|truncated)", "client_gone"):
        counted = re.search(rf'^relay_exchanges_total{{.*end="{end}".*}} [1-9]', exposition, re.MULTILINE)
        expect(counted, f"the traffic made no exchange end as {end}")
    lint = subprocess.run(["promtool", "check", "metrics"], input=exposition, capture_output=True, text=True)
    complaints = set((lint.stdout + lint.stderr).splitlines())
    for line in sorted(complaints - KNOWN_COMPLAINTS):
        expect(False, f"promtool check metrics: {line}")
    for line in sorted(KNOWN_COMPLAINTS - complaints):
        expect(False, f"promtool check metrics no longer says: {line}")


def main(base_url, key):
    print("== mounts, provisioning, dashboard rules")
    dashboard = json.loads(DASHBOARD.read_text())
    check_rules(dashboard, check_mounts())

    relay = Relay(base_url, key)
    with tempfile.TemporaryDirectory() as folder:
        prometheus = Prometheus(relay, Path(folder))
        try:
            wait_until(prometheus.is_ready, 30, "Prometheus was not ready")
            prometheus.await_scrapes(2)
            # Twice, because a rate needs a counter to grow between two scrapes.
            for round_number in (1, 2):
                print(f"== mixed traffic, round {round_number}")
                send_mixed_traffic(relay)
                send_until_limited(relay)
                prometheus.await_scrapes(2)
            print("== every panel's queries")
            exposition = relay.metrics()
            check_panels(dashboard, prometheus, exposition)
            print("== ends counted, promtool check metrics")
            check_exposition(exposition)
        finally:
            prometheus.stop()

    if problems:
        sys.exit(f"{len(problems)} problem(s) in deployments/:\n  " + "\n  ".join(problems))
    print("deployments: all checks passed")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that Prometheus is stopped then too
    main(*sys.argv[1:])
