"""The walls around the reader of untrusted files, each tried while the others are down."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ckan.tests import factories

from ckanext.ecosphere.access import jobs
from ckanext.ecosphere.access.preview import files
from ckanext.ecosphere.access.preview.kinds import PreviewError
from ckanext.ecosphere.access.tests import active_geopackages
from ckanext.ecosphere.shared.confinement import confine, coordinates, sandbox

SECRET = "SECRET_KEY = never-to-be-seen"
BOTH = (confine.BUBBLEWRAP, confine.LANDLOCK)


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """Return a file of the server that the reader must not read."""
    path = tmp_path / "portal" / "ckan.ini"
    path.parent.mkdir()
    path.write_text(f"{SECRET}\nsecond line\n")
    return path


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Return an empty working folder."""
    path = tmp_path / "work"
    path.mkdir()
    return path


def job(path: Path, work: Path) -> dict[str, Any]:
    shutil.copy(path, work / "in")
    return {
        "task": "sample",
        "module": files.READER,
        "input": str(work / "in"),
        "output": str(work / "out"),
        "rows": 50,
        "name": "x.gpkg",
    }


def inside(
    way: str, work: Path, code: str, readable: tuple[Path, ...] = ()
) -> subprocess.CompletedProcess:
    """Run Python in the confined process, in place of the reader."""
    given = sandbox.enclosed(way, work, readable)
    begun = (
        "import json, os, sys\n"
        "from ckanext.ecosphere.shared.confinement import confine\n"
        "confine.limit(1500, 20, 50)\n"
        f"confine.enclose({way!r}, {given['readable']!r}, {given['folder']!r})\n"
    )
    line = sandbox.command(way, work, readable)
    line[-2:] = ["-c", begun + code]
    return subprocess.run(
        line,
        capture_output=True,
        text=True,
        timeout=60,
        env=sandbox.environment(),
        cwd=work,
        check=False,
    )


#: Reads files with GDAL as they come, without a look at them first, with all drivers and functions
#: of this GDAL.
UNGUARDED = """
import pathlib, pyogrio
from pyogrio import raw
pyogrio.set_gdal_config_options({
    "OGR_SQLITE_STATIC_VIRTUAL_OGR": "YES", "OGR_SQLITE_ALLOW_EXTERNAL_ACCESS": "YES",
    "SPATIALITE_SECURITY": "relaxed", "OGR_SQLITE_PRAGMA": "trusted_schema=ON",
})
for path in sorted(pathlib.Path(FOLDER).glob("*.gpkg")):
    print("opened", path.stem)
    try:
        for name, _kind in pyogrio.list_layers(path):
            print(raw.read(path, layer=name)[3])
    except Exception as error:
        print(error)
"""

#: Reads files as the reader does, in a process that is not confined.
UNCONFINED = """
import json, pathlib, shutil
from ckanext.ecosphere.access.preview import reader
from ckanext.ecosphere.access.preview.kinds import PreviewError
told = {}
for path in pathlib.Path(FOLDER).glob("*.gpkg"):
    work = pathlib.Path(WORK) / path.stem
    work.mkdir()
    shutil.copy(path, work / "in")
    job = {"task": "sample", "input": str(work / "in"), "output": str(work / "out"), "rows": 50, "name": path.name}
    try:
        reader.sample(job)
        told[path.stem] = (work / "out").read_text()
    except PreviewError as error:
        told[path.stem] = error.code
print(json.dumps(told))
"""


@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside"])
def test_the_first_wall_alone_lets_gdal_see_no_database_of_others(
    loaded, tmp_path, secret, work, beside
):
    for name in active_geopackages.SCHEMAS:
        active_geopackages.made(name, tmp_path / f"{name}.gpkg", secret, beside=beside)
    code = UNCONFINED.replace("FOLDER", repr(str(tmp_path))).replace("WORK", repr(str(work)))
    environment = {
        **sandbox.environment(),
        "OGR_SQLITE_PRAGMA": "trusted_schema=ON",
        "SPATIALITE_SECURITY": "relaxed",
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=environment,
        cwd=work,
        check=True,
    )
    told = json.loads(done.stdout)
    assert told.keys() == active_geopackages.SCHEMAS.keys()
    assert "SECRET_KEY" not in done.stdout + done.stderr
    for name, answer in told.items():
        has_modules = any(
            "VIRTUAL" in statement.upper() for statement in active_geopackages.SCHEMAS[name]
        )
        if has_modules:
            assert answer == "active-file", name
        elif beside:
            assert "honest" in answer, name
        else:
            assert answer == "unreadable", name


