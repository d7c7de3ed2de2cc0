"""Text to plain data and back, for configurations: JSON, YAML and the compact URL form.

What arrives here may come from a stranger (a link, a file), so every reader is bounded in size, refuses duplicate
keys, YAML aliases and tags, and reports what is wrong as :class:`~qhn_core.errors.ConfigError`.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from qhn_core.errors import ConfigError, shorten

#: Longest configuration text read, characters (bytes for a file).
TEXT_LIMIT = 1 << 18
#: Longest URL form read, characters; browsers and proxies begin to refuse above about this.
URL_LIMIT = 16_384
#: Most bytes a URL form may unpack to, so that a small link cannot fill the memory.
UNPACKED_LIMIT = 1 << 18
#: Deepest nesting of lists and mappings; a configuration needs about five.
DEPTH_LIMIT = 20
#: Version of the URL form itself (its packing), apart from the schema version of what is packed.
URL_VERSION = "1"


def read_json(text: str, *, source: str = "JSON", limit: int = TEXT_LIMIT) -> dict[str, Any]:
    """The mapping that ``text`` holds."""
    _check_size(text, source, limit)
    try:
        value = json.loads(text, object_pairs_hook=_unique_keys, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise ConfigError([("", f"not valid JSON at line {error.lineno}: {error.msg}")], source=source) from None
    except RecursionError:
        raise ConfigError([("", f"nested deeper than {DEPTH_LIMIT} levels")], source=source) from None
    except ValueError as error:
        raise ConfigError([("", str(error))], source=source) from None
    return _mapping(value, source)


def read_yaml(text: str, *, source: str = "YAML", limit: int = TEXT_LIMIT) -> dict[str, Any]:
    """The mapping that ``text`` holds, in the plain subset of YAML: no tags, anchors, aliases or duplicate keys."""
    import yaml

    _check_size(text, source, limit)
    try:
        _check_events(text)
        value = _plain_loader()(text).get_single_data()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" at line {mark.line + 1}" if mark else ""
        raise ConfigError([("", f"not valid YAML{where}: {error.problem or error.context}")], source=source) from None
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError([("", f"not valid YAML: {shorten(str(error))}")], source=source) from None
    return _mapping(value, source)


def write_yaml(value: dict[str, Any], *, spread: Collection[str] = ()) -> str:
    """``value`` as YAML, one top-level key a line, in their order; of those named in ``spread`` one entry a line."""
    lines = []
    for key, inner in value.items():
        if key not in spread:
            lines.append(f"{key}: {_flow(inner)}")
        elif isinstance(inner, Mapping):
            lines += [f"{key}:", *(f"  {name}: {_flow(entry)}" for name, entry in inner.items())]
        else:
            lines += [f"{key}:", *(f"- {_flow(entry)}" for entry in inner)]
    return "\n".join(lines) + "\n"


def _flow(value: Any) -> str:
    """``value`` as YAML on one line."""
    import yaml

    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10**6)
    return text.removesuffix("...\n").strip()


def pack(value: dict[str, Any]) -> str:
    """``value`` as URL-safe text: ``"1." + base64url(zlib(JSON))`` without padding."""
    text = json.dumps(value, separators=(",", ":"), sort_keys=True, allow_nan=False)
    packed = base64.urlsafe_b64encode(zlib.compress(text.encode(), 9)).decode().rstrip("=")
    if len(packed) > URL_LIMIT:
        raise ConfigError(
            [("", f"the link would have {len(packed)} characters, more than {URL_LIMIT}: share it as a file")],
            source="link",
        )
    return f"{URL_VERSION}.{packed}"


def unpack(text: str) -> dict[str, Any]:
    """Inverse of :func:`pack`; bounded before and while it unpacks."""
    if not isinstance(text, str) or not text.strip():
        raise ConfigError([("", "is empty")], source="link")
    text = text.strip()
    _check_size(text, "link", URL_LIMIT)
    version, dot, body = text.partition(".")
    if not dot or not re.fullmatch(r"\d{1,6}", version, re.ASCII):
        raise ConfigError([("", f"expected the form '{URL_VERSION}.…', got {shorten(text, 30)}")], source="link")
    if version != URL_VERSION:
        raise ConfigError([("", newer("link", int(version), int(URL_VERSION)))], source="link")
    return read_json(_inflate(body), source="link", limit=UNPACKED_LIMIT)


def newer(what: str, got: int, known: int) -> str:
    """Message for a format version that this program does not know."""
    return (
        f"this {what} has version {got}; this QHN Lab reads version {known}. "
        f"Update QHN Lab, or make the {what} again with this version"
    )


def read_file(path: Path) -> tuple[str, str]:
    """(text, suffix) of a configuration file of at most ``TEXT_LIMIT`` bytes."""
    source = f"file {path.name}"
    suffix = path.suffix.lower()
    if suffix not in (".yaml", ".yml", ".json"):
        raise ConfigError([("", f"expected a name ending in .yaml, .yml or .json, got '{path.name}'")], source=source)
    try:
        with path.open("rb") as handle:
            data = handle.read(TEXT_LIMIT + 1)
    except OSError as error:
        raise ConfigError([("", f"cannot be read: {error.strerror or error}")], source=source) from None
    if len(data) > TEXT_LIMIT:
        raise ConfigError([("", f"is larger than {TEXT_LIMIT} bytes")], source=source)
    try:
        return data.decode("utf-8-sig"), suffix
    except UnicodeDecodeError:
        raise ConfigError([("", "is not UTF-8 text: save it as UTF-8")], source=source) from None


def _inflate(body: str) -> str:
    damaged = ConfigError([("", "is damaged or cut off: copy the whole link again")], source="link")
    try:
        packed = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
        stream = zlib.decompressobj()
        data = stream.decompress(packed, UNPACKED_LIMIT)
    except (binascii.Error, ValueError, zlib.error):
        raise damaged from None
    if stream.unconsumed_tail:
        raise ConfigError([("", f"unpacks to more than {UNPACKED_LIMIT} bytes")], source="link")
    if not stream.eof or stream.unused_data:
        raise damaged
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise damaged from None


def _check_size(text: str, source: str, limit: int) -> None:
    if len(text) > limit:
        raise ConfigError([("", f"has {len(text)} characters, more than {limit}")], source=source)


def _mapping(value: Any, source: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        got = "nothing" if value is None else type(value).__name__
        raise ConfigError([("", f"expected a mapping such as 'steps: 250', got {got}")], source=source)
    _check_plain(value, source, 0)
    return value


def _check_plain(value: Any, source: str, depth: int) -> None:
    """Bound the nesting, and refuse keys that are not text."""
    if depth > DEPTH_LIMIT:
        raise ConfigError([("", f"nested deeper than {DEPTH_LIMIT} levels")], source=source)
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise ConfigError([("", f"expected names as keys, got {shorten(key)}")], source=source)
            _check_plain(inner, source, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _check_plain(inner, source, depth + 1)


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key '{shorten(key)}' occurs twice")
        found[key] = value
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"expected finite numbers, got {name}")


def _check_events(text: str) -> None:
    """Refuse aliases (which can multiply without bound), tags, and deep nesting, before anything is built.

    The pure-Python parser recurses per level, so the depth has to be bounded here, event by event.
    """
    import yaml

    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise ValueError(f"anchors and aliases are not accepted: write the value out (line {_line(event)})")
        if getattr(event, "tag", None):
            raise ValueError(f"tags (words after '!') are not accepted (line {_line(event)})")
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            depth += 1
            if depth > DEPTH_LIMIT:
                raise ValueError(f"nested deeper than {DEPTH_LIMIT} levels")
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            depth -= 1


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _plain_loader() -> Any:
    """A SafeLoader that refuses duplicate keys, and reads 1e-3 as a number, as JSON does."""
    import yaml

    class PlainLoader(yaml.SafeLoader):
        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
            _unique_keys([(key.value, None) for key, _ in node.value if isinstance(key.value, str)])
            return super().construct_mapping(node, deep)

    number = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$")
    PlainLoader.yaml_implicit_resolvers = {k: list(v) for k, v in yaml.SafeLoader.yaml_implicit_resolvers.items()}
    PlainLoader.add_implicit_resolver("tag:yaml.org,2002:float", number, list("-+.0123456789"))
    return PlainLoader
