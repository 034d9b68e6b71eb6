"""What systemd, cron and nginx do on a server, done by `make guide` without touching those of the machine."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from configparser import RawConfigParser
from pathlib import Path

from dev.stack import ckan
from dev.stack.settings import LOCAL, ROOT, ports
from dev.stack.shell import StackError

SECURITY_PAGE = ROOT / "docs" / "security.md"
WEB, NGINX = "guichet-web", "nginx"
START_SECONDS = 240
"""A web server of a loaded machine answers within this time."""
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
        self.services: dict[str, subprocess.Popen[bytes]] = {}

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
        """Start the command of a unit and check that it keeps running; a web server, until it answers.

        Raises:
            StackError: it ends, or does not answer.
        """
        unit = RawConfigParser(strict=False, interpolation=None)
        unit.optionxform = str  # type: ignore[assignment, method-assign]
        path = next(self.folders["UNITS"].glob(f"{name}*.service"))
        unit.read(path)
        service = dict(unit["Service"])
        lines = Path(service["EnvironmentFile"]).read_text().splitlines()
        lines.append(service["Environment"])
        env = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
        env = {"PATH": "/usr/bin:/bin", **{name: value.strip("'") for name, value in env.items()}}
        command = ["nice", "-n", service["Nice"], *shlex.split(service["ExecStart"])]
        if os.geteuid() == 0:
            command = [shutil.which("runuser") or "runuser", "-u", service["User"], "--", *command]
        with (LOCAL / "kept.log").open("ab") as log:
            kept = subprocess.Popen(command, cwd=service["WorkingDirectory"], env=env, stdout=log, stderr=log)
        self.services[name] = kept
        web = name == WEB
        for _second in range(START_SECONDS):
            time.sleep(1)
            if kept.poll() is not None:
                raise StackError(f"this ended: {shlex.join(command)}; see {LOCAL / 'kept.log'}")
            if not web or ckan.answers():
                return
        raise StackError(f"no answer from: {shlex.join(command)}; see {LOCAL / 'kept.log'}")

    def run_crontab(self, programs: Path) -> Iterator[str]:
        """Run each line of the crontab once, in the environment and by the shell that cron gives it.

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
        for written, here in (
            ("listen 80;", f"listen {plain};"),
            ("listen [::]:80;", ""),
            ("listen 443 ", f"listen {tls} "),
            ("listen [::]:443 ssl http2;", ""),
            ("127.0.0.1:5000", f"127.0.0.1:{ports()['web']}"),
            ("/etc/ssl/guichet", str(folder)),
            ("/etc/nginx", str(folder)),
        ):
            if written not in site:
                raise StackError(f"the configuration of nginx has no “{written}”")
            site = site.replace(written, here)
        (folder / "guichet_proxy.conf").write_text(proxy)
        (folder / "guichet.conf").write_text(site)
        (folder / "nginx.conf").write_text(NGINX_MAIN.read_text().replace("FOLDER", str(folder)))
        names = ["-keyout", f"{folder}/privkey.pem", "-out", f"{folder}/fullchain.pem"]
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
        subprocess.run([*command, "-subj", f"/CN={HOST}", *names], check=True, capture_output=True)
        return folder / "nginx.conf"

    def start_nginx(self, main: Path) -> None:
        """Start nginx in the foreground, as a process of this run."""
        with (LOCAL / "kept.log").open("ab") as log:
            command = ["nginx", "-c", str(main), "-g", "daemon off;"]
            self.services[NGINX] = subprocess.Popen(command, stdout=log, stderr=log)

    def stop(self, name: str) -> None:
        """Stop a process."""
        kept = self.services.pop(name)
        kept.terminate()
        try:
            kept.wait(30)
        except subprocess.TimeoutExpired:
            kept.kill()
            kept.wait()
