"""What `deploy/` says, as its own programs read it where they are at hand, and what the shop asks of it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from rando_number import create_app
from rando_number.config import production

from .conftest import ROOT
from .production import certificate

DEPLOY = ROOT / "deploy"
UNITS = ("rando-web.service", "rando-tick.service")

#: How much of the machine a unit can reach, from 0 to 10, as systemd counts.
MAX_EXPOSURE = 2.0


def at_hand(program: str) -> str:
    """The path of a program; without it the test is left out."""
    path = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin")
    if path is None:
        pytest.skip(f"needs {program}")
    return path


def run(*command: str, **environment: str) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_caddy_takes_its_file(tmp_path: Path) -> None:
    caddy = at_hand("caddy")

    for upstream in ({}, {"SHOP_ADDRESS": "127.0.0.1:8000"}):
        output = run(
            *(caddy, "validate", "--adapter", "caddyfile", "--config", str(DEPLOY / "Caddyfile")),
            **{"RANDO_HOST": "shop.example", "HOME": str(tmp_path), **upstream},
        )
        assert "Valid configuration" in output


def test_nginx_takes_its_file(tmp_path: Path) -> None:
    nginx = at_hand("nginx")
    pem = certificate(tmp_path / "localhost.pem")
    site = re.sub(r"/etc/rando/tls/\w+\.pem", str(pem), (DEPLOY / "nginx.conf").read_text())
    (tmp_path / "site.conf").write_text(site.replace("/var/log/nginx", str(tmp_path)))
    whole = tmp_path / "nginx.conf"
    whole.write_text(f"pid {tmp_path}/pid; events {{}}\nhttp {{ include {tmp_path}/site.conf; }}\n")

    assert "test is successful" in run(nginx, "-t", "-c", str(whole), "-e", str(tmp_path / "log"))


def test_no_link_that_opens_an_account_is_in_the_log_of_nginx(tmp_path: Path) -> None:
    app = create_app({"RANDO_DATA": str(tmp_path), "RANDO_CONFIRM_EMAIL": "1"})
    left_out = re.search(r'"~(\S+)" 0;', (DEPLOY / "nginx.conf").read_text())
    assert left_out is not None

    links = [rule.rule for rule in app.url_map.iter_rules() if "token" in rule.arguments]

    assert "/reset/<token>" in links
    assert [link for link in links if not re.match(left_out[1], link)] == []


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_reaches_little_of_the_machine(unit: str) -> None:
    output = run(at_hand("systemd-analyze"), "security", "--offline=true", "--no-pager", str(DEPLOY / unit))

    exposure = re.search(r"Overall exposure level for \S+: ([\d.]+)", output)
    assert exposure is not None, output
    assert float(exposure[1]) <= MAX_EXPOSURE


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_comes_back_by_itself_and_leaves_its_files_to_nobody(unit: str) -> None:
    lines = (DEPLOY / unit).read_text().splitlines()

    assert {"Restart=always", "RestartSec=2", "UMask=0077", "StateDirectoryMode=0700"} <= set(lines)
    reload = [line for line in lines if line.startswith("ExecReload=")]
    assert bool(reload) is (unit == "rando-web.service")


def test_every_way_to_serve_replaces_a_worker_that_dies_and_drains_before_it_ends() -> None:
    for file in ("rando-web.service", "Procfile", "Dockerfile"):
        words = re.findall(r"[\w.:$/-]+", (DEPLOY / file).read_text())
        assert "--respawn-failed-workers" in words, file
        assert words[words.index("--workers-kill-timeout") + 1] == "30", file


def compose() -> dict[str, dict[str, dict[str, object]]]:
    read: dict[str, dict[str, dict[str, object]]] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return read


def test_compose_refuses_to_start_without_what_production_asks_for() -> None:
    """Each setting that production refuses to miss stands in it, required, and in the file to copy."""
    required_names = {re.match(r"\w+", sentence)[0] for sentence in production.unsafe({})}  # type: ignore[index]
    environment = compose()["services"]["web"]["environment"]
    assert isinstance(environment, dict)

    unset = {name for name in required_names if f"${{{name}:?" not in str(environment.get(name))}
    assert unset == {"RANDO_BASE_URL"}, "made of RANDO_HOST, which is required"
    assert "${RANDO_HOST:?" in environment["RANDO_BASE_URL"]
    required = set(re.findall(r"\$\{(\w+):\?", (DEPLOY / "compose.yaml").read_text()))
    assert required <= set(re.findall(r"^(\w+)=", (DEPLOY / "env.example").read_text(), re.MULTILINE))


def test_compose_keeps_data_bounds_memory_and_knows_who_is_well() -> None:
    services = compose()["services"]

    for name, service in services.items():
        assert service.get("mem_limit"), name
        if name not in ("proxy",):
            assert "healthcheck" in service, name
    for name in ("web", "tick", "release"):
        assert services[name]["volumes"] == ["data:/data"], name
    assert "@" not in str(services["web"]["environment"]["DATABASE_URL"]).partition("rando@")[2]  # type: ignore[index]
    assert "POSTGRES_PASSWORD" not in str(services["web"]["environment"]["DATABASE_URL"])  # type: ignore[index]


def test_docker_is_sent_no_more_than_the_image_takes() -> None:
    sent = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    copied = re.findall(r"^COPY (?!--from)(\S+)", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)

    assert (ROOT / ".dockerignore").read_text().splitlines()[1] == "*"
    assert {path.partition("/")[0] for path in sent} == set(copied)
    assert all((ROOT / path).exists() for path in sent)


def test_the_dashboard_asks_for_each_series_and_for_no_other() -> None:
    dashboard = json.loads((DEPLOY / "grafana.json").read_text())
    expressions = " ".join(target["expr"] for panel in dashboard["panels"] for target in panel["targets"])
    named = {
        re.sub("_(total|bucket|sum|count)$", "", name) for name in re.findall(r"prepaid_\w+", expressions)
    }
    source = (ROOT / "flask-prepaid/src/flask_prepaid/operations/metrics.py").read_text()

    assert named == set(re.findall(r'"(prepaid_\w+)"', source))
    assert len(named) == 14


@pytest.mark.parametrize(
    ("file", "folder"),
    [("deploy/ha/patroni.yaml", "/var/backups/wal"), ("docs/how-to/backup.md", "/backup/wal")],
)
def test_the_archive_takes_a_segment_again_and_never_another_of_its_name(
    tmp_path: Path, file: str, folder: str
) -> None:
    """After a crash PostgreSQL offers a segment once more that is in the archive already."""
    setting = re.search(r"archive_command ?[:=] ?['\"](.*)['\"]$", (ROOT / file).read_text(), re.MULTILINE)
    assert setting
    (tmp_path / "wal").mkdir()
    offered = tmp_path / "segment"
    command = setting[1].replace(folder, f"{tmp_path}/wal").replace("%p", str(offered)).replace("%f", "0001")

    def archive(text: str) -> bool:
        offered.write_text(text)
        return subprocess.run(["sh", "-c", command]).returncode == 0

    assert [archive("one"), archive("one"), archive("another")] == [True, True, False]
    assert (tmp_path / "wal/0001").read_text() == "one"


def test_haproxy_takes_its_file() -> None:
    run(at_hand("haproxy"), "-c", "-f", str(DEPLOY / "ha/haproxy.cfg"))


def test_kubernetes_waits_for_the_shop_and_asks_it_by_its_own_pages() -> None:
    """`kubernetes-validate --strict` of PyPI takes each manifest."""
    folder = DEPLOY / "kubernetes"
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
    manifests = [
        each
        for name in kustomization["resources"]
        for each in yaml.safe_load_all((folder / name).read_text())
    ]
    kinds = sorted(each["kind"] for each in manifests)
    assert kinds == [
        *("Deployment", "Deployment", "Ingress", "Job", "Namespace", "PodDisruptionBudget", "Service"),
    ]
    web = next(
        each for each in manifests if (each["kind"], each["metadata"]["name"]) == ("Deployment", "web")
    )
    container = web["spec"]["template"]["spec"]["containers"][0]
    probes = {
        name: container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")
    }
    assert probes == {"startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz"}
    assert web["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    named = set(re.findall(r"^(\w+)=", (folder / "secrets.env.example").read_text(), re.MULTILINE))
    settings = set(re.findall(r"^(\w+)=", (folder / "settings.env").read_text(), re.MULTILINE))
    required_names = {re.match(r"\w+", sentence)[0] for sentence in production.unsafe({})}  # type: ignore[index]
    assert required_names <= named | settings
