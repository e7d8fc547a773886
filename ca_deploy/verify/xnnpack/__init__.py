"""Why XNNPACK leaves an operator to TFLite: our own table, each row held by models that are really run."""

from ca_deploy.verify.xnnpack.conditions import KNOWN_VERSIONS, XNNPACK_CONDITIONS, Condition, why_refused

__all__ = ["KNOWN_VERSIONS", "XNNPACK_CONDITIONS", "Condition", "why_refused"]
