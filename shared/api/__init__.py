"""What the EHR's front end calls, over HTTP: requests parsed, answers written, errors as problem details."""
