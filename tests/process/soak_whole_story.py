"""The whole story on every server in every way; not collected unless it is named."""

from __future__ import annotations

import pytest

from tests.process.ehrs import EVERY_KIND
from tests.process.people import Practice
from tests.process.promises import kept
from tests.process.whole_story import ended, lived_through


@pytest.mark.parametrize("elsewhere", EVERY_KIND, ids=lambda kind: kind.name, indirect=True)
def test_both_sides_agree_and_every_promise_is_kept(elsewhere: Practice) -> None:
    story = lived_through(elsewhere)
    kept(story)
    ended(story)
