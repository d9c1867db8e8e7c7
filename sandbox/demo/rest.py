"""Waiting until nothing is left to be done."""

from __future__ import annotations

from datetime import datetime, timedelta

from sandbox.demo.setting import Setting

SECONDS_MAX = 600.0
"""A large calendar file takes minutes: jobs wait where Google's quota is used up."""
SOON = timedelta(minutes=2)
"""A task due later is not waited for: what was set aside is looked at again tomorrow."""
_QUIET_LOOKS = 5
"""In a row: between two of them a message may be on its way."""


def at_rest(setting: Setting) -> None:
    """Until no job runs or is to run soon. Raises DemoError when that does not come."""
    quiet = 0

    def over() -> bool:
        nonlocal quiet
        quiet = 0 if _busy(setting) else quiet + 1
        return quiet >= _QUIET_LOOKS

    setting.until(over, SECONDS_MAX, "the end of all jobs")


def _busy(setting: Setting) -> bool:
    soon = setting.now() + SOON
    waiting = setting.deployment.tasks.waiting()
    return any(each["running"] or datetime.fromisoformat(each["due_at"]) < soon for each in waiting)
