"""push_webhook as it is deployed: what stands in its secrets, and what it leaves in its queue."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).parents[2] / "functions" / "push_webhook" / "main.py"
CHANNEL_KEY = b"a channel key of at least 32 bytes .."
HOOK_SECRET = b"the hook secret of practice one"
HOOKS = "practice-one-hooks"


class Waiting:
    """A queue of the test's own, and what waits in it."""

    def __init__(self, client: Any, location: str) -> None:
        self.queue = f"live-{uuid.uuid4().hex[:12]}"
        self._client, self._path = client, f"{location}/queues/{self.queue}"
        client.create_queue(parent=location, queue={"name": self._path})

    def bodies(self) -> list[dict[str, Any]]:
        found = self._client.list_tasks(request={"parent": self._path, "response_view": "FULL"})
        return [json.loads(task.http_request.body) for task in found]
