"""Makes a new project folder for a firm."""

import json
from pathlib import Path

from hub.errors import ConfigurationWrong
from hub.firm_settings import check_currency

SETTINGS = """\
# The firm that this folder integrates: its systems, and where they are. Every key: docs/firm.md of the hub.
firm: {name}
currency: {currency}                      # of reports; every amount keeps its own
state: state                       # the hub, its snapshots, and the journal: back up the journal

# journal: env:CONCORD_JOURNAL     # a team keeps it in PostgreSQL
# policies: policies.yaml          # which corrections need no consent, instead of the hub's own
# controls: controls.yaml          # who consents, four eyes, how much at once, instead of the hub's own
# ownership: ownership.yaml        # which system owns which field, instead of the hub's own
# retention: {{snapshots: 400, cuts: 30, values: 365}}   # days; `hub retain` forgets what is older

# One entry a system, under the name that it has here; put entries like these in the place of {{}}.
# Secrets stay out of this file: env:NAME, keyring:service/name or file:path say where each is.
systems: {{}}
#  salesforce:
#    kind: salesforce              # a folder under hub/systems
#    url: https://example.my.salesforce.com
#    secrets: {{client_id: env:SF_CLIENT_ID, client_secret: keyring:concord/salesforce}}
#  legacy:
#    kind: files                   # or ./legacy, when legacy/system.yaml here describes your own files
#    url: drop                     # the folder that they are dropped into
"""
README = """\
# {name}

The systems are listed in `concord.yaml`; files that a system delivers go to `drop/`.
`hub run` observes, understands, compares and corrects once. Reports are put into `out/`.
`state/` holds the hub and the journal. Back up the journal; everything else can be rebuilt from it and the snapshots.
"""


def write_new(folder: Path, name: str, currency: str = "EUR") -> Path:
    """Make a project folder and return its concord.yaml. Raises ConfigurationWrong when it holds a project already."""
    check_currency(currency)
    # Quoted, so that any name is one YAML text.
    files = {
        "concord.yaml": SETTINGS.format(name=json.dumps(name, ensure_ascii=False), currency=currency),
        "README.md": README.format(name=name),
        ".gitignore": "/state/\n/out/\n/secrets/\n",
        "drop/.gitkeep": "",
    }
    if found := [each for each in files if (folder / each).exists()]:
        raise ConfigurationWrong(f"{folder} holds {', '.join(found)} already; name another folder, or remove them first")
    for each, text in files.items():
        (folder / each).parent.mkdir(parents=True, exist_ok=True)
        (folder / each).write_text(text, encoding="utf-8")
    return folder / "concord.yaml"
