"""`python -m sandbox.emulator` with a gcloud and a Java made of scripts, and once with the real ones."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.children import ChildFailedError, running
from sandbox.emulator import (
    EmulatorFiles,
    NoEmulatorError,
    find_emulator,
    locate_emulator,
    running_embedded,
    running_emulator,
)
from shared.adapters.firestore import FirestoreDocuments
from shared.ports import Put

ROOT = Path(__file__).resolve().parent.parent.parent
JAR = "platform/cloud-firestore-emulator/cloud-firestore-emulator.jar"

JAVA = """#!{python}
import os, pathlib, sys
if sys.argv[1:] == ["-version"]:
    sys.exit({version_exit})
print("starting", flush=True)
if {ends}:
    sys.exit("UnsupportedClassVersionError: too old")
import http.server
pathlib.Path({pid_file!r}).write_text(str(os.getpid()))
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"Ok\\n")
    def log_message(self, *_):
        pass
port = next(int(a.split("=")[1]) for a in sys.argv if a.startswith("--port="))
server = http.server.HTTPServer(("127.0.0.1", port), Answer)
print("Dev App Server is now running.", flush=True)
server.serve_forever()
"""


class Machine:
    """A PATH of its own, with what is installed there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.pid_file = folder / "java.pid"

    def script(self, path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def gcloud(self, *, jar: bool = True, linked: bool = True) -> None:
        """The SDK; without `linked` its folder is known to gcloud alone."""
        sdk = self._folder / "sdk"
        if jar:
            (sdk / JAR).parent.mkdir(parents=True)
            (sdk / JAR).touch()
        if linked:
            self.script(sdk / "bin/gcloud", "#!/bin/sh\nexit 1\n")
            (self.bin / "gcloud").symlink_to(sdk / "bin/gcloud")
        else:
            self.script(self.bin / "gcloud", f"#!/bin/sh\necho {sdk}\n")

    def java(self, *, version_exit: int = 0, ends: bool = False) -> None:
        text = JAVA.format(
            python=sys.executable, version_exit=version_exit, ends=ends, pid_file=str(self.pid_file)
        )
        self.script(self.bin / "java", text)

    def environment(self, **more: str) -> dict[str, str]:
        inherited = {
            name: value for name, value in os.environ.items() if name not in ("CI", "FIRESTORE_EMULATOR_HOST")
        }
        return {**inherited, "PATH": str(self.bin), **more}

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "sandbox.emulator", *arguments]

    def run(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            cwd=ROOT,
            env=self.environment(**more),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def java_is_gone(self) -> bool:
        try:
            os.kill(int(self.pid_file.read_text()), 0)
        except ProcessLookupError:
            return True
        return False


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def python(code: str) -> tuple[str, ...]:
    return ("--", sys.executable, "-c", code)


SHOW = python("import os; print(os.environ.get('FIRESTORE_EMULATOR_HOST'))")


# --- finding --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("installed", "reason"),
    [
        ([], "gcloud is not installed"),
        ([lambda machine: machine.gcloud(jar=False)], "gcloud components install"),
        ([Machine.gcloud], "Java is not installed"),
        ([Machine.gcloud, lambda machine: machine.java(version_exit=1)], "Java is not installed"),
    ],
    ids=["gcloud", "jar", "java", "working java"],
)
def test_what_is_missing_is_named(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, installed: list[Callable[[Machine], None]], reason: str
) -> None:
    for install in installed:
        install(machine)
    monkeypatch.setenv("PATH", str(machine.bin))
    with pytest.raises(NoEmulatorError, match=reason):
        locate_emulator()
    assert find_emulator() is None


@pytest.mark.parametrize("linked", [True, False])
def test_the_jar_is_found_beside_gcloud_or_where_gcloud_says(
    machine: Machine,
    monkeypatch: pytest.MonkeyPatch,
    linked: bool,  # noqa: FBT001 - a pytest parameter
    tmp_path: Path,
) -> None:
    machine.gcloud(linked=linked)
    machine.java()
    monkeypatch.setenv("PATH", str(machine.bin))
    assert find_emulator() == EmulatorFiles(java=machine.bin / "java", jar=tmp_path / "sdk" / JAR)


# --- running a command ----------------------------------------------------------------------------------


def test_the_command_sees_the_emulator_and_its_exit_code_is_passed_on(machine: Machine) -> None:
    machine.gcloud()
    machine.java()
    asks = (
        "import os, sys, urllib.request as u;"
        "sys.stdout.write(u.urlopen('http://' + os.environ['FIRESTORE_EMULATOR_HOST']).read().decode());"
        "sys.exit(7)"
    )
    done = machine.run(*python(asks), NO_PROXY="*")
    assert (done.returncode, done.stdout) == (7, "Ok\n")
    assert machine.java_is_gone()


