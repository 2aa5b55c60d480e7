"""`python -m hub.twin FOLDER`: write an invented firm's project folder and serve its systems until stopped."""

import argparse
import json
import signal
import threading
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from hub.twin.twin import SYSTEMS, Twin


def main() -> None:
    asked = _arguments()
    stopped = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: stopped.set())
    twin = Twin(asked.seed, asked.scale, asked.systems)
    served = [name for name, simulator in twin.simulators.items() if simulator.app]
    ports = {name: asked.ports_from + number for number, name in enumerate([*served, "control"])} if asked.ports_from else {}
    twin.start(ports, beside={"control": control(twin)})
    twin.write_project(asked.folder)
    print(json.dumps({"folder": str(asked.folder), "control": twin.urls.pop("control"), "systems": twin.urls}), flush=True)
    stopped.wait()
    twin.stop()


def control(twin: Twin) -> Starlette:
    """Lets other processes steer the twin: POST /people_edit?turn=N; POST /fault {system, kind, argument, method, path, times}."""

    async def people_edit(request: Request) -> JSONResponse:
        return JSONResponse(twin.people_edit(int(request.query_params["turn"])))

    async def fault(request: Request) -> JSONResponse:
        asked = await request.json()
        twin.faults[asked.pop("system")].add(asked.pop("kind"), asked.pop("argument", None), **asked)
        return JSONResponse({})

    return Starlette(routes=[Route("/people_edit", people_edit, methods=["POST"]), Route("/fault", fault, methods=["POST"])])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m hub.twin", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=SYSTEMS, help="all six by default")
    parser.add_argument("--ports-from", type=int, default=0, help="first of six ports in a row; free ones by default")
    return parser.parse_args()


if __name__ == "__main__":
    main()
