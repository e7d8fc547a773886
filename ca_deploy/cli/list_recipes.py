"""`ca-deploy list`: the recipes that ship."""

from __future__ import annotations

from ca_deploy.cli import console, options

EXAMPLES = """
[bold]Examples[/]

  ca-deploy list
      the names that `ca-deploy export` takes

  ca-deploy list --json
      the same for a machine to read
"""


def list_recipes(json: options.Json = False, debug: options.Debug = False) -> None:
    """Show the recipes that ship: network, input, and whether weights come with them."""
    from ca_deploy.recipe import load_recipe, shipped_recipes

    recipes = [load_recipe(name) for name in shipped_recipes()]
    if json:
        console.show_json([recipe.model_dump(mode="json") for recipe in recipes])
        return
    from rich.table import Table

    table = Table()
    for heading in ("recipe", "input", "weights", "what it is"):
        table.add_column(heading)
    for recipe in recipes:
        size = "x".join(map(str, recipe.input.size))
        table.add_row(recipe.name, size, "included" if recipe.weights else "yours", recipe.description)
    console.show(table)
