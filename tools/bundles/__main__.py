"""python -m tools.bundles [--to FOLDER]"""

from __future__ import annotations

import argparse
from pathlib import Path

from tools.bundles.archive import build

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.bundles", description="Build what is deployed.")
    parser.add_argument("--to", type=Path, default=ROOT / "dist", help="folder that they are written to")
    for path in build(ROOT, parser.parse_args().to):
        print(f"{path.name}  {path.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
