"""A small Cloud Scheduler: one job that calls one target, at every tick of its schedule or when told to."""
