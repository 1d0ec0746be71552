"""Pages of docs/ that are written from the code: `python -m tests.docs` writes them, a test says when one is old."""
