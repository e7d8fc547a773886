"""What JSON knows of numbers."""

from __future__ import annotations

import math
from typing import Any


def finite(values: dict[str, Any]) -> dict[str, Any]:
    """Values for JSON, which knows no infinity and no NaN: they are null."""
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in values.items()
    }
