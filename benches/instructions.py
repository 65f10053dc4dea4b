#!/usr/bin/env python3
"""How many instructions an event costs, stage by stage, counted by valgrind's callgrind: what does not change with the
machine's load. A stage that takes over 10 % more than `instructions.txt` says fails.

    cargo build --release && benches/instructions.py            # compare
    cargo build --release && benches/instructions.py --update   # write down what is counted now

The stream is the demo's own. Each stage is run on a stream and on one twice as long, and the difference is what counts,
so that starting costs nothing. Counts are those of processors with AVX2, which search in longer steps than others.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import tomllib
from concurrent.futures import ThreadPoolExecutor

HERE = pathlib.Path(__file__).resolve().parent
BASELINE = HERE / "instructions.txt"
BINARY = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", HERE.parent / "target")) / "release" / "seismolog"
# Minutes of stream: the shorter, and with it the beginning of the longer. What is between them is long enough that the start of the
# program, which differs by a million from run to run, is a few instructions an event.
MINUTES = (5, 35)
MOST_GROWTH = 1.10
# Of a stage that costs next to nothing so many more are none: it is the difference of two counts, and each varies from run to run, by
# what the secret of the day makes of the table of known messages. A hundredth of an event.
NOISE = 100
# A rule that selects nothing, and one that runs for every event.
IDLE = """const RULE = #{{ select: #{{ level: "INFO", message: #{{ contains: ["spline {0} reticulated", "gyroscope {0} stuck"] }} }} }};
fn on_event(e) {{ finding(#{{ summary: "seen" }}); }}
"""
BUSY = """const RULE = #{ severity: "info" };
fn on_event(e) { if e.status == 599 { finding(#{ summary: e.message }); } }
"""


def detectors() -> list[str]:
    """The names of all detectors, as the configuration has them."""
    printed = subprocess.run([BINARY, "config"], check=True, capture_output=True, text=True).stdout
    return [name for name, table in tomllib.loads(printed)["detector"].items() if isinstance(table, dict)]


def stream(minutes: int) -> list[str]:
    made = subprocess.run(
        [BINARY, "demo", "--emit", "--faults", "none", "--minutes", str(minutes)], check=True, capture_output=True, text=True
    )
    return made.stdout.splitlines()


def laid_out(line: str) -> str:
    """The event as a line of text, as Java's loggers write it."""
    event = json.loads(line)
    time = event["timestamp"][:23].replace("T", " ")
    return f"{time} {event['level']:>5} 4242 --- [{event.get('thread', 'main')}] {event['module']} : {event['message']}"


def count(arguments: list[str], lines: list[str], folder: pathlib.Path) -> int:
    """Instructions of one run over these lines."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SEISMOLOG_")}
    with tempfile.TemporaryFile(dir=folder) as stdin:
        stdin.write(("\n".join(lines) + "\n").encode())
        stdin.seek(0)
        ran = subprocess.run(
            ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", BINARY, "run", *arguments],
            stdin=stdin, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment, check=False,
        )
    found = re.search(r"Collected : (\d+)", ran.stderr)
    if ran.returncode != 0 or found is None:
        sys.exit(f"{' '.join(arguments)} failed:\n{ran.stderr}")
    return int(found[1])


def measure() -> dict[str, int]:
    streams = [stream(minutes) for minutes in MINUTES]
    texts = [[laid_out(line) for line in lines] for lines in streams]
    events = len(streams[1]) - len(streams[0])
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        quiet = folder / "quiet.toml"
        quiet.write_text("".join(f"[detector.{detector}]\nenabled = false\n" for detector in detectors()))
        rules = {"idle": [IDLE.format(number) for number in range(100)], "busy": [BUSY]}
        for kind, sources in rules.items():
            (folder / kind).mkdir()
            for number, source in enumerate(sources):
                (folder / kind / f"{kind}_{number}.rhai").write_text(source)

        def an_event(run: tuple) -> int:
            lines, *arguments = run
            shorter, longer = (count([str(argument) for argument in arguments], some, folder) for some in lines)
            return round((longer - shorter) / events)

        runs = [
            (streams, "--config", quiet, "--no-shipped-rules"),
            (streams, "--no-shipped-rules"),
            (streams,),
            (texts,),
            (streams, "--rules", folder / "idle"),
            (streams, "--rules", folder / "busy"),
        ]
        # Side by side: what is counted does not depend on what else runs.
        with ThreadPoolExecutor(os.cpu_count()) as side_by_side:
            bare, detected, whole, text, idle, busy = side_by_side.map(an_event, runs)
        return {
            "read, look and write": bare,
            "detectors": detected - bare,
            "shipped rules": whole - detected,
            "all of it": whole,
            "all of it, text": text,
            "100 idle rules": idle - whole,
            "a rule on every event": busy - whole,
        }


def main() -> None:
    counts = measure()
    if "--update" in sys.argv:
        BASELINE.write_text("".join(f"{stage:24}{number:7}\n" for stage, number in counts.items()))
    expected = dict(re.fullmatch(r"(.*?) +(\d+)", line).groups() for line in BASELINE.read_text().splitlines())
    grown = []
    print(f"{'instructions an event':24}{'now':>7}{'so far':>8}")
    for stage, number in counts.items():
        before = int(expected.get(stage, 0))
        print(f"{stage:24}{number:7}{before:8}")
        if number > max(before * MOST_GROWTH, before + NOISE):
            grown.append(stage)
    if grown:
        sys.exit(f"costs more than {BASELINE.name} says, by over a tenth: {', '.join(grown)}")


if __name__ == "__main__":
    main()
