"""A small Secret Manager: the unmodified google-cloud-secret-manager client talks to it over gRPC.

The subset of v1 that it knows behaves like Secret Manager; a method or an option outside it answers
UNIMPLEMENTED with its name, never something like it. For synthetic secrets only: it keeps them in the open.
"""
