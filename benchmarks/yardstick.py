"""`python -m benchmarks.yardstick NAME [PATH]`: serve one of those that ours is held against, as ours is served.

NAME is a function's, as in `bare.route`.
"""

import sys
from importlib import import_module
from pathlib import Path

from engine import serving

if __name__ == "__main__":
    module, _, name = sys.argv[1].partition(".")
    # Only this one's module: what a server does not need must not make its memory larger, nor its collections slower.
    made = getattr(import_module(f"benchmarks.{module}"), name)(*map(Path, sys.argv[2:]))
    sys.exit(serving.serve(made, "127.0.0.1", 0, ready=lambda port: print(f"http://127.0.0.1:{port}", flush=True)))
