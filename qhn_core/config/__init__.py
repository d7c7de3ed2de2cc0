"""The one description of a run, and its forms as text."""

from __future__ import annotations

from qhn_core.config.run import DEFAULTS, SCHEMA_VERSION, SECTIONS, RunConfig, load_config
from qhn_core.errors import ConfigError

__all__ = ["DEFAULTS", "SCHEMA_VERSION", "SECTIONS", "ConfigError", "RunConfig", "load_config"]
