"""Finding captioners, see `plugins`, and what they lack on this machine."""

from importlib.util import find_spec

from sdxl_reg.captioners.interface import Captioner
from sdxl_reg.errors import UsageError
from sdxl_reg.plugins import BrokenPlugin, Door

GROUP = "sdxl_reg.captioners"
_DOOR = Door(group=GROUP, noun="captioner")


def captioner_names() -> list[str]:
    """The names of the registered captioners; nothing is imported."""
    return _DOOR.names()


def find_captioner(name: str) -> Captioner:
    """The captioner of a name; raises as `plugins.Door.find` does."""
    captioner: Captioner = _DOOR.find(name)
    return captioner


def all_captioners() -> tuple[list[Captioner], list[BrokenPlugin]]:
    """Every captioner that loads, and those that do not with their reasons."""
    return _DOOR.all()


def missing_packages(captioner: Captioner) -> list[str]:
    """The packages that a captioner needs and that are not installed; none is imported."""
    return [name for name in captioner.packages if find_spec(name) is None]


def require_packages(captioner: Captioner) -> None:
    """Refuse a captioner whose packages are not there.

    Args:
        captioner: Which.

    Raises:
        UsageError: One is not installed.
    """
    if missing := missing_packages(captioner):
        raise UsageError(
            f"captioner {captioner.name!r} needs {' and '.join(missing)}",
            remedy=f"Run: pip install 'sdxl-reg[{captioner.extra}]'",
        )
