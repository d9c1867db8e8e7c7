"""What ends the demo with one sentence instead of a stack trace."""

from __future__ import annotations


class DemoError(Exception):
    """The text is the whole sentence a person needs."""
