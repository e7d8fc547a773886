import os
import sys
import textwrap
import uuid

import pytest
from torch import nn

from ca_deploy.errors import UserError
from ca_deploy.networks import load_factory


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write a module of a name of its own into the current folder."""
    monkeypatch.chdir(tmp_path)
    name = f"user_{uuid.uuid4().hex}"

    def write(source: str) -> str:
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(source))
        return name

    yield write
    sys.modules.pop(name, None)


def _refusal(name: str) -> str:
    with pytest.raises(UserError) as raised:
        load_factory(name)
    message = str(raised.value)
    assert name in message
    assert "\n" not in message
    return message


def test_a_module_in_the_current_folder_is_imported(module):
    name = module("""
        from torch import nn
        def network():
            return nn.Sequential(nn.Conv2d(3, 4, 1), nn.Dropout())
    """)
    before = list(sys.path)
    network = load_factory(f"{name}:network")
    assert isinstance(network, nn.Sequential)
    assert not network.training
    assert sys.path == before


def test_a_factory_may_import_its_neighbours_when_called(module, tmp_path):
    (tmp_path / "neighbour_of_the_factory.py").write_text("from torch import nn\nNETWORK = nn.Identity()\n")
    name = module("""
        def network():
            import neighbour_of_the_factory
            return neighbour_of_the_factory.NETWORK
    """)
    assert isinstance(load_factory(f"{name}:network"), nn.Identity)


def test_a_class_of_an_installed_package_is_a_factory():
    assert isinstance(load_factory("torch.nn:Identity"), nn.Identity)


@pytest.mark.parametrize("name", ["package.module", ":factory", "package.module:", ""])
def test_a_name_without_module_or_factory_is_refused(name):
    assert "package.module:factory" in _refusal(name)


@pytest.mark.parametrize("name", ["no_such_package_here:f", "os.no_such_module:f"])
def test_a_missing_module_is_named(name):
    assert f"there is no module {name.partition(':')[0]}" in _refusal(name)


def test_a_missing_dependency_of_the_module_is_named(module):
    name = module("import no_such_dependency\n")
    assert "needs no_such_dependency" in _refusal(f"{name}:network")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("def broken(:\n", "SyntaxError"),
        ("raise RuntimeError('first line\\nsecond line')\n", "RuntimeError: first line"),
        ("import sys\nsys.exit(3)\n", "SystemExit: 3"),
    ],
)
def test_a_module_that_raises_does_not_import(module, source, reason):
    message = _refusal(f"{module(source)}:network")
    assert "does not import" in message
    assert reason in message


def test_a_missing_attribute_says_which_was_meant(module):
    assert "did you mean my_network?" in _refusal(f"{module('def my_network(): pass')}:my_netwrk")


@pytest.mark.parametrize("source", ["network = 3", "from torch import nn\nnetwork = nn.Identity()"])
def test_what_is_not_a_factory_is_refused(module, source):
    assert "not a factory" in _refusal(f"{module(source)}:network")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("def network(width): pass", "TypeError"),
        ("def network(): raise ValueError()", "raised ValueError"),
        ("def network(): return {}", "returned dict"),
        ("from torch import nn\ndef network(): return nn.LazyLinear(3)", "lazy layers"),
    ],
)
def test_a_factory_that_makes_no_network_is_refused(module, source, reason):
    assert reason in _refusal(f"{module(source)}:network")


def test_a_current_folder_that_is_importable_already_stays_so(module, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(os.fspath(tmp_path))
    load_factory(f"{module('from torch import nn; network = nn.Identity')}:network")
    assert os.fspath(tmp_path) in sys.path
