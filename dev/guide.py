"""`make guide`: run the installation guide literally, in a clean environment.

Takes the shell blocks of the section "On a server of your own" from docs/installation.md and runs them in order in one
shell: a copy of this checkout, a fresh virtual environment, fresh databases and another prefix, all in `.local/guide`.
Differences from the page are printed: packages already installed, the choices of step 2, and Solr, which comes from the
embedded stack. The first block that fails ends the run. At the end, pages and API of the portal are tried, and
everything is stopped.
"""

from __future__ import annotations

import os
import re
import secrets
import shlex
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

os.environ["ECOSPHERE_STACK"] = "guide"  # read by dev.stack.settings

from dev.stack import install, services
from dev.stack.packages import find_postgres
from dev.stack.postgres import clean
from dev.stack.settings import LOCAL, ROOT, forget_ckan_variables, ports, redis_url, secret, solr_url
from dev.stack.shell import StackError, say

PAGE = ROOT / "docs" / "installation.md"
SECTION = "## On a server of your own"
NOT_IN_A_CLONE = (".git", ".local", ".venv", "__pycache__", "*.egg-info", "build", "dist", ".hypothesis")
SHOWN_LINES = 60
LONGEST_SECONDS = 15 * 60
_BLOCK = re.compile(r"(?:<!-- guide: ([a-z ]+) -->\n)?^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^### (.+)$", re.MULTILINE)
#: Replaces `sudo -u postgres`: the superuser of the embedded PostgreSQL is reached over TCP.
SUDO = """#!/bin/sh
[ "$1" = -u ] && shift 2
exec "$@"
"""


@dataclass(frozen=True)
class Block:
    """A shell block of the page.

    Attributes:
        heading: step that contains the block.
        mark: mark in the comment before the block; empty for a block that is run unchanged.
        text: lines of the block.
    """

    heading: str
    mark: str
    text: str


def blocks(page: str) -> list[Block]:
    """Return the blocks of the section, in order.

    Args:
        page: text of the page.
    """
    section = page[page.index(SECTION) :]
    section = section.split("\n## ", 1)[0]
    found = []
    for match in _BLOCK.finditer(section):
        headings = _HEADING.findall(section, 0, match.start())
        found.append(Block(headings[-1] if headings else "", match[1] or "", match[2]))
    return found


def commands(text: str) -> list[str]:
    """Return the commands of a block, with continuation lines joined."""
    joined = re.sub(r"\\\n\s*", "", text)
    return [line for line in joined.splitlines() if line.strip() and not line.startswith("#")]


