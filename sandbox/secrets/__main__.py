"""`python -m sandbox.secrets --port N [--secrets FILE.json]`: what is added or changed is gone at the end."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from sandbox import rpc
from sandbox.secrets.server import routes
from sandbox.secrets.vault import Vault, filled
from sandbox.serving import argument_parser


def _vault(path: Path | None) -> Vault:
    """Raises ValueError, OSError."""
    data = json.loads(path.read_text(encoding="utf-8")) if path else {}
    if not isinstance(data, dict):
        raise ValueError("it holds no JSON object")  # noqa: TRY004 - answered with the others
    return filled(data, datetime.now(UTC))


def main() -> None:
    parser = argument_parser("secrets", "A local Secret Manager v1.")
    parser.add_argument(
        "--secrets", type=Path, help="JSON: full names to texts, or to lists of them, oldest first"
    )
    arguments = parser.parse_args()
    try:
        vault = _vault(arguments.secrets)
    except (OSError, ValueError) as error:
        sys.exit(f"--secrets: {error}")
    rpc.serve("sandbox secrets", routes(vault), arguments.port, arguments.host)


if __name__ == "__main__":
    main()
