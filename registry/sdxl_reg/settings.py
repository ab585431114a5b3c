"""Where this installation keeps its things: environment variables with working defaults."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sdxl_reg.errors import InvalidValue


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The places of one installation.

    Attributes:
        home: Folder of everything that is not elsewhere (`SDXL_REG_HOME`, default `~/.sdxl-reg`).
        database_url: SQLAlchemy URL (`SDXL_REG_DATABASE_URL`, default SQLite in the home).
        store_path: Folder of the blobs (`SDXL_REG_STORE_URL`, a path or a `file:` URL; default
            `blobs` in the home).
        sd_scripts_path: A checkout of kohya's sd-scripts for the trainers `kohya-…`
            (`SDXL_REG_SD_SCRIPTS`); None where there is none.
        sd_scripts_python: The interpreter of its environment (`SDXL_REG_SD_SCRIPTS_PYTHON`); None
            stands for that of `venv` or `.venv` in the checkout.
    """

    home: Path
    database_url: str
    store_path: Path
    sd_scripts_path: Path | None = None
    sd_scripts_python: Path | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Settings as the environment gives them, with defaults for what it leaves out.

        Raises:
            InvalidValue: The store's URL is of a kind that we cannot keep blobs in.
        """
        home = Path(environment.get("SDXL_REG_HOME") or "~/.sdxl-reg").expanduser().absolute()
        database_url = environment.get("SDXL_REG_DATABASE_URL") or f"sqlite:///{home}/registry.db"
        store = environment.get("SDXL_REG_STORE_URL") or str(home / "blobs")
        return cls(
            home=home,
            database_url=database_url,
            store_path=_folder_of(store),
            sd_scripts_path=_path_in(environment, "SDXL_REG_SD_SCRIPTS"),
            sd_scripts_python=_path_in(environment, "SDXL_REG_SD_SCRIPTS_PYTHON"),
        )

    @property
    def runs_path(self) -> Path:
        """Folder with one folder a run: its job file, events, log and files."""
        return self.home / "runs"

    @property
    def thumbnails_path(self) -> Path:
        """Folder of small pictures; may be deleted at any time."""
        return self.home / "thumbnails"

    @property
    def cache_path(self) -> Path:
        """Folder of what can be computed again: latents and texts; may be deleted at any time."""
        return self.home / "cache"


def _path_in(environment: Mapping[str, str], name: str) -> Path | None:
    text = environment.get(name)
    return Path(text).expanduser().absolute() if text else None


def _folder_of(store_url: str) -> Path:
    scheme, host, path, *_ = urlsplit(store_url)
    if not scheme:
        return Path(store_url).expanduser().absolute()
    if scheme != "file" or host not in ("", "localhost"):
        raise InvalidValue(
            "SDXL_REG_STORE_URL names no folder",
            store_url,
            remedy="Give a path, or file:///absolute/path",
        )
    return Path(unquote(path)).expanduser().absolute()
