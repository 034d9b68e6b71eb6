"""`make guide`: run the installation guide literally, in a clean environment.

Takes the shell blocks of the section "On a server of your own" from docs/installation.md and runs
them in order in one shell: a copy of this checkout, a fresh virtual environment, fresh databases
and another prefix, all in `.local/guide`. Units of systemd are verified and their commands run as
the unit says, lines of cron run as cron would, and Debian's nginx stands in front of the portal.
Then the portal leaves the plugins as the section "Leaving" says, and comes back as a catalogue that
exists already. Differences from the page are printed: packages already installed, the choices of
step 2, and Solr, which comes from the embedded stack. The first block that fails ends the run.
After each part, pages of the portal are tried, and at the end everything is stopped.
"""

from __future__ import annotations

import getpass
import json
import os
import re
import secrets
import shlex
import shutil
import subprocess
import sys
import textwrap
import time
import urllib.request
from collections.abc import Iterator
from configparser import RawConfigParser
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ["ECOSPHERE_STACK"] = "guide"  # read by dev.stack.settings

from dev.stack import ckan, install, services
from dev.stack.accounts import Portal
from dev.stack.ckan import site_url
from dev.stack.packages import find_postgres, without_services
from dev.stack.process import Process
from dev.stack.settings import LOCAL, ROOT, forget_ckan_variables, ports, redis_url, secret, solr_url
from dev.stack.shell import StackError, say, tail

PAGE = ROOT / "docs" / "installation.md"
SECTION, EXISTING, LEAVING = "## On a server of your own", "## A catalogue that exists already", "## Leaving"
NOT_IN_A_CLONE = (".git", ".local", ".venv", "__pycache__", "*.egg-info", "build", "dist", ".hypothesis")
#: A dataset that is made while the plugins are away, with a field that `adopt` takes over.
OLD_DATASET, OLD_FIELDS = "ancien-jeu", {"maintainer": "DDT", "maintainer_email": "ddt@example.org"}
#: Pages of the portal with a word of each, and what stands on a page of documentation → here.
EXPECTED = json.loads((ROOT / "dev" / "guide.json").read_text(encoding="utf-8"))
SHOWN_LINES = 60
LONGEST_SECONDS = 15 * 60
_BLOCK = re.compile(r"(?:<!-- guide: ([a-z ]+) -->\n)?^( *)```sh\n(.*?)^\2```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^### (.+)$", re.MULTILINE)
#: Account that runs the portal of the guide; Debian has it.
ACCOUNT = "www-data" if os.geteuid() == 0 else getpass.getuser()


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


