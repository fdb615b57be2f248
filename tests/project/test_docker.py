"""What docker/ describes holds together, as far as a machine without a container engine can tell."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.project.certificates import write_certificate
from tests.servers import free_port

TOP = Path(__file__).resolve().parents[2]
DOCKER = TOP / "docker"


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())
    return document


def test_compose_names_every_part_of_a_station(compose: dict[str, Any]) -> None:
    images = {name: service["image"].split(":")[0] for name, service in compose["services"].items()}

    assert {"web", "worker", "keeper", "ingest", "migrate"} <= {
        n for n, image in images.items() if image == "hoererpult"
    }
    assert {images["database"], images["redis"], images["nginx"]} == {"postgres", "redis", "nginx"}
    assert "garage" in images["store"]


def test_compose_uses_only_what_it_declares(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            known = (
                (DOCKER / source).exists() or source == "./certs"
                if source.startswith("./")
                else source in compose["volumes"]
            )
            assert known, f"{name}: {volume}"
        assert set(service.get("depends_on", {})) <= set(compose["services"]), name


def test_every_image_names_its_version(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        assert re.fullmatch(r"[\w/.-]+:v?\d[\w.-]*", service["image"]), service["image"]


def test_every_variable_is_explained_and_nothing_else() -> None:
    used = set(re.findall(r"\$\{(\w+)", (DOCKER / "compose.yaml").read_text()))
    explained = set(re.findall(r"^(\w+)=", (DOCKER / "env.example").read_text(), re.M))

    assert used == explained


def test_compose_sets_only_settings_the_desk_knows(compose: dict[str, Any]) -> None:
    from desk.settings import FIELDS

    known = {item.name for item in FIELDS} | {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}

    assert set(compose["services"]["ingest"]["environment"]) <= known


def test_workers_may_finish_what_they_have_in_hand(compose: dict[str, Any]) -> None:
    grace_s = int(compose["services"]["worker"]["stop_grace_period"].removesuffix("s"))

    assert grace_s > 60  # what the worker itself allows a job after SIGTERM


def test_the_image_copies_only_what_exists_and_is_not_ignored() -> None:
    copies = re.findall(r"^COPY (?!--from)(.+) \S+$", (DOCKER / "Dockerfile").read_text(), re.M)
    admitted = (DOCKER / "Dockerfile.dockerignore").read_text()
    sources = [source for line in copies for source in line.split()]

    assert sources
    for source in sources:
        assert (TOP / source).exists(), source
        assert f"!{source.removeprefix('./')}" in admitted, source


def test_the_store_has_one_region_everywhere(compose: dict[str, Any]) -> None:
    garage = tomllib.loads((DOCKER / "garage.toml").read_text())

    assert garage["replication_factor"] == 1
    assert garage["metadata_fsync"]
    assert garage["data_fsync"]
    assert garage["s3_api"]["s3_region"] == compose["services"]["web"]["environment"]["DESK_S3_REGION"]


def test_gunicorn_accepts_its_configuration(tmp_path: Path) -> None:
    environment = {**os.environ, "DESK_DATA_DIR": str(tmp_path), "DESK_MODE": "rehearsal"}
    desk = str(Path(sys.executable).with_name("desk"))
    subprocess.run([desk, "migrate"], cwd=TOP, env=environment, check=True, capture_output=True, timeout=110)
    command = [sys.executable, "-m", "gunicorn", "--check-config", "-c", "docker/gunicorn.py", "desk.wsgi:app"]

    checked = subprocess.run(command, cwd=TOP, env=environment, capture_output=True, text=True, timeout=110)

    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize(("role", "workers", "threads"), [("all", 1, 240), ("ingest", 2, 20)])
def test_gunicorn_has_a_thread_for_every_open_wall(role: str, workers: int, threads: int, tmp_path: Path) -> None:
    show = "import runpy; c = runpy.run_path('docker/gunicorn.py'); print(c['workers'], c['threads'])"
    environment = {**os.environ, "DESK_ROLE": role, "DESK_MAX_SOCKETS": "200"}
    environment |= {"DESK_DATA_DIR": str(tmp_path), "DESK_MODE": "rehearsal"}

    printed = subprocess.run([sys.executable, "-c", show], cwd=TOP, env=environment, capture_output=True, text=True)

    assert printed.stdout.split() == [str(workers), str(threads)]


def test_nginx_accepts_its_configuration(tmp_path: Path) -> None:
    nginx = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if nginx is None:
        pytest.skip("docker/nginx.conf was not checked: nginx is not installed")
    write_certificate(tmp_path / "certs")
    (tmp_path / "mime.types").write_text("types { text/html html; }\n")
    text = (DOCKER / "nginx.conf").read_text()
    # the containers' names mean nothing here, and neither do their paths
    for service in ("web", "ingest"):
        text = text.replace(f"server {service}:8080", "server 127.0.0.1:8080")
    text = text.replace("/tmp/nginx.pid", str(tmp_path / "nginx.pid")).replace(
        "/dev/stdout", str(tmp_path / "access.log")
    )
    # nginx opens its ports to check them, and the low ones are not everybody's
    for port, rest in (("80", ""), ("443", " ssl")):
        assert f"listen {port}{rest};" in text
        text = text.replace(f"listen {port}{rest};", f"listen 127.0.0.1:{free_port()}{rest};")
    (tmp_path / "nginx.conf").write_text(text)

    command = [str(nginx), "-t", "-q", "-e", "stderr", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")]
    checked = subprocess.run(command, capture_output=True, text=True, timeout=30)

    assert checked.returncode == 0, checked.stderr
