"""Continuous integration on both forges runs what the documentation promises,
and templates and policies are there.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
GITHUB = ROOT / ".github" / "workflows" / "ci.yml"
GITLAB = ROOT / ".gitlab-ci.yml"
FORGES = (GITHUB, GITLAB)
JOBS = {"suite", "lint", "pure", "release"}


def jobs(path: Path) -> dict[str, dict]:
    definition = yaml.safe_load(path.read_text("utf-8"))
    return {
        name: job for name, job in (definition.get("jobs") or definition).items() if name in JOBS
    }


def commands(job: dict) -> list[str]:
    return job.get("script") or [step["run"] for step in job["steps"] if "run" in step]


@pytest.mark.parametrize("path", FORGES, ids=lambda path: path.name)
def test_both_forges_run_the_same_jobs(path: Path):
    assert set(jobs(path)) == JOBS
    for name, command in (("suite", ".ci/run"), ("lint", "make lint"), ("release", "make release")):
        assert command in commands(jobs(path)[name]), name
    assert any(command.startswith("make test-fast ") for command in commands(jobs(path)["pure"]))


@pytest.mark.parametrize("path", FORGES, ids=lambda path: path.name)
def test_jobs_call_commands_that_exist(path: Path):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    lines = [line for job in jobs(path).values() for line in commands(job)]
    called = {line.split()[1] for line in lines if line.startswith("make ")}
    assert called
    assert called <= targets
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


def test_pure_code_is_run_on_each_python_that_the_package_declares():
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    declared = re.findall(r"Python :: (3\.\d+)\"", project)
    assert f'requires-python = ">={declared[0]}"' in project
    assert jobs(GITHUB)["pure"]["strategy"]["matrix"]["python"] == declared
    assert jobs(GITLAB)["pure"]["parallel"]["matrix"] == [{"PYTHON_VERSION": declared}]


def test_the_suite_runs_on_the_system_of_the_guide():
    assert jobs(GITHUB)["suite"]["container"]["image"] == "debian:12"
    assert yaml.safe_load(GITLAB.read_text("utf-8"))[".debian"]["image"] == "debian:12"
    assert jobs(GITLAB)["suite"]["extends"] == ".debian"


def test_a_job_gets_no_more_rights_than_reading():
    assert yaml.safe_load(GITHUB.read_text("utf-8"))["permissions"] == {"contents": "read"}
    for path in FORGES:
        assert jobs(path)["release"].get("if") or jobs(path)["release"]["rules"]
        assert "RELEASE_KEY" not in "\n".join(commands(jobs(path)["suite"]))


def test_both_forges_offer_the_same_templates():
    for name in ("bug", "need"):
        text = (ROOT / ".github" / "ISSUE_TEMPLATE" / f"{name}.md").read_text("utf-8")
        head, _, body = text.removeprefix("---\n").partition("\n---\n\n")
        assert set(yaml.safe_load(head)) == {"name", "about", "labels"}
        assert body == (ROOT / ".gitlab" / "issue_templates" / f"{name}.md").read_text("utf-8")
    request = (ROOT / ".github" / "pull_request_template.md").read_text("utf-8")
    assert request == (ROOT / ".gitlab" / "merge_request_templates" / "Default.md").read_text(
        "utf-8"
    )


@pytest.mark.parametrize("name", ["SECURITY.md", "CONTRIBUTING.md"])
def test_links_of_policies_lead_somewhere(name: str):
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", (ROOT / name).read_text("utf-8"))
    assert [target for target in targets if not (ROOT / target).exists()] == []
