"""Everything of a deployment on this machine: the five functions and what they talk to, a process each."""
