"""What the tests of this folder share with those of devices: the block with a gate."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "devices"))