def test_a_command_ended_by_a_signal_gives_128_and_its_number(machine: Machine) -> None:
    machine.gcloud()
    machine.java()
    assert machine.run(*python("import os; os.kill(os.getpid(), 9)")).returncode == 128 + signal.SIGKILL
    assert machine.java_is_gone()


def test_a_command_that_does_not_exist_is_said(machine: Machine) -> None:
    machine.gcloud()
    machine.java()
    done = machine.run("--", "no-such-command")
    assert done.returncode == 127
    assert "cannot run no-such-command: No such file or directory" in done.stderr
    assert machine.java_is_gone()


def test_without_an_emulator_nothing_runs(machine: Machine) -> None:
    done = machine.run(*SHOW)
    assert (done.returncode, done.stdout) == (2, "")
    assert "gcloud is not installed" in done.stderr


def test_optional_runs_the_command_without_an_emulator_and_says_so(machine: Machine) -> None:
    done = machine.run("--optional", *SHOW, FIRESTORE_EMULATOR_HOST="127.0.0.1:1")
    assert (done.returncode, done.stdout) == (0, "None\n")
    assert "gcloud is not installed" in done.stderr


def test_optional_uses_the_emulator_that_is_there(machine: Machine) -> None:
    machine.gcloud()
    machine.java()
    done = machine.run("--optional", *SHOW)
    assert done.stdout.startswith("127.0.0.1:")
    assert machine.java_is_gone()


def test_optional_is_refused_on_ci(machine: Machine) -> None:
    done = machine.run("--optional", *SHOW, CI="true")
    assert (done.returncode, done.stdout) == (2, "")
    assert "refused when CI=true" in done.stderr


@pytest.mark.parametrize("arguments", [(), ("--",), ("--optional",), ("--unknown", "--", "true")])
def test_wrong_usage_is_said(machine: Machine, arguments: tuple[str, ...]) -> None:
    done = machine.run(*arguments)
    assert done.returncode == 2
    assert "usage:" in done.stderr


def test_an_emulator_that_ends_at_once_is_shown_with_its_last_words(machine: Machine) -> None:
    machine.gcloud()
    machine.java(ends=True)
    done = machine.run(*SHOW)
    assert (done.returncode, done.stdout) == (2, "")
    assert "ended with 1" in done.stderr
    assert "UnsupportedClassVersionError: too old" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_reaches_the_command_and_the_emulator_is_stopped(
    machine: Machine, number: signal.Signals
) -> None:
    machine.gcloud()
    machine.java()
    waits = (
        "import signal, sys\n"
        f"signal.signal({int(number)}, lambda *_: sys.exit(5))\n"
        "print('waiting', flush=True)\n"
        "while True: signal.pause()\n"
    )
    runner = subprocess.Popen(
        machine.command(*python(waits)),
        cwd=ROOT,
        env=machine.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    with runner:
        assert runner.stdout is not None
        assert runner.stdout.readline() == b"waiting\n"
        runner.send_signal(number)
        assert runner.wait(30) == 5
    assert machine.java_is_gone()


# --- children -------------------------------------------------------------------------------------------


def test_a_child_that_stays_silent_is_given_up_with_what_it_printed() -> None:
    command = ("sh", "-c", "echo thinking; exec sleep 60")
    with (
        pytest.raises(ChildFailedError, match=r"was not ready after 1 s; it printed:\nthinking"),
        running(command, lambda _output: None, ready_seconds=1),
    ):
        pytest.fail("it never was ready")


def test_a_child_that_ignores_sigterm_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.children.STOP_SECONDS", 0.2)
    code = (
        "import os, signal\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print(os.getpid(), flush=True)\n"
        "while True: signal.pause()\n"
    )
    with running((sys.executable, "-c", code), lambda output: int(output) if output else None) as pid:
        os.kill(pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


# --- the real ones --------------------------------------------------------------------------------------


def one_write(host: str) -> None:
    store = FirestoreDocuments(f"demo-{uuid.uuid4().hex[:12]}", host=host)
    [version] = store.commit([Put("items/a", {"n": 1})])
    assert store.get("items/a")["items/a"].version == version
    store.close()


def test_googles_emulator_comes_up_and_keeps_a_document() -> None:
    try:
        files = locate_emulator()
    except NoEmulatorError as error:
        pytest.skip(f"no Google Firestore emulator here: {error}")
    with running_emulator(files) as host:
        one_write(host)


def test_our_own_comes_up_and_keeps_a_document() -> None:
    with running_embedded() as host:
        one_write(host)