def blocks(page: str, section: str = SECTION) -> list[Block]:
    """Return the blocks of a section, in order.

    Args:
        page: text of the page.
        section: heading of the section.
    """
    text = page[page.index(f"\n{section}\n") + 1 :]
    text = text.split("\n## ", 1)[0]
    found = []
    for match in _BLOCK.finditer(text):
        headings = _HEADING.findall(text, 0, match.start())
        found.append(Block(headings[-1] if headings else section, match[1] or "", textwrap.dedent(match[3])))
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
        system: what systemd, cron and nginx do on a server.
        shell: the shell of the blocks.
    """

    def __init__(self) -> None:
        self.prefix = LOCAL / "prefix"
        self.differences: list[str] = []
        self.system = System(LOCAL / "etc")
        programs = LOCAL / "bin"
        programs.mkdir(parents=True)
        for name in ("sudo",) if os.geteuid() == 0 else ("sudo", "runuser"):
            shutil.copy(ROOT / "dev" / "guide_sudo.sh", programs / name)
        postgres = find_postgres()
        env = {name: value for name, value in os.environ.items() if not name.startswith(("CKAN_", "VIRTUAL_ENV"))}
        env |= {
            # Debian's Python, as on a server; one in the home of root is closed to the account of
            # the portal.
            "PATH": f"{programs}:{postgres}:/usr/bin:{env['PATH']}",
            "PGHOST": "127.0.0.1",
            "PGPORT": str(ports()["postgres"]),
            "PGUSER": "ckan",
            "PGDATABASE": "postgres",
            "PGPASSWORD": secret("postgres"),
        }
        clone = LOCAL / "clone"
        shutil.copytree(ROOT, clone, ignore=shutil.ignore_patterns(*NOT_IN_A_CLONE))
        self.shell = Shell(clone, env)

    def follow(self, block: Block) -> None:
        """Run a block, or its replacement."""
        if block.mark == "packages":
            self._packages(block)
        elif block.mark == "solr":
            self.differences.append("Solr: the embedded one with CKAN's own schema stands for the image of Docker")
        elif block.mark == "choices":
            self._choices(block)
        elif block.mark == "systemd":
            say(self.system.start_units())
        elif block.mark == "cron":
            self.shell.run(block.text)
            for line in self.system.run_crontab(LOCAL / "bin"):
                say(line)
        elif block.mark == "nginx":
            self._put_nginx_in_front(block)
        else:
            say(tail(self.shell.run(block.text), SHOWN_LINES))

    def _packages(self, block: Block) -> None:
        words = shlex.split(commands(block.text)[-1])
        wanted = [word for word in words[words.index("install") + 1 :] if not word.startswith("-")]
        missing = [name for name in wanted if not _is_installed(name)]
        if missing and os.geteuid() == 0:
            with without_services():
                # An upgrade would pull the libraries away from under the databases that run on this
                # machine.
                say(self.shell.run(block.text.replace("--yes", "--yes --no-upgrade")).rstrip())
        elif missing:
            raise StackError(f"install these first, as root: {' '.join(missing)}")
        else:
            self.differences.append(f"packages: all are there already ({' '.join(wanted)})")

    def _choices(self, block: Block) -> None:
        """Run the block unchanged, then set the variables to the values for this machine."""
        self.shell.run(block.text)
        database = self.shell.value('"$DATABASE_URL"').replace(":5432/", f":{ports()['postgres']}/")
        chosen = {
            "GUICHET": str(self.prefix),
            "GUICHET_USER": ACCOUNT,
            "GUICHET_PORT": str(ports()["web"]),
            "SITE_URL": site_url(),
            "DATABASE_URL": database,
            "REDIS_URL": redis_url("demo"),
            "SOLR_URL": solr_url("demo"),
            **{name: str(folder) for name, folder in self.system.folders.items()},
        }
        for name, value in chosen.items():
            self.shell.run(f"export {name}={shlex.quote(value)}")
        self.differences.append(f"choices: other values of {', '.join(chosen)}")
        for folder in (self.prefix, *self.system.folders.values()):
            folder.mkdir(parents=True)

    def _put_nginx_in_front(self, block: Block) -> None:
        """Run the block with Debian's nginx on ports of this clone,
        with a certificate made for the occasion.
        """
        main = self.system.write_nginx()
        settings, test, _reload, _restart = commands(block.text)
        self.shell.run(settings)
        said = self.shell.run(f"{test} -c {main}")
        say(said.rstrip())
        if "warn" in said:
            raise StackError(f"nginx warns: {said}")
        self.system.run(NGINX, ["nginx", "-c", str(main), "-g", "daemon off;"])
        self.system.services[WEB].stop(quietly=True)
        self.system.start(WEB)
        plain, tls = nginx_ports()
        self.differences.append(f"nginx: on ports {plain} and {tls}, with a certificate of its own")
        head = self.shell.run(f"curl --silent --head http://127.0.0.1:{plain}/dataset/")
        if "301" not in head or f"https://{HOST}/dataset/" not in head:
            raise StackError(f"nginx does not lead from http to https:\n{head}")
        host = f"--header 'Host: {HOST}'"
        page = self.shell.run(f"curl --silent --insecure --include {host} https://127.0.0.1:{tls}/dataset/")
        for part in ("200", "strict-transport-security", "content-security-policy", 'lang="fr'):
            if part not in page.lower():
                raise StackError(f"the page behind nginx lacks {part}:\n{page[:2000]}")
        say("  nginx: http leads to https, where the page answers in French")

    def leave(self, found: list[Block]) -> None:
        """Follow the section "Leaving", and use CKAN without the plugins."""
        for name, process in self.system.services.items():
            if name != NGINX:
                process.stop(quietly=True)
        for block in found:
            say(tail(self.shell.run(block.text), SHOWN_LINES))
        ini = self.prefix / "ckan.ini"
        plugins = re.compile(r"^ckan\.plugins =\n(?:    .+\n)+", re.MULTILINE)
        text, changed = plugins.subn("ckan.plugins = activity\n", ini.read_text(encoding="utf-8"))
        assert changed == 1, "the plugins are not in the file as the template has them"
        ini.write_text(text, encoding="utf-8")
        self.system.start(WEB)
        organization = self._portal.call("organization_list", limit=1)[0]
        self._portal.call("package_create", name=OLD_DATASET, title="Ancien", owner_org=organization, **OLD_FIELDS)
        say("  CKAN without the plugins answers, and saves a dataset")
        self.system.services[WEB].stop(quietly=True)

    def come_back(self, found: list[Block]) -> None:
        """Follow the section on an existing catalogue, with a file as such a catalogue has one:
        secrets in it.
        """
        lines = (self.prefix / "ckan.env").read_text().splitlines()
        secrets_ = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
        ini = (self.prefix / "ckan.ini").read_text(encoding="utf-8")
        for name, value in secrets_.items():
            ini = ini.replace(f"%({name})s", value.strip("'"))
        ini = ini.replace("[loggers]", "ckan.max_resource_size = 300\n\n[loggers]")
        (self.prefix / "old.ini").write_text(ini, encoding="utf-8")
        for block in found:
            say(tail(self.shell.run(block.text), SHOWN_LINES))
        if "ckan.max_resource_size = 300" not in (self.prefix / "ckan.ini").read_text(encoding="utf-8"):
            raise StackError("an option of the catalogue that existed is lost")
        self.system.start(WEB)
        dataset = self._portal.call("package_show", id=OLD_DATASET)
        if [contact.get("email") for contact in dataset["contact"]] != [OLD_FIELDS["maintainer_email"]]:
            raise StackError(f"the dataset was not adopted: {dataset}")
        say("  the token from before is good, and the old dataset is adopted")

    def use(self) -> Iterator[str]:
        """Open pages of the portal, which must be in French, and call the API with a new token.

        Yields:
            a description of each success.

        Raises:
            StackError: a page is not as expected.
        """
        for path, word in EXPECTED["pages"].items():
            with urllib.request.urlopen(site_url() + path, timeout=60) as answer:
                page = answer.read().decode()
            if 'lang="fr' not in page or word.lower() not in page.lower():
                raise StackError(f"{path} is no French page with the word {word}")
            yield f"{path}: {answer.status}, French"
        self._portal = Portal(self.shell.run("guichet user token add admin guide --quiet").split()[-1])
        self._portal.call("ecosphere_request_list")
        yield "the API answers the administrator"
        refused = self.shell.run(f"runuser -u {ACCOUNT} -- cat {self.prefix}/ckan.env || echo refused")
        if "refused" not in refused and os.geteuid() == 0:
            raise StackError("the account of the portal reads the file of the secrets")
        yield "the account of the portal cannot read the file of the secrets"
        ended = [name for name, process in self.system.services.items() if not process.pid()]
        if ended:
            raise StackError(f"these ended meanwhile: {', '.join(ended)}; see {LOCAL / 'log'}")
        yield "all processes still run"


# --- what systemd, cron and nginx do on a server, without touching those of the machine ---

SECURITY_PAGE = ROOT / "docs" / "security.md"
WEB, NGINX = "guichet-web", "nginx"
#: Name of the portal in the documentation.
HOST = "guichet.example.gouv.fr"
#: What Debian's nginx.conf has around the files of conf.d, without its paths.
NGINX_MAIN = Path(__file__).with_name("guide_nginx.conf")
_NGINX_BLOCK = re.compile(r"^```nginx\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def nginx_ports() -> tuple[int, int]:
    """Return the ports of nginx, for http and for https."""
    return ports()["web"] + 7, ports()["web"] + 8


class System:
    """Folders of a server's configuration, and the processes that run by them.

    Attributes:
        folders: variable of the guide → folder.
        services: name → process.
    """

    def __init__(self, folder: Path) -> None:
        self.folders = {name: folder / name.lower() for name in ("UNITS", "CRONTABS", "PROXY")}
        self.services: dict[str, Process] = {}

    def start_units(self) -> str:
        """Verify the units and run their commands as systemd would; return what was verified.

        Raises:
            StackError: systemd does not understand a unit, or its command ends.
        """
        units = sorted(self.folders["UNITS"].glob("*.service"))
        instances = [unit.with_name(unit.name.replace("@.", "@1.")) for unit in units]
        verified = "  not verified, since systemd-analyze is not here"
        if shutil.which("systemd-analyze"):
            # Warnings are errors, too: systemd ignores what it does not understand.
            names = [str(instance) for instance in instances]
            said = subprocess.run(["systemd-analyze", "verify", *names], capture_output=True, text=True, check=False)
            wrong = [line for line in said.stderr.splitlines() if "guichet" in line]
            if said.returncode or wrong:
                raise StackError(f"systemd refuses a unit:\n{said.stderr}")
            verified = f"  systemd-analyze verify: {len(names)} units"
        for unit in units:
            self.start(unit.stem.rstrip("@"))
        return verified

    def start(self, name: str) -> None:
        """Start the command of a unit as systemd would, with its environment only; a web server,
        until it answers.

        Raises:
            StackError: it ends, or does not answer.
        """
        unit = RawConfigParser(strict=False, interpolation=None)
        unit.optionxform = str  # type: ignore[assignment, method-assign]
        unit.read(next(self.folders["UNITS"].glob(f"{name}*.service")))
        service = unit["Service"]
        command = ["env", "-i", "PATH=/usr/bin:/bin", service["Environment"]]
        command += ["sh", "-c", 'set -a; . "$0"; exec "$@"', service["EnvironmentFile"]]
        command += ["nice", "-n", service["Nice"]]
        if os.geteuid() == 0:
            command += [shutil.which("runuser") or "runuser", "-u", service["User"], "--"]
        command += shlex.split(service["ExecStart"])
        more: dict[str, Any] = {"cwd": service["WorkingDirectory"]}
        if name == WEB:
            more["ready"] = ckan.answers
        self.run(name, command, **more)

    def run(self, name: str, command: list[str], **more: Any) -> None:
        """Start a process that is kept, with further attributes of it."""
        process = Process(name, command, **more)
        process.start(quietly=True)
        self.services[name] = process

    def run_crontab(self, programs: Path) -> Iterator[str]:
        """Run each line of the crontab once, in the environment and by the shell that cron gives
        it.

        Args:
            programs: folder with stand-ins for what root alone may do.

        Yields:
            the exit code and the command of each line.

        Raises:
            StackError: a command fails.
        """
        env = {"SHELL": "/bin/sh", "HOME": "/root", "LOGNAME": "root"}
        for line in (self.folders["CRONTABS"] / "guichet").read_text().splitlines():
            if re.match(r"\w+=", line):
                env |= dict([line.split("=", 1)])
            elif line.strip():
                *_when, person, command = line.split(None, 6)
                assert person == "root", line
                if os.geteuid() != 0:  # its runuser does nothing
                    env["PATH"] = f"{programs}:{env['PATH']}"
                done = subprocess.run(["/bin/sh", "-c", command], env=env, capture_output=True, text=True, check=False)
                yield f"  {done.returncode} {command}"
                if done.returncode:
                    raise StackError(f"a line of cron failed: {command}\n{done.stderr[-2000:]}")

    def write_nginx(self) -> Path:
        """Write the configuration of docs/security.md for ports of this clone, and a certificate.

        Returns:
            the main file of nginx.

        Raises:
            StackError: the page is not as expected.
        """
        folder = self.folders["PROXY"]
        site, proxy = _NGINX_BLOCK.findall(SECURITY_PAGE.read_text(encoding="utf-8"))
        plain, tls = nginx_ports()
        words = {"plain": plain, "tls": tls, "web": ports()["web"], "folder": folder}
        for written, here in EXPECTED["nginx"].items():
            if written not in site:
                raise StackError(f"the configuration of nginx has no “{written}”")
            site = site.replace(written, here.format_map(words))
        (folder / "guichet_proxy.conf").write_text(proxy)
        (folder / "guichet.conf").write_text(site)
        (folder / "nginx.conf").write_text(NGINX_MAIN.read_text().replace("FOLDER", str(folder)))
        names = ["-keyout", f"{folder}/privkey.pem", "-out", f"{folder}/fullchain.pem"]
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
        subprocess.run([*command, "-subj", f"/CN={HOST}", *names], check=True, capture_output=True)
        return folder / "nginx.conf"


def main() -> int:
    """Run the guide; return the exit code."""
    forget_ckan_variables()
    page = PAGE.read_text(encoding="utf-8")
    found = blocks(page)
    services.stop(quietly=True)
    shutil.rmtree(LOCAL, ignore_errors=True)
    try:
        install.setup()
        services.up()
        seconds = _follow(found, blocks(page, LEAVING), blocks(page, EXISTING))
    except StackError as error:
        say(f"\nThe guide does not lead to a portal: {error}")
        return 1
    finally:
        services.stop()
    say(f"\n{len(found)} blocks, {seconds / 60:.1f} minutes")
    return 0 if seconds <= LONGEST_SECONDS else 1


def _follow(found: list[Block], leaving: list[Block], existing: list[Block]) -> float:
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
        say(f"\n{LEAVING}")
        follower.leave(leaving)
        say(f"\n{EXISTING}")
        follower.come_back(existing)
    finally:
        follower.shell.close()
    say("\nNot as on the page:")
    for difference in follower.differences:
        say(f"  {difference}")
    return seconds


def _is_installed(package: str) -> bool:
    query = ["dpkg-query", "--show", "--showformat=${Status}", package]
    done = subprocess.run(query, capture_output=True, text=True, check=False)
    return done.stdout == "install ok installed"


if __name__ == "__main__":
    sys.exit(main())
