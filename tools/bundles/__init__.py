"""What is deployed: one zip for each function, with exactly what that function needs.

`python -m tools.bundles` writes `dist/{function}-{hash}.zip`: its `main.py`, the modules of `shared/` that it
reaches, and `requirements.txt`: the locked distributions that these import, with their hashes.
"""
