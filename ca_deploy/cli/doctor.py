"""`ca-deploy doctor`: what works on this machine, and how to get what does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ca_deploy.cli import console, options

if TYPE_CHECKING:
    from ca_deploy.doctor.inspection import Finding

EXAMPLES = """
[bold]Examples[/]

  ca-deploy doctor
      formats, devices, commands and checks: what is there, what is missing, the command that brings it

  ca-deploy doctor --json
      the same for a machine to read
"""


def doctor(json: options.Json = False, debug: options.Debug = False) -> None:
    """Show which formats, devices and checks work here, and the commands that bring the others."""
    from ca_deploy.doctor.inspection import inspect

    findings = inspect()
    here = _machine()
    if json:
        console.show_json({**here, "abilities": [_document(one) for one in findings]})
        return
    from rich.table import Table

    table = Table(title=", ".join(f"{name} {value}" for name, value in here.items()), title_justify="left")
    for heading in ("", "what for", "here", "found", "how to get it"):
        table.add_column(heading)
    for one in findings:
        table.add_row(
            f"{one.ability.group} {one.ability.name}",
            one.ability.purpose,
            "[green]works[/]" if one.works else f"[red]missing[/]: {', '.join(one.missing)}",
            ", ".join(f"{name} {version or ''}".strip() for name, version in one.versions.items()),
            "" if one.works else one.ability.install.replace("[", r"\["),
            end_section=one is findings[-1],
        )
    console.show(table)


def _machine() -> dict[str, Any]:
    """What runs ca-deploy here."""
    import platform

    from ca_deploy import __version__
    from ca_deploy.machine import available_cores

    return {
        "ca-deploy": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": available_cores(),
    }


def _document(one: Finding) -> dict[str, Any]:
    return {
        "group": one.ability.group,
        "name": one.ability.name,
        "purpose": one.ability.purpose,
        "works": one.works,
        "versions": one.versions,
        "missing": list(one.missing),
        "install": None if one.works else one.ability.install,
    }
