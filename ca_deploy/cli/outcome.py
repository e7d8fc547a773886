"""What a command that writes artifacts shows at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ca_deploy.cli import console

if TYPE_CHECKING:
    from ca_deploy.result import ExportResult


def show(result: ExportResult, json: bool) -> None:
    """Print warnings and the report, for people or for machines.

    Raises:
        VerificationError: when an artifact does not hold its tolerance, or what else it was asked to hold.
    """
    from ca_deploy.errors import VerificationError
    from ca_deploy.report import documents, table

    for warning in result.warnings:
        console.warn(warning)
    if json:
        console.show_json({"folder": str(result.folder), **documents.report(result)})
    else:
        console.show(table.artifact_table(result))
        console.show(table.legend(result))
    if not result.passed:
        failed = [
            f"{one.artifact.name}: {'; '.join(one.verdict.failures)}"
            for one in result.exported
            if one.verdict.failures
        ]
        raise VerificationError(f"not as asked, kept under {result.folder}/rejected: {' | '.join(failed)}")
