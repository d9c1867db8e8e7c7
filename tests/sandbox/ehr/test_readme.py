from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from sandbox.ehr.fhir import PROFILES, Settings
from sandbox.ehr.staff import Staff

README = Path(__file__).resolve().parents[3] / "sandbox/ehr/README.md"
TEXT = README.read_text(encoding="utf-8")


def shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(f"`{each}`" for each in value) or "none"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else f"`{value}`"


def test_the_table_of_profiles_is_that_of_the_code() -> None:
    names = [each.name for each in fields(Settings) if each.name != "profile"]
    facts = {name: [getattr(profile, name) for profile in PROFILES.values()] for name in names}
    wanted = [
        f"| `{name}` | {' | '.join(map(shown, values))} |"
        for name, values in facts.items()
        if any(value != values[0] for value in values)
    ]
    section = TEXT.partition("\n## Profiles\n")[2].partition("\n## ")[0]
    assert f"| | {' | '.join(f'`{name}`' for name in PROFILES)} |" in section
    assert [line for line in section.splitlines() if line.startswith("| `")] == wanted


def test_every_setting_is_named() -> None:
    named = set(re.findall(r"`(\w+)`", TEXT.partition("\n## Profiles\n")[2].partition("\n## ")[0]))
    assert {each.name for each in fields(Settings)} - named == set()


def test_every_action_of_staff_is_named() -> None:
    section = TEXT.partition("\n## Staff\n")[2].partition("\n## ")[0]
    named = set(re.findall(r"`(\w+)`", section))
    assert {name for name in dir(Staff) if not name.startswith("_")} - named == set()