def test_gdal_reads_the_files_of_the_server_without_the_walls(loaded, tmp_path, secret):
    """The fault that the walls are for; if this fails, the tests beside it prove nothing."""
    active_geopackages.made("text", tmp_path / "text.gpkg", secret)
    line = [sys.executable, "-c", UNGUARDED.replace("FOLDER", repr(str(tmp_path)))]
    done = subprocess.run(
        line, capture_output=True, text=True, env=sandbox.environment(), check=False
    )
    assert SECRET in done.stdout


@pytest.mark.parametrize("way", BOTH)
def test_the_second_wall_alone_lets_gdal_read_no_other_file(loaded, secret, work, way):
    for name in active_geopackages.SCHEMAS:
        active_geopackages.made(name, work / f"{name}.gpkg", secret)
    done = inside(way, work, UNGUARDED.replace("FOLDER", repr(str(work))))
    assert SECRET not in done.stdout + done.stderr
    for name in active_geopackages.SCHEMAS:
        assert f"opened {name}" in done.stdout, done.stderr


@pytest.mark.parametrize("way", BOTH)
def test_the_confined_process_reaches_nothing_outside(loaded, secret, work, way):
    listening = socket.create_server(("127.0.0.1", 0))
    local, hearing = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with listening, local, hearing:
        hearing.bind(("127.0.0.1", 0))
        hearing.settimeout(0.2)
        local.bind(str(secret.parent / "socket"))
        local.listen()
        attempts = {
            "file": f"open({str(secret)!r}).read()",
            "folder": f"os.listdir({str(secret.parent)!r})",
            "write": f"open({str(secret)!r}, 'a').write('x')",
            "accounts": "open('/etc/passwd').read()",
            "environment": f"open('/proc/{os.getpid()}/environ').read()",
            "network": f"socket.create_connection(('127.0.0.1', {listening.getsockname()[1]}), timeout=2)",
            "local": f"socket.socket(socket.AF_UNIX).connect({str(secret.parent / 'socket')!r})",
            "kill": f"os.kill({os.getpid()}, 0)",
            "program": "subprocess.run(['/bin/cat', '/etc/hostname'], check=True)",
        }
        code = "import socket, subprocess\nreached = []\n"
        for name, attempt in attempts.items():
            code += f"try: {attempt}; reached.append({name!r})\nexcept (OSError, subprocess.SubprocessError): pass\n"
        port = hearing.getsockname()[1]
        sent = (
            f"socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', {port}))"
        )
        code += f"try: {sent}\nexcept OSError: pass\n"
        done = inside(way, work, code + "print(json.dumps([reached, sorted(os.environ)]))")
        with pytest.raises(TimeoutError):
            hearing.recv(1)
    reached, variables = json.loads(done.stdout)
    assert reached == []
    assert not [name for name in variables if "CKAN" in name or "SECRET" in name]


@pytest.mark.parametrize("way", BOTH)
def test_a_result_that_is_a_link_is_none(loaded, secret, work, way, monkeypatch):
    """The process may have been taken over: what it leaves in the folder is not trusted."""
    code = f"import os; os.symlink({str(secret)!r}, {str(work / 'out')!r}); print(json.dumps({{'facts': {{}}}}))"
    line = sandbox.command(way, work)
    line[-2:] = ["-c", "import json\n" + code]
    monkeypatch.setattr(sandbox, "way", lambda: way)
    monkeypatch.setattr(sandbox, "command", lambda *_args: line)
    (work / "in").write_bytes(b"x")
    with pytest.raises(PreviewError) as raised:
        sandbox.run(
            {
                "module": files.READER,
                "task": "sample",
                "input": str(work / "in"),
                "output": str(work / "out"),
            },
            20,
            700,
        )
    assert raised.value.code == "unreadable"


