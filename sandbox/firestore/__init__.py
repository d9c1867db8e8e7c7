"""A small Firestore, in memory: the unmodified google-cloud-firestore client talks to it over gRPC.

For machines without Java, where Google's own emulator cannot run. The subset of the API that it knows behaves
like Firestore; a method or an option outside it answers UNIMPLEMENTED with its name, never something like it.
"""
