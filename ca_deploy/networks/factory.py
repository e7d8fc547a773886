"""Networks of the user's own: `--model package.module:factory`."""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from torch import nn
from torch.nn.parameter import is_lazy

from ca_deploy.errors import UserError


def load_factory(name: str) -> nn.Module:
    """Import a factory and return the network that it makes, in evaluation mode.

    The module may be installed or lie in the current folder, which is importable until the factory returns.

    Args:
        name: "package.module:factory"; a class is a factory as well. It is called without arguments.

    Raises:
        UserError: when the module does not import, has no such attribute, or that is not callable, raises, or
            returns anything but a `torch.nn.Module` with its parameters.
    """
    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute:
        raise UserError(f"--model {name}: write package.module:factory")
    with _current_folder_importable():
        factory = _factory(_import(module_name, name), attribute, name)
        network = _call(factory, name)
    if not isinstance(network, nn.Module):
        raise UserError(f"--model {name} returned {type(network).__name__}: return a torch.nn.Module")
    if any(is_lazy(tensor) for tensor in (*network.parameters(), *network.buffers())):
        raise UserError(f"--model {name} returned a network with lazy layers: run one input through it there")
    return network.eval()


@contextmanager
def _current_folder_importable() -> Iterator[None]:
    folder = str(Path.cwd())
    sys.path.insert(0, folder)
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(folder)


def _import(module_name: str, name: str) -> ModuleType:
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and f"{module_name}.".startswith(f"{error.name}."):
            raise UserError(
                f"--model {name}: there is no module {error.name} here or installed: "
                "change to the folder that holds it, or correct the name"
            ) from error
        raise UserError(f"--model {name}: importing it needs {error.name}: install that") from error
    except (Exception, SystemExit) as error:  # the user's module may raise anything
        raise UserError(f"--model {name} does not import, {_one_line(error)}: mend the module") from error


def _factory(module: ModuleType, attribute: str, name: str) -> Callable[[], object]:
    factory: object = getattr(module, attribute, None)
    if factory is None:
        nearest = difflib.get_close_matches(attribute, vars(module), n=1)
        hint = f"did you mean {nearest[0]}?" if nearest else "correct the name behind the colon"
        raise UserError(f"--model {name}: {module.__name__} has no {attribute}: {hint}")
    if isinstance(factory, nn.Module) or not callable(factory):
        raise UserError(
            f"--model {name} is a {type(factory).__name__}, not a factory: "
            "name a function that returns the network"
        )
    return factory


def _call(factory: Callable[[], object], name: str) -> object:
    try:
        return factory()
    except (Exception, SystemExit) as error:  # the user's function may raise anything
        raise UserError(
            f"--model {name} raised {_one_line(error)}: mend it; it is called without arguments"
        ) from error


def _one_line(error: BaseException) -> str:
    first = next(iter(str(error).splitlines()), "")
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
