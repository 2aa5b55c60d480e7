"""The same records brought to files by dlt and by a Singer pipeline: both check types, and neither keeps broken rows aside with a reason.

Singer's tap and target ask for versions of libraries that exclude ours and each other's: `make bench` gives each an environment of its own.
It ends in JSON lines: target-universal-file, which writes Parquet, refuses a column that may be empty.
"""

import json
import os
import subprocess
from pathlib import Path

from benchmarks.measure import ROOT, Clock


def dlt(clock: Clock, folder: str) -> None:
    """dlt's own reader of JSON lines into Parquet. A value of another type than its column's goes to a second column."""
    os.environ |= {"RUNTIME__DLTHUB_TELEMETRY": "false", "DLT_DATA_DIR": str(Path(folder) / "dlt")}
    import dlt
    from dlt.destinations import filesystem as written
    from dlt.sources.filesystem import readers

    pipeline = dlt.pipeline("contracts", destination=written(str(Path(folder) / "dlt-out")), pipelines_dir=str(Path(folder) / "dlt"))
    with clock:
        rows = readers(bucket_url=folder, file_glob="contracts.ndjson").read_jsonl().with_name("contract")
        pipeline.run(rows, loader_file_format="parquet").raise_on_failed_jobs()


def singer(clock: Clock, folder: str) -> None:
    """tap-jsonl into target-jsonl, which checks each record's types (no formats: 31 February passes) and writes JSON lines."""
    (home := Path(folder) / "singer").mkdir()
    told = {"path": str(Path(folder) / "contracts.ndjson"), "stream_name": "contract", "primary_keys": ["Id"]}
    tap, target = _program("tap-jsonl", home, told), _program("target-jsonl", home, {"destination_path": str(home)})
    with clock:
        reading = subprocess.Popen(tap, cwd=home, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        subprocess.run(target, cwd=home, check=True, stdin=reading.stdout, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if reading.wait():
            raise subprocess.CalledProcessError(reading.returncode, tap)


def _program(name: str, home: Path, config: dict) -> list[str]:
    (home / f"{name}.json").write_text(json.dumps(config))
    return [str(ROOT / ".cache" / name / "bin" / name), "--config", str(home / f"{name}.json")]
