"""The product on one machine: a practice, three Google accounts, and what happens between them."""
