"""Whether a server can be opened at an address and port; refused with a remedy otherwise."""

from __future__ import annotations

import errno
import socket

from qhn_core.errors import InvalidArgument, StoreError


class PortTaken(StoreError):
    """The port cannot be opened: another program has it, or it needs rights."""


def check_port(address: str, port: int) -> None:
    """Refuse what a server could not open.

    Raises:
        InvalidArgument: no port, or no address of this machine.
        PortTaken: in use, or not for this user; the message names a port that is free.
    """
    if not 1 <= port <= 65535:
        raise InvalidArgument("port", expected="a number from 1 to 65535", got=port)
    error = _blocked(address, port)
    if error is None:
        return
    if isinstance(error, socket.gaierror):
        raise InvalidArgument("address", expected="an address of this machine", got=address, remedy="Try 127.0.0.1.")
    if isinstance(error, PermissionError):
        raise PortTaken(f"port {port} needs administrator rights. Choose one from 1024 up: --port 8501")
    if error.errno == errno.EADDRINUSE:
        free = next((p for p in range(port + 1, min(port + 50, 65536)) if _blocked(address, p) is None), None)
        other = f"choose another one: --port {free}" if free else "choose another one with --port."
        raise PortTaken(
            f"port {port} on {address} is in use, perhaps by a QHN Lab that already runs (open "
            f"http://{address}:{port}). Stop that program, or {other}"
        )
    raise PortTaken(f"Cannot serve on {address}:{port}: {error.strerror or error}.")


def _blocked(address: str, port: int) -> OSError | None:
    """Why the port cannot be opened, or None."""
    try:
        family, kind, _, _, where = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does: a port just left is free
            probe.bind(where)
    except OSError as error:
        return error
    return None
