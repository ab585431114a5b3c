"""`sdxl-reg serve`: the REST API and the pages, from this machine's registry."""

import errno
import logging
import socket
from ipaddress import ip_address
from typing import TYPE_CHECKING

import click
from sqlalchemy import Engine

from sdxl_reg.catalog.access.users import has_users
from sdxl_reg.errors import Conflict, InvalidValue
from sdxl_reg.store.database import reading
from sdxl_reg_cli.console import json_option, print_json, say
from sdxl_reg_cli.installation import opened

if TYPE_CHECKING:
    from fastapi import FastAPI

_OWN_NAMES = ("localhost", "127.0.0.1", "[::1]")


@click.command(
    epilog="""\b
Examples:
  sdxl-reg serve --open
  sdxl-reg user add anna --admin                 from now on, everybody signs in
  sdxl-reg serve --host 0.0.0.0 --port 8080      for everybody in your network
"""
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="Port; 0 takes a free one.",
)
@click.option(
    "--name",
    "names",
    multiple=True,
    help="A name under which it is reached, as behind a proxy; may be given several times.",
)
@click.option(
    "--log",
    type=click.Choice(["faults", "text", "json"]),
    default="faults",
    show_default=True,
    help="On stderr: faults only, or every request too, as text or as JSON lines.",
)
@click.option("--open", "in_browser", is_flag=True, help="Open the pages in a browser.")
@json_option
def serve(
    host: str, port: int, names: tuple[str, ...], log: str, in_browser: bool, as_json: bool
) -> None:
    """Serve the REST API and the pages until Ctrl-C.

    Without users, whoever is on this machine may do everything, and nobody else is served. From
    the first user on, everybody has to sign in: see sdxl-reg user.

    Looking changes nothing. Pictures that are drawn there, cells that are chosen and votes are
    recorded; training and drawing end with the server, and go on when it is asked to.
    """
    with listening(host, port) as bound, opened() as registry:
        is_loopback = _is_loopback(bound)
        if not is_loopback:
            _require_users(registry.engine, host)
        from sdxl_reg.web.app import create_app
        from sdxl_reg.web.dependencies import Registry

        app = create_app(
            Registry(engine=registry.engine, store=registry.store, settings=registry.settings),
            hosts=(*_OWN_NAMES, *names) if is_loopback else (*(names or ("*",)), host),
        )
        address = address_of(bound)
        _announce(address, as_json=as_json)
        if in_browser:
            click.launch(address)
        try:
            _run(app, bound, log)
        finally:  # it ends with the server; a second Ctrl-C leaves that out
            app.state.working.close()


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens, so that a taken port is known before anything else is done.

    Raises:
        Conflict: Another program listens there.
        InvalidValue: This machine has no such address, or the port is reserved.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        bound = socket.create_server((host, port), family=family, backlog=128)
        # asyncio sends at once only through sockets that say they are TCP; through others an answer
        # on an open connection waits some 40 ms for the other side to acknowledge its headers.
        return socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, bound.detach())
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise Conflict(
                f"port {port} of {host} is in use",
                remedy=f"Stop what listens there, or: sdxl-reg serve --port {port + 1 & 0xFFFF}",
            ) from error
        raise InvalidValue(
            f"cannot listen ({error.strerror})",
            f"{host} port {port}",
            remedy="Give an address of this machine and a port from 1024: --host 127.0.0.1",
        ) from error


def _require_users(engine: Engine, host: str) -> None:
    """Refuse to be open to a whole network.

    Raises:
        Conflict: There are no users.
    """
    with reading(engine) as session:
        if not has_users(session):
            raise Conflict(
                f"{host} can be reached by others, and nobody would have to sign in",
                remedy="Make an admin first: sdxl-reg user add NAME --admin",
            )


def address_of(bound: socket.socket) -> str:
    """The address to type into a browser."""
    host, port = bound.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


def _is_loopback(bound: socket.socket) -> bool:
    return ip_address(bound.getsockname()[0]).is_loopback


def _announce(address: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"url": address, "api": f"{address}api/v1", "openapi": f"{address}openapi.json"})
    say(f"Serving {address}   (the API: {address}api, to stop: Ctrl-C)")


def _run(app: "FastAPI", bound: socket.socket, log: str) -> None:
    import uvicorn

    from sdxl_reg.web.serving import Server

    _log_to_stderr(log)
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=3,
    )
    try:
        Server(app, config).run(sockets=[bound])
    except KeyboardInterrupt:  # the way it is meant to end
        say("Stopped.")


def _log_to_stderr(form: str) -> None:
    from sdxl_reg.web.observing import ACCESS, JsonLines

    handler = logging.StreamHandler()
    text = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    handler.setFormatter(JsonLines() if form == "json" else text)
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    if form != "faults":
        ACCESS.setLevel(logging.INFO)