@pytest.mark.parametrize("way", BOTH)
def test_an_uploaded_file_is_read_where_it_is_and_stays_as_it_is(
    loaded, tmp_path, work, way, monkeypatch
):
    uploaded = tmp_path / "storage" / "table.csv"
    uploaded.parent.mkdir()
    uploaded.write_text("a;b\n1;2\n")
    (uploaded.parent / "neighbour.csv").write_text(SECRET)
    (work / "in").symlink_to(uploaded)
    done = inside(way, work, f"open({str(uploaded)!r}, 'a').write('3;4')", (uploaded,))
    assert "Error" in done.stderr
    done = inside(
        way, work, f"print(open({str(uploaded.parent / 'neighbour.csv')!r}).read())", (uploaded,)
    )
    assert SECRET not in done.stdout
    monkeypatch.setattr(sandbox, "way", lambda: way)
    given = {
        "task": "sample",
        "module": files.READER,
        "input": str(work / "in"),
        "output": str(work / "out"),
        "rows": 9,
        "name": "table.csv",
    }
    assert sandbox.run(given, 20, 700)["kind"] == "table"
    assert uploaded.read_text() == "a;b\n1;2\n"


def test_without_a_wall_nothing_is_previewed_and_check_says_so(loaded, work, monkeypatch, secret):
    monkeypatch.setattr(sandbox, "_probed", lambda _way: ["file"])
    sandbox.way.cache_clear()
    try:
        with pytest.raises(PreviewError) as raised:
            sandbox.run(job(secret, work), 20, 700)
        assert raised.value.code == "not-confined"
        from ckanext.ecosphere.access import plugin

        found = plugin._confinement()
        assert (found.status, "bubblewrap" in found.remedy) == (plugin.CheckStatus.WARNING, True)
    finally:
        sandbox.way.cache_clear()


def test_a_wall_that_leaks_is_none(loaded, monkeypatch):
    """The probe finds a confinement that does not confine:
    bubblewrap replaced by a program that just runs.
    """
    real = sandbox.command
    monkeypatch.setattr(
        sandbox,
        "command",
        lambda _way, folder, readable=(): real(confine.LANDLOCK, folder, readable),
    )
    reached = sandbox._probed(confine.BUBBLEWRAP)
    assert {"file", "folder", "writing", "network"} <= set(reached)


def test_only_the_drivers_of_the_list_are_left(loaded):
    code = (
        "import json, pyogrio\nfrom ckanext.ecosphere.shared.confinement import confine\n"
        "before = sorted(pyogrio.list_drivers()); confine.restrict_drivers()\n"
        "print(json.dumps([before, sorted(pyogrio.list_drivers())]))"
    )
    line = [sys.executable, "-c", code]
    done = subprocess.run(line, capture_output=True, env=sandbox.environment(), check=True)
    before, after = json.loads(done.stdout)
    assert set(after) == confine.ALLOWED_DRIVERS
    assert {"WFS", "OGR_VRT", "SQLite"} & set(before)


@pytest.mark.parametrize(
    "crs",
    [
        "+proj=longlat +nadgrids={path}",
        "+init={path}:x",
        'PARAMETERFILE["x","{path}"]',
        "+proj=hgridshift +grids=@{path}",
    ],
)
def test_a_reference_system_that_names_a_file_is_none(secret, crs):
    with pytest.raises(PreviewError) as raised:
        coordinates.to_degrees(crs.format(path=secret))
    assert raised.value.code == "no-crs"


def test_a_reader_that_multiplies_ends_with_all_its_processes(loaded, work):
    code = "import time\nfor _ in range(500):\n    if os.fork() == 0: time.sleep(60)\nprint('done')"
    inside(confine.BUBBLEWRAP, work, code)
    left = subprocess.run(
        ["pgrep", "-f", "time.sleep[(]60"], capture_output=True, text=True, check=False
    )
    assert left.stdout == ""


@pytest.mark.few(1, "hostile")
@pytest.mark.parametrize("name", ["text", "view", "geojson"])
def test_a_preview_over_http_shows_nothing_of_the_server(store, hostile, tmp_path, secret, name):
    body = active_geopackages.made(name, tmp_path / "active.gpkg", secret).read_bytes()
    url = hostile("/active.gpkg", body, "application/geopackage+sqlite3")
    dataset = factories.Dataset(
        owner_org=store["service"], resources=[{"url": url, "format": "GeoPackage"}]
    )
    path = f"/dataset/{dataset['name']}/resource/{dataset['resources'][0]['id']}/apercu"
    store["client"].post(path)
    jobs.make_samples()
    answer = store["client"].get(path)
    assert "SECRET_KEY" not in answer.text
    assert "table" in answer.json["message"]
