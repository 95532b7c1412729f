"""What is in deploy/, checked as far as it can be without a container engine."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from cli.settings import ShopSettings
from engine import settings as configuration
from engine.metrics import METRICS, Kind
from engine.roles import ALL, Role
from server import main
from tests.running import Shop

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
YAML = sorted(DEPLOY.rglob("*.yaml"))
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PROMETHEUS: dict[str, Any] = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yaml").read_text())
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((DEPLOY / "prometheus" / "rules.yaml").read_text())["groups"]
    for rule in group["rules"]
]
DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana" / "dashboards" / "dispensary.json").read_text())
PANELS: list[dict[str, Any]] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
PINNED = re.compile(r"[\w./-]+:v?\d+\.\d+(\.\d+)?[\w.-]*")
METRIC = re.compile(r"\b(?:dispensary|process)_[a-z_]+\b")
SELECTED = re.compile(r"\b((?:dispensary|process)_[a-z_]+)\{([^}]*)\}")
LABEL = re.compile(r"(\w+)=~?\"([^\"]*)\"")
VARIABLE = re.compile(r"\$\{\w+:[?-][^}]*\}")
OURS = [name for name, service in SERVICES.items() if "build" in service]
SERVERS = [name for name in OURS if name != "migrate"]
ADDED = {"instance", "job", "le"}
"Labels that Prometheus adds, and that of a histogram's buckets."


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in RULES)
    yield from (target["expr"] for panel in PANELS for target in panel["targets"])


@pytest.mark.parametrize("path", YAML, ids=lambda path: path.relative_to(DEPLOY).as_posix())
def test_a_file_can_be_read_and_says_nothing_twice(path: Path) -> None:
    class Strict(yaml.SafeLoader):
        pass

    def mapping(loader: Strict, node: yaml.MappingNode) -> dict[Any, Any]:
        keys = [loader.construct_object(key) for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"line {node.start_mark.line + 1}"
        return loader.construct_mapping(node, deep=True)

    Strict.add_constructor("tag:yaml.org,2002:map", mapping)
    assert yaml.load(path.read_text(), Strict)


def given(service: dict[str, Any]) -> ShopSettings:
    """The settings of a process: those of its environment, with something in place of what is secret, and its roles."""
    values: dict[str, Any] = {
        name.lower(): "ada@shop.example" if VARIABLE.fullmatch(value) else VARIABLE.sub("secret", value)
        for name, value in service["environment"].items()
    }
    command, *options = service.get("command", ["serve"])
    assert command in main.commands
    assert options[::2] == ["--role"] * (len(options) // 2)
    if command == "serve" and options:
        values["roles"] = ",".join(options[1::2])
    return ShopSettings(_env_file=None, **values)  # type: ignore[call-arg]  # pydantic-settings' own


@pytest.mark.parametrize("name", OURS)
def test_every_setting_of_a_process_exists_and_has_a_value_that_it_takes(name: str) -> None:
    service = SERVICES[name]
    assert [each for each in service["environment"] if each.lower() not in ShopSettings.model_fields] == []
    settings = given(service)
    assert list(settings.conflicts()) == []
    assert {port.split(":")[-1] for port in service.get("ports", ())} <= {f"{settings.port}"}
    for url in (settings.write_db_url, settings.read_db_url, settings.redis_url, settings.relay_url):
        if (host := urlsplit(url).hostname) is not None:
            assert service["depends_on"][host] == {"condition": "service_healthy"}
            assert SERVICES[host]["profiles"] == service["profiles"]


def test_one_process_on_files_or_several_with_a_role_each() -> None:
    assert SERVERS == ["server", "api", "projector", "reactor"]
    single, *several = (given(SERVICES[name]) for name in SERVERS)
    assert single.serves == ALL
    assert [each.serves for each in several] == [{Role.API}, {Role.PROJECTOR}, {Role.REACTOR, Role.RELAY}]
    folder = SERVICES["server"]["volumes"][0].split(":")[1]
    assert {str(Path(name).parent) for name in (single.log_name, single.reads_name)} == {folder}
    assert SERVICES["api"]["volumes"][0].split(":")[1] == several[0].data_dir, "the key of the tokens is kept"
    assert [SERVICES[name]["profiles"] for name in OURS] == [["single"]] + [["distributed"]] * 4


def test_a_server_starts_on_tables_that_were_migrated() -> None:
    assert SERVICES["migrate"]["command"] == ["migrate"]
    for name in ("api", "projector", "reactor"):
        assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
        assert SERVICES[name]["environment"] == SERVICES["migrate"]["environment"]


def test_the_image_holds_all_that_the_server_needs_and_runs_what_exists() -> None:
    wheel = re.findall(r'"([\w/.]+)"', (ROOT / "pyproject.toml").read_text().split("only-include = ")[1].split("]")[0])
    copied = re.findall(r"^COPY (?:--from=desk /build/)?([\w/.]+?)/? ", DOCKERFILE, re.MULTILINE)
    assert set(wheel) <= set(copied)
    assert [each for each in copied if each != "web/dist" and not (ROOT / each).exists()] == []
    kept = [line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line.startswith("!")]
    assert {each.split("/")[0] for each in copied} <= {each.split("/")[0] for each in kept}
    (command,) = re.findall(r'^CMD \["(\w+)"\]', DOCKERFILE, re.MULTILINE)
    assert command in main.commands
    assert re.search(r"^USER (?!root)", DOCKERFILE, re.MULTILINE)
    assert "--require-hashes" in DOCKERFILE


def test_every_image_is_pinned() -> None:
    images = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    images += [service["image"] for service in SERVICES.values()]
    assert [image for image in images if not PINNED.fullmatch(image)] == []
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version is not None
    assert {SERVICES[name]["image"] for name in OURS} == {f"dispensary:{version[1]}"}


def test_every_service_is_looked_after_and_reached_from_this_machine_alone() -> None:
    for name, service in SERVICES.items():
        if name == "migrate":
            assert service["restart"] == "no"
            assert "healthcheck" not in service
            continue
        assert service["restart"] == "unless-stopped", name
        assert set(service["healthcheck"]) >= {"test", "interval", "timeout", "retries"}, name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ())), name
        for other in service.get("depends_on", {}):
            assert SERVICES[other].get("profiles", service.get("profiles")) == service.get("profiles"), (name, other)
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert (DEPLOY / source).exists() if source.startswith(".") else source in COMPOSE["volumes"], volume


def test_no_password_is_in_the_files() -> None:
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            assert "PASS" not in name or re.fullmatch(r"\$\{\w+:[?-].*\}", value), name


async def test_every_process_answers_its_health_check(shop: Shop) -> None:
    (found,) = {match for match in re.findall(r"http://127\.0\.0\.1:8000(/[^']*)'", DOCKERFILE)}
    assert found in str(SERVICES["server"]["healthcheck"]["test"])
    for name in SERVERS:
        health = SERVICES[name]["healthcheck"]
        (asked,) = re.findall(r"http://127\.0\.0\.1:8000(/[^']*)'", str(health["test"][-1]))
        assert (await shop.http.get(asked)).status_code == 200
        assert int(health["timeout"][:-1]) > 2, "a look at a dependency may take 2 s"


def test_prometheus_asks_where_the_processes_answer() -> None:
    (scrape,) = PROMETHEUS["scrape_configs"]
    (found,) = scrape["dns_sd_configs"]
    assert found["names"] == SERVERS
    for host in found["names"]:
        settings = given(SERVICES[host])
        assert (found["port"], host in settings.hosts) == (settings.port, True)
    (named,) = scrape["relabel_configs"]
    assert named["replacement"] == f"$1:{found['port']}"
    assert (named["source_labels"], named["target_label"]) == (["__meta_dns_name"], "__address__")
    for file in PROMETHEUS["rule_files"]:
        assert (DEPLOY / "prometheus" / file).exists()
    assert "--config.file=/etc/prometheus/prometheus.yaml" in SERVICES["prometheus"]["command"]


async def test_every_figure_that_is_asked_for_is_told(shop: Shop) -> None:
    await shop.accepted("writeRecord", key="a", value="1")
    assert await shop.app.drained()
    text = (await shop.http.get("/metrics")).text
    told = set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))
    told |= {sample.name for family in text_string_to_metric_families(text) for sample in family.samples}
    asked = {name for each in expressions() for name in METRIC.findall(each)}
    # A counter with labels that has counted nothing has no samples yet.
    assert [name for name in sorted(asked) if name not in told] == []
    assert {metric.name for metric in METRICS} <= {re.sub("_(bucket|sum|count)$", "", name) for name in asked}


def test_labels_are_those_of_the_figure() -> None:
    labels = {
        f"{metric.name}{suffix}": set(metric.labels)
        for metric in METRICS
        for suffix in (("_bucket", "_sum", "_count") if metric.kind is Kind.HISTOGRAM else ("",))
    }
    for each in expressions():
        for name, selected in SELECTED.findall(each):
            assert {label for label, _ in LABEL.findall(selected)} <= labels.get(name, set()) | ADDED, each
        used = {label for name in METRIC.findall(each) for label in labels.get(name, set())}
        grouped = [label.strip() for group in re.findall(r"(?:by|on) \(([^)]*)\)", each) for label in group.split(",")]
        assert set(grouped) <= used | ADDED, each


def test_states_that_are_asked_for_exist() -> None:
    help = next(metric.help for metric in METRICS if metric.name == "dispensary_consumer_state")
    asked = {value for each in expressions() for label, value in LABEL.findall(each) if label == "state"}
    assert asked == set(re.findall(r"\w+", help.split("State: ")[1]))


def test_brackets_are_closed() -> None:
    for each in expressions():
        for one, other in ("()", "{}", "[]"):
            assert each.count(one) == each.count(other), each


def test_every_alert_says_what_it_is_and_how_bad() -> None:
    assert len({rule["alert"] for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert re.fullmatch(r"\d+[smh]", rule["for"])
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["description"].endswith(".")
    page = (ROOT / "docs" / "how-to" / "observe.md").read_text()
    assert [rule["alert"] for rule in RULES if rule["alert"] not in page] == []


def test_the_dashboard_is_one_that_grafana_takes() -> None:
    places: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        grid = panel["gridPos"]
        squares = {(grid["x"] + x, grid["y"] + y) for x in range(grid["w"]) for y in range(grid["h"])}
        assert not squares & places, f"{panel['title']} lies on another"
        assert grid["x"] + grid["w"] <= 24
        places |= squares
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    source = yaml.safe_load((DEPLOY / "grafana" / "provisioning" / "datasources" / "prometheus.yaml").read_text())
    (known,) = source["datasources"]
    assert {panel["datasource"]["uid"] for panel in PANELS} == {known["uid"]}
    host, port = known["url"].removeprefix("http://").split(":")
    assert any(each.endswith(f":{port}") for each in SERVICES[host]["ports"])
    for panel in PANELS:
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert panel["fieldConfig"]["defaults"]["unit"]
    provider = yaml.safe_load((DEPLOY / "grafana" / "provisioning" / "dashboards" / "dispensary.yaml").read_text())
    mounted = {each.split(":")[1]: each.split(":")[0] for each in SERVICES["grafana"]["volumes"]}
    folder = mounted[provider["providers"][0]["options"]["path"]]
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (DEPLOY / folder / Path(home).name).exists()


def test_the_limit_that_an_alert_names_is_the_default() -> None:
    rule = next(rule for rule in RULES if rule["alert"] == "ConsumerBehind")
    assert f"> {configuration.Settings.model_fields['health_max_lag_seconds'].default} " in rule["expr"]
