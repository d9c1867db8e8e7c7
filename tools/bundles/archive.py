"""A zip that depends on what is in it and on nothing else, so that its hash says whether anything changed."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

from tools.bundles.imports import reached
from tools.bundles.requirements import Lock

SHARED = "shared"
LOCK = "requirements/runtime.txt"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_FILE_MODE = 0o100644
_HASH_LENGTH = 16


def functions(root: Path) -> list[str]:
    return sorted(path.parent.name for path in (root / "functions").glob("*/main.py"))


def contents(root: Path, function: str, lock: Lock) -> dict[str, bytes]:
    """What is deployed of a function, by its path in the zip."""
    main = root / "functions" / function / "main.py"
    found = reached(root, main, SHARED)
    return {
        "main.py": main.read_bytes(),
        "requirements.txt": lock.needed_for(found.foreign).encode(),
        **{file: (root / file).read_bytes() for file in found.files},
    }


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Sorted, with fixed times and modes, and stored: what deflate makes of it differs by version."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_STORED) as archive:
        for name, data in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system = _UNIX
            entry.external_attr = _FILE_MODE << 16
            archive.writestr(entry, data)
    return whole.getvalue()


def build(root: Path, folder: Path) -> list[Path]:
    """One zip for each function in `folder`, named for its hash; those of before go, for one is deployed."""
    lock = Lock((root / LOCK).read_text(encoding="utf-8"))
    folder.mkdir(parents=True, exist_ok=True)
    return [_written(folder, name, zipped(contents(root, name, lock))) for name in functions(root)]


def _written(folder: Path, function: str, data: bytes) -> Path:
    path = folder / f"{function}-{hashlib.sha256(data).hexdigest()[:_HASH_LENGTH]}.zip"
    for old in folder.glob(f"{function}-*.zip"):
        old.unlink()
    path.write_bytes(data)
    return path
