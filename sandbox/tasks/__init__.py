"""A small Cloud Tasks: the unmodified google-cloud-tasks client fills its queues, and it calls the targets.

The subset of v2 that it knows behaves like Cloud Tasks; a method or an option outside it answers
UNIMPLEMENTED with its name, never something like it.
"""
