"""Google's own Firestore emulator: found where gcloud and Java are, run, and stopped.

    python -m sandbox.emulator [--optional] -- COMMAND ARGS…

runs COMMAND with FIRESTORE_EMULATOR_HOST set to an emulator of its own, passes signals on and ends with its
exit code. With --optional COMMAND also runs where there is no emulator, without the variable; never when
CI=true, so that a build cannot pass by leaving the emulator out.

Java is started directly: gcloud's own launcher costs another 0.7 s and 60 MB.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

from sandbox.children import ChildFailedError, running, server
from sandbox.serving import LOOPBACK

HOST_VARIABLE = "FIRESTORE_EMULATOR_HOST"
READY_SECONDS = 60.0
_JAR = Path("platform/cloud-firestore-emulator/cloud-firestore-emulator.jar")
_MAIN_CLASS = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"
_JVM_FLAGS = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")  # starts in half the time, with half the memory
_STARTED = "Dev App Server is now running"
_ASK_SECONDS = 30.0
_USAGE_ERROR = 2
_COMMAND_NOT_FOUND = 127
_SIGNALLED = 128
_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class EmulatorFiles:
    java: Path
    jar: Path


class NoEmulatorError(RuntimeError):
    """There is no emulator on this machine; the text says what is missing and how to get it."""


def find_emulator() -> EmulatorFiles | None:
    """The emulator's files, or None; `locate_emulator` says why."""
    with contextlib.suppress(NoEmulatorError):
        return locate_emulator()
    return None


def locate_emulator() -> EmulatorFiles:
    """The emulator's files, from the PATH. Raises NoEmulatorError."""
    gcloud = shutil.which("gcloud")
    if gcloud is None:
        raise NoEmulatorError("gcloud is not installed (cloud.google.com/sdk/docs/install)")
    jar = _jar(gcloud)
    if jar is None:
        raise NoEmulatorError("it is not installed (gcloud components install cloud-firestore-emulator)")
    java = shutil.which("java")
    if java is None or _output(java, "-version") is None:  # macOS has a java that only says there is none
        raise NoEmulatorError("Java is not installed")
    return EmulatorFiles(Path(java), jar)


def _jar(gcloud: str) -> Path | None:
    beside = Path(gcloud).resolve().parent.parent / _JAR
    if beside.is_file():
        return beside
    root = _output(gcloud, "info", "--format=value(installation.sdk_root)")
    asked = Path(root.strip()) / _JAR if root else None
    return asked if asked is not None and asked.is_file() else None


def _output(*command: str) -> str | None:
    """What a short command prints; None when it fails."""
    try:
        done = subprocess.run(  # noqa: S603 - programs found on the PATH, no shell
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_ASK_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout


@contextlib.contextmanager
def running_emulator(files: EmulatorFiles) -> Iterator[str]:
    """Google's emulator for the length of the block; yields `host:port`. Raises ChildFailedError."""
    port = _free_port()
    address = f"{LOOPBACK}:{port}"

    def ready(output: str) -> str | None:
        return address if _STARTED in output and answers(address) else None

    with running(
        emulator_command(files, LOOPBACK, port), ready, ready_seconds=READY_SECONDS
    ) as ready_address:
        yield ready_address


def emulator_command(files: EmulatorFiles, host: str, port: int) -> Sequence[str]:
    """What starts it there."""
    java = (str(files.java), *_JVM_FLAGS, "-cp", str(files.jar), _MAIN_CLASS)
    return *java, "start", f"--host={host}", f"--port={port}"


@contextlib.contextmanager
def running_embedded() -> Iterator[str]:
    """Our own small Firestore for the length of the block; yields `host:port`. Raises ChildFailedError."""
    with server("sandbox.firestore") as address:
        yield address


def _free_port() -> int:
    """A port that is free now: the emulator cannot choose one itself and say which."""
    with socket.socket() as sock:
        sock.bind((LOOPBACK, 0))
        port: int = sock.getsockname()[1]
        return port


def answers(address: str) -> bool:
    """Whether the emulator at `host:port` serves."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{address}/", timeout=1.0) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def run(command: Sequence[str], env: Mapping[str, str]) -> int:
    """Run a command to its end, passing signals on; its exit code, 128 + n when signal n ended it."""
    child: subprocess.Popen[bytes] | None = None

    def pass_on(number: int, _frame: FrameType | None) -> None:
        if child is None:
            raise SystemExit(_SIGNALLED + number)
        if number == signal.SIGINT and sys.stdin is not None and sys.stdin.isatty():
            return  # Ctrl-C: the terminal has sent it to the command as well
        child.send_signal(number)

    for number in _PASSED_ON:
        signal.signal(number, pass_on)
    try:
        child = subprocess.Popen(command, env=env)  # noqa: S603 - the command this program was asked to run
    except OSError as error:
        print(f"cannot run {command[0]}: {error.strerror}", file=sys.stderr)
        return _COMMAND_NOT_FOUND
    code = child.wait()
    return code if code >= 0 else _SIGNALLED - code


def main(arguments: Sequence[str]) -> int:
    options, command = _parsed(arguments)
    if options.optional and os.environ.get("CI", "").lower() in ("true", "1"):
        print("--optional is refused when CI=true: there the emulator must be present", file=sys.stderr)
        return _USAGE_ERROR
    for number in _PASSED_ON:
        signal.signal(number, _end)  # while the emulator starts: or it would outlive us
    try:
        with running_emulator(locate_emulator()) as address:
            print(f"Google's Firestore emulator on {address}", file=sys.stderr)
            return run(command, {**os.environ, HOST_VARIABLE: address})
    except (NoEmulatorError, ChildFailedError) as error:
        print(f"no Google Firestore emulator here: {error}", file=sys.stderr)
    if not options.optional:
        return _USAGE_ERROR
    print("going on without it", file=sys.stderr)
    return run(command, {name: value for name, value in os.environ.items() if name != HOST_VARIABLE})


def _parsed(arguments: Sequence[str]) -> tuple[argparse.Namespace, Sequence[str]]:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox.emulator",
        usage="%(prog)s [--optional] -- COMMAND ARGS…",
        description="Run a command beside Google's Firestore emulator.",
    )
    parser.add_argument("--optional", action="store_true", help="run COMMAND also where there is no emulator")
    split = arguments.index("--") if "--" in arguments else len(arguments)
    options, command = parser.parse_args(arguments[:split]), arguments[split + 1 :]
    if not command:
        parser.error("no COMMAND after --")
    return options, command


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(_SIGNALLED + number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