class Shell:
    """A shell process in which the blocks are run in turn."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            ["bash", "-euo", "pipefail"], cwd=folder, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, text: str) -> str:
        """Run a block and return its output.

        Raises:
            StackError: a command fails.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        mark = secrets.token_hex(8)
        # Without standard input, a command that asks a question fails.
        self._process.stdin.write(f"{{\n{text}\n}} 2>&1 </dev/null\necho; echo {mark}\n")
        self._process.stdin.flush()
        lines: list[str] = []
        for line in self._process.stdout:
            if line.strip() == mark:
                return "".join(lines)
            lines.append(line)
        raise StackError("a command of the guide failed:\n" + "".join(lines[-40:]))

    def value(self, expression: str) -> str:
        """Return an expression as expanded by the shell."""
        return self.run(f"printf '%s' {expression}").strip()

    def close(self) -> None:
        """End the shell."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


class Follower:
    """Runs the blocks of the guide.

    Attributes:
        prefix: folder of the portal.
        differences: descriptions of what was not run unchanged.
    """

    def __init__(self) -> None:
        self.prefix = LOCAL / "prefix"
        self.differences: list[str] = []
        self._kept: list[subprocess.Popen[bytes]] = []
        programs = LOCAL / "bin"
        programs.mkdir(parents=True)
        (programs / "sudo").write_text(SUDO)
        (programs / "sudo").chmod(0o755)
        postgres = find_postgres()
        env = {name: value for name, value in os.environ.items() if not name.startswith(("CKAN_", "VIRTUAL_ENV"))}
        env |= {
            "PATH": f"{programs}:{postgres}:{env['PATH']}",
            "PGHOST": "127.0.0.1",
            "PGPORT": str(ports()["postgres"]),
            "PGUSER": "ckan",
            "PGDATABASE": "postgres",
            "PGPASSWORD": secret("postgres"),
        }
        clone = LOCAL / "clone"
        shutil.copytree(ROOT, clone, ignore=shutil.ignore_patterns(*NOT_IN_A_CLONE))
        self._shell = Shell(clone, env)

    def follow(self, block: Block) -> None:
        """Run a block, or its replacement."""
        if block.mark == "packages":
            self._packages(block)
        elif block.mark == "solr":
            self.differences.append("Solr: the embedded one with CKAN's own schema stands for the image of Docker")
        elif block.mark == "choices":
            self._choices(block)
        elif block.mark == "keep running":
            for command in commands(block.text):
                self._keep_running(command)
        else:
            say(_end(self._shell.run(block.text)))

    def _packages(self, block: Block) -> None:
        words = shlex.split(commands(block.text)[-1])
        wanted = [word for word in words[words.index("install") + 1 :] if not word.startswith("-")]
        missing = [name for name in wanted if not _is_installed(name)]
        if missing and os.geteuid() == 0:
            say(self._shell.run(block.text).rstrip())
        elif missing:
            raise StackError(f"install these first, as root: {' '.join(missing)}")
        else:
            self.differences.append(f"packages: all are there already ({' '.join(wanted)})")

    def _choices(self, block: Block) -> None:
        """Run the block unchanged, then set the variables to the values for this machine."""
        self._shell.run(block.text)
        database = self._shell.value('"$DATABASE_URL"').replace(":5432/", f":{ports()['postgres']}/")
        chosen = {
            "GUICHET": str(self.prefix),
            "SITE_URL": site_url(),
            "DATABASE_URL": database,
            "REDIS_URL": redis_url("demo"),
            "SOLR_URL": solr_url("demo"),
        }
        for name, value in chosen.items():
            self._shell.run(f"export {name}={shlex.quote(value)}")
        self.differences.append(f"choices: other values of {', '.join(chosen)}")
        self.prefix.mkdir()

    def _keep_running(self, command: str) -> None:
        """Start a long-running command and check that it keeps running; a web server, until it answers."""
        web = "gunicorn" in command
        if web:
            command = command.replace("127.0.0.1:5000", f"127.0.0.1:{ports()['web']}")
            self.differences.append(f"web server: on port {ports()['web']}")
        env = {"PATH": self._shell.value('"$PATH"'), "HOME": os.environ.get("HOME", "/")}
        with (LOCAL / "kept.log").open("ab") as log:
            kept = subprocess.Popen(
                ["bash", "-c", f"exec env {command}"], cwd=self.prefix, env=env, stdout=log, stderr=log
            )
        self._kept.append(kept)
        for _second in range(90):
            time.sleep(1)
            if kept.poll() is not None:
                raise StackError(f"this ended: {command}; see {LOCAL / 'kept.log'}")
            if not web or _answers():
                return
        raise StackError(f"no answer from: {command}; see {LOCAL / 'kept.log'}")

    def use(self) -> Iterator[str]:
        """Open pages of the portal, which must be in French, and call the API with a new token.

        Yields:
            a description of each success.

        Raises:
            StackError: a page is not as expected.
        """
        for path, word in (
            ("/", "Jeux de données"),
            ("/dataset/", "Rechercher"),
            ("/demandes", "Demander"),
            ("/qualite", "Qualité"),
        ):
            with urllib.request.urlopen(site_url() + path, timeout=60) as answer:
                page = answer.read().decode()
            if 'lang="fr' not in page or word.lower() not in page.lower():
                raise StackError(f"{path} is no French page with the word {word}")
            yield f"{path}: {answer.status}, French"
        token = self._shell.run("ckan -c ckan.ini user token add admin guide --quiet").split()[-1]
        request = urllib.request.Request(
            f"{site_url()}/api/3/action/ecosphere_request_list", headers={"Authorization": token}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            yield f"the API answers the administrator: {answer.status}"

    def close(self) -> None:
        """Stop the commands that were kept running."""
        for kept in reversed(self._kept):
            kept.terminate()
        for kept in self._kept:
            try:
                kept.wait(30)
            except subprocess.TimeoutExpired:
                kept.kill()
        self._shell.close()


def _end(text: str) -> str:
    """Return the last lines of a block's output."""
    lines = text.rstrip().splitlines()
    left_out = len(lines) - SHOWN_LINES
    return "\n".join([f"  … {left_out} lines", *lines[-SHOWN_LINES:]] if left_out > 0 else lines)


def site_url() -> str:
    """Return the URL of the portal that the guide installs."""
    return f"http://127.0.0.1:{ports()['web']}"


def main() -> int:
    """Run the guide; return the exit code."""
    forget_ckan_variables()
    found = blocks(PAGE.read_text(encoding="utf-8"))
    _clear()
    try:
        install.setup()
        services.up()
        seconds = _follow(found)
    except StackError as error:
        say(f"\nThe guide does not lead to a portal: {error}")
        return 1
    finally:
        services.stop()
    say(f"\n{len(found)} blocks, {seconds / 60:.1f} minutes")
    return 0 if seconds <= LONGEST_SECONDS else 1


def _follow(found: list[Block]) -> float:
    follower = Follower()
    begin = time.monotonic()
    try:
        for block in found:
            start = time.monotonic()
            say(f"\n## {block.heading}\n" + "".join(f"  $ {line}\n" for line in block.text.splitlines()))
            follower.follow(block)
            say(f"  [{time.monotonic() - start:.0f} s]")
        seconds = time.monotonic() - begin
        say("\n## The portal")
        for seen in follower.use():
            say(f"  {seen}")
    finally:
        follower.close()
    say("\nNot as on the page:")
    for difference in follower.differences:
        say(f"  {difference}")
    return seconds


def _clear() -> None:
    """Remove the remains of an earlier run."""
    services.stop(quietly=True)
    clean()
    shutil.rmtree(LOCAL, ignore_errors=True)


def _is_installed(package: str) -> bool:
    query = ["dpkg-query", "--show", "--showformat=${Status}", package]
    done = subprocess.run(query, capture_output=True, text=True, check=False)
    return done.stdout == "install ok installed"


def _answers() -> bool:
    try:
        with urllib.request.urlopen(f"{site_url()}/api/3/action/status_show", timeout=10) as response:
            return response.status == 200
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main())
