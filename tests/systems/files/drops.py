"""Files dropped into a folder, and what is read of them."""

import os
import time

from hub import mapping
from hub.systems.connector import Connection
from hub.systems.files import connector

YESTERDAY = time.time() - 86_400


def put(folder, name, content, at=YESTERDAY):
    """Deliver a file that has lain there for a day."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    os.utime(path, (at, at))
    return path


def people(**read):
    """An object of two fields, read as asked."""
    return mapping.Object.model_validate(
        {"name": "people", "is": "worker", "key": "No", "read": {"pattern": "people*.csv"} | read, "fields": {"full_name": "Name"}}
    )


def open_folder(folder, each):
    return connector.connect(
        mapping.System(system="legacy", role="legacy", nested=False, objects={each.name: each}), Connection(str(folder))
    )


def rows(folder, each):
    return [row for page in open_folder(folder, each).read(each, None) for row in page.rows]
