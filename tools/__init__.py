"""What makes, packages and tries what the product is: ``python -m tools.<name>``."""

import sys
from pathlib import Path

_FUNCTIONS = str(Path(__file__).resolve().parent.parent / "functions")
if _FUNCTIONS not in sys.path:  # CodeUri: the functions' modules are at the top
    sys.path.insert(0, _FUNCTIONS)
