"""`docker-compose.yml` and `Dockerfile` match the documentation,
and use CKAN's own configuration.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import threading
from configparser import RawConfigParser
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
FILE = ROOT / "docker-compose.yml"
RECIPE = ROOT / "Dockerfile"
#: Keys of a service in the Compose specification, among those used here.
SERVICE_KEYS = {
    "build", "command", "configs", "depends_on", "environment", "healthcheck", "image", "ports", "restart", "volumes",
}  # fmt: skip
HEALTHCHECK_KEYS = {"test", "interval", "timeout", "retries", "start_period", "disable"}
#: Services of the portal's own image.
OURS = ("init", "web", "worker", "harvester", "watch", "clock")
#: Programs that the health checks may call: those of the images' own scripts, or of Debian's
#: smallest system.
PROGRAMS = {
    "db": {"pg_isready"},
    "redis": {"redis-cli"},
    "solr": {"bash", "exec", "printf", "head", "grep"},
    "ours": {"python3", "sh", "test", "find", "tr", "grep"},
}
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}


@pytest.fixture(scope="module")
def compose() -> dict:
    return yaml.safe_load(FILE.read_text("utf-8"))


def recipe() -> dict[str, list[str]]:
    """Return the arguments of each instruction of the Dockerfile."""
    instructions: dict[str, list[str]] = {}
    lines = [line for line in RECIPE.read_text("utf-8").splitlines() if not line.startswith("#")]
    for instruction in "\n".join(lines).replace("\\\n", "").splitlines():
        name, _, arguments = instruction.partition(" ")
        instructions.setdefault(name, []).append(arguments)
    return instructions


def test_only_keys_of_the_specification_are_used(compose):
    top_level = {key for key in compose if not key.startswith("x-")}
    assert top_level <= {"name", "services", "networks", "volumes", "configs", "secrets"}
    for name, service in compose["services"].items():
        assert set(service) <= SERVICE_KEYS, name
        assert set(service.get("healthcheck", {})) <= HEALTHCHECK_KEYS, name
        assert service["restart"] in {"no", "always", "on-failure", "unless-stopped"}, name


def test_the_images_are_the_official_ones(compose):
    services = compose["services"]
    assert services["db"]["image"].startswith("postgres:")
    assert services["redis"]["image"].startswith("redis:")
    assert services["solr"]["image"] == "ckan/ckan-solr:2.12-solr9-spatial"
    for name in OURS:
        assert services[name]["build"] == ".", name
    assert recipe()["FROM"] == ["ckan/ckan-base:2.12"]


def test_the_image_has_a_health_check_of_the_web_server_that_it_runs():
    [check] = recipe()["HEALTHCHECK"]
    program, option, script = json.loads(check[check.index("[") :])
    assert (program, option) == ("python3", "-c")
    ast.parse(script)
    [command] = recipe()["CMD"]
    port = next(
        option for option in json.loads(command) if option.startswith("--http=")
    ).rpartition(":")[2]
    assert f"localhost:{port}/" in script
    assert recipe()["EXPOSE"] == [port]
    assert recipe()["USER"][-1] == "ckan"


def test_every_lasting_service_has_a_health_check(compose):
    assert compose["services"]["init"]["healthcheck"] == {"disable": True}
    for name, service in compose["services"].items():
        if name not in ("init", "web"):
            test = service["healthcheck"]["test"]
            assert test[0] in {"CMD", "CMD-SHELL"}, name
            assert len(test) > 1, name


def test_health_checks_call_only_programs_of_their_images(compose):
    for name, service in compose["services"].items():
        kind, *words = service.get("healthcheck", {}).get("test", ["CMD", ""])
        if name in ("init", "web"):
            continue
        script = words[-1] if kind == "CMD-SHELL" or words[0] == "bash" else ""
        called = {words[0]} if kind == "CMD" else {"sh"}
        called |= set(re.findall(r"(?:^|[|(]\s*|&&\s*|\n\s*)([a-z_]+)", script))
        assert called <= PROGRAMS.get(name, PROGRAMS["ours"]), name


def test_health_check_of_solr_tells_an_answer_from_an_error(compose, tmp_path):
    """Run by bash, against servers that answer in both ways."""
    script = compose["services"]["solr"]["healthcheck"]["test"][-1]

    def healthy(status: int) -> bool:
        class Answering(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_args: object) -> None:
                pass

        with HTTPServer(("127.0.0.1", 0), Answering) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            here = script.replace("localhost/8983", f"127.0.0.1/{server.server_port}")
            code = subprocess.run(["bash", "-c", here], check=False, timeout=20).returncode
            server.shutdown()
        return code == 0

    assert (healthy(200), healthy(503)) == (True, False)


def test_the_portal_is_reached_from_this_machine_only(compose):
    for name, service in compose["services"].items():
        assert all(str(port).startswith("127.0.0.1:") for port in service.get("ports", [])), name


def test_the_image_has_the_version_and_the_libraries_of_the_guide(compose):
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    version = re.search(r'^version = "(.+)"$', project, re.MULTILINE)
    assert version
    page = (ROOT / "docs" / "installation.md").read_text("utf-8")
    apt = re.search(r"apt-get install --yes --no-install-recommends (.+?)```", page, re.DOTALL)
    assert apt
    drawn = {
        word
        for word in apt[1].split()
        if word.startswith(("libpango", "libharfbuzz", "fonts-", "bubblewrap"))
    }
    assert len(drawn) == 5
    for name in OURS:
        assert compose["services"][name]["image"] == f"ckanext-ecosphere:{version[1]}"
    commands = " ".join(recipe()["RUN"])
    assert drawn <= set(commands.split())
    assert "dev/requirements.lock" in commands
    assert "--constraint" in commands


def test_services_wait_for_those_that_they_need(compose):
    services = compose["services"]
    for name, service in services.items():
        for needed, how in service.get("depends_on", {}).items():
            assert how["condition"] in CONDITIONS
            assert how["condition"] != "service_healthy" or "healthcheck" in services[needed], (
                name,
                needed,
            )
    assert set(services["init"]["depends_on"]) == {"db", "redis", "solr"}
    for name in ("web", "worker", "harvester", "clock"):
        assert services[name]["depends_on"]["init"]["condition"] == "service_completed_successfully"


def test_the_set_up_is_the_same_command_as_elsewhere(compose):
    assert (
        compose["services"]["init"]["command"][-1] == "ckan db upgrade && ckan ecosphere init --yes"
    )


def test_workers_can_be_multiplied(compose):
    for name in ("worker", "harvester"):
        assert "container_name" not in compose["services"][name]
        assert "ports" not in compose["services"][name]


def test_volumes_and_configs_are_declared(compose):
    for name, service in compose["services"].items():
        for volume in service.get("volumes", []):
            assert volume.split(":")[0] in compose["volumes"], name
        for config in service.get("configs", []):
            assert config["source"] in compose["configs"], name


def test_data_outlives_the_containers(compose):
    kept = {name for name, service in compose["services"].items() if service.get("volumes")}
    assert {"db", "redis", "solr", "web", "worker", "harvester"} <= kept


def test_there_is_no_secret_in_the_file_and_each_one_must_be_chosen():
    text = FILE.read_text("utf-8")
    required = set(re.findall(r"\$\{(\w+):\?", text))
    assert required == {"SECRET_KEY", "POSTGRES_PASSWORD"}
    given = dict(
        line.split("=", 1)
        for line in (ROOT / ".env.example").read_text().splitlines()
        if "=" in line[:20]
    )
    assert all(given[name] == "" for name in required)


def test_each_variable_is_explained_in_the_example():
    used = set(re.findall(r"\$\{(\w+)", FILE.read_text("utf-8")))
    example = (ROOT / ".env.example").read_text("utf-8")
    assert all(re.search(rf"^{name}=", example, re.MULTILINE) for name in used)


def test_the_configuration_holds_no_secret(compose):
    assert "SECRET_KEY = %(CKAN_SECRET_KEY)s" in compose["configs"]["guichet"]["content"]
    for name in OURS:
        assert compose["services"][name]["environment"]["CKAN_SECRET_KEY"].startswith(
            "${SECRET_KEY:?"
        )


def test_the_configuration_builds_on_the_portals_own(compose):
    parser = RawConfigParser()
    parser.read_string(compose["configs"]["guichet"]["content"])
    base = parser["app:main"]["use"].removeprefix("config:/srv/app/src/ckanext-ecosphere/")
    assert (ROOT / base).exists()
    target = compose["services"]["web"]["configs"][0]["target"]
    assert target == compose["services"]["web"]["environment"]["CKAN_INI"]
    assert f"CKAN_INI={target}" in recipe()["ENV"][0]


def test_the_web_server_runs_the_application_of_the_embedded_stack(compose):
    assert "command" not in compose["services"]["web"]
    command = json.loads(recipe()["CMD"][0])
    module = next(option.split("=")[1] for option in command if option.startswith("--module="))
    path, name = module.split(":")
    assert f"{name} = " in (ROOT / f"{path.replace('.', '/')}.py").read_text("utf-8")
    assert "dev" not in (ROOT / ".dockerignore").read_text().split()


def test_the_worker_of_compose_listens_to_the_queues_of_the_embedded_stack(compose):
    from dev.stack.ckan import QUEUES, QUICK_QUEUES

    quick, all_of_them = (compose["services"][name]["command"] for name in ("worker", "harvester"))
    assert quick == ["ckan", "jobs", "worker", *QUICK_QUEUES]
    assert all_of_them == ["ckan", "jobs", "worker", "--no-scheduler", *QUEUES]
    assert "ecosphere:harvest" not in quick


def test_no_private_network_is_open_with_docker_or_after_the_guide(compose):
    for text in (
        compose["configs"]["guichet"]["content"],
        (ROOT / "dev" / "portal.ini").read_text("utf-8"),
    ):
        assert not re.search(r"^ecosphere\.\S*networks", text, re.MULTILINE)
        assert "127.0.0" not in text
    options = (ROOT / "dev" / "stack" / "options.ini").read_text("utf-8")
    assert options.count("allowed_networks = 127.0.0.1/32") == 5  # for the demonstration only


def test_the_clock_runs_what_the_documentation_gives_to_cron(compose):
    # Compose replaces `$$` with `$`.
    script = compose["services"]["clock"]["command"][-1].replace("$$", "$")
    assert subprocess.run(["sh", "-n", "-c", script], check=False).returncode == 0
    page = (ROOT / "docs" / "installation.md").read_text("utf-8")
    scheduled = re.findall(r"\* \* \*\s+root\s+guichet (.+)", page)
    assert len(scheduled) > 1
    assert set(scheduled) == set(re.findall(r"ckan ((?:\w+ )+\w+)", script))
