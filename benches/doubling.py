#!/usr/bin/env python3
"""Twice the work for twice the stream: whatever is new in each event, no event may cost more because others came before it.

    cargo build --release && benches/doubling.py [PROBE...]

For each probe a stream of n, 2n and 4n is counted in instructions by valgrind's callgrind, as in `instructions.py`. What the
second half of 4n takes is held against what the second half of 2n takes: twice as much where the work is linear, four times
where it is quadratic. More than 2.3 times fails. Tables are small in some probes, so that they are full and forget.
"""

import json
import os
import pathlib
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Callable, Iterator, NamedTuple

from instructions import count, detectors

MOST_GROWTH = 2.3
START = 1_767_600_000
SMALL = "[limits]\nkeys = 500\n"
BARE = "".join(f"[detector.{detector}]\nenabled = false\n" for detector in detectors())
# Each of these remembers something of every user, some of them with a timer.
RULE = """const RULE = #{ severity: "info" };
fn on_event(e) {
  let n = count(e.user, "60s") + distinct("users", e.user, "60s") + distinct(e.user, e.thread, "60s");
  let x = rate(e.user, "60s") + ratio(e.user, e.status == 500, "60s") + sum(e.user, e.status, "60s");
  let seen = first_seen(e.user, "1h");
  let moved = changed(e.user, e.thread);
  let both = pair(e.user, e.status == 7, e.status == 8, "60s");
  spike(e.user, "60s", 3.0);
  since(e.user);
  absent(e.user, "20s", || { print("gone"); });
  metric_inc("seen", #{ user: e.user });
  if n < 0 && x < 0.0 && seen && moved { finding(#{ summary: e.user }); }
}
"""


def word(number: int, kind: int = 0) -> str:
    """A word of letters, so that no miner takes it for a variable; another one for each number and kind."""
    state, letters = (number * 2_654_435_761 + kind * 40_503 + 1) % (1 << 40), ""
    for _ in range(9):
        state, letter = divmod(state, 26)
        letters += chr(97 + letter)
    return letters


def event(i: int, message: str, level: str = "INFO", **members) -> str:
    at = START + i // 200
    return json.dumps({"time": at, "level": level, "module": "app.web", "host": "h1", "message": message} | members)


def first_words(n: int) -> Iterator[str]:
    return (event(i, f"{word(i)} request served from cache node alpha") for i in range(n))


def only_words(n: int) -> Iterator[str]:
    return (event(i, f"{i} {word(i)}") for i in range(n))


def words_in_two_places(n: int) -> Iterator[str]:
    """For each new word four names behind `user`: places open and templates are merged all the time."""
    return (event(i, f"{word(i // 4)} denied to user {word(i, 1)} again", "ERROR", module=word(i // 2, 2)) for i in range(n))


def squares(n: int) -> Iterator[str]:
    """One place opens each time, so that the other, which has had its words, does not."""
    return (event(i, f"of all {word(i % 8, 1)} and then {word(i // 8)} failed") for i in range(n))


def keys(n: int) -> Iterator[str]:
    for i in range(n):
        yield event(
            i, "request took 3 ms", module=word(i), host=word(i, 1), thread=word(i, 2), route=f"/{word(i, 3)}/x",
            trace_id=word(i, 4), status=200, duration_ms=3 + i % 7,
        )


def failing_hosts(n: int) -> Iterator[str]:
    return (event(i, "it failed", "ERROR", host=word(i), error_code=word(i, 1), status=500) for i in range(n))


def failing_modules(n: int) -> Iterator[str]:
    return (event(i, "it failed", "ERROR", module=word(i)) for i in range(n))


def users(n: int) -> Iterator[str]:
    return (event(i, "request", user=word(i), thread=word(i, 1), status=200) for i in range(n))


def traces(n: int) -> Iterator[str]:
    for i in range(n // 3):
        yield f'Exception in thread "{word(i)}" java.lang.{word(i, 1).title()}Error: boom'
        yield f"\tat a.b.{word(i, 2)}.run({word(i, 2)}.java:{i})"
        yield "\tat a.b.Main.main(Main.java:4)"


def one_trace(n: int) -> Iterator[str]:
    yield "java.lang.IllegalStateException: boom"
    yield from (f"\tat a.b.{word(i)}.run({word(i)}.java:{i})" for i in range(n))


def texts(n: int) -> Iterator[str]:
    for i in range(n // 3):
        yield f"{word(i)} {word(i, 1)} fits no layout {word(i, 2)}"
        yield f'time={START + i} level=info msg="{word(i)} began" {word(i, 1)}=1 {word(i, 2)}=2'
        yield f"<13>1 2026-01-05T08:00:00Z {word(i)} {word(i, 1)} {i} - - {word(i, 2)} failed"


def long_messages(n: int) -> Iterator[str]:
    for part in [
        "7", "7 ", "a1b2-", "[", "(", "<", "'", "a'b ", ".", "a:b:", "/a", "a=b ", "a='b ", "a.bException ", "1.2.3.4:5 ",
        "took 3ms ", "a 1 b 2 ", " ", "\n", '"', "é", "x\\\" ", "\n\tat a.b.C.d(C.java:1)", "\nCaused by: a.bException: x\n",
    ]:
        yield event(0, part * (n // len(part)), "ERROR")
    yield event(0, " ".join(word(i) for i in range(n // 10)), "ERROR")


def repeated_words(n: int) -> Iterator[str]:
    """Messages that get longer, of the same words again and again, up to the four kilobytes that are mined."""
    return (event(i, f"{word(i)} 7 " + "a b " * (n // 4)) for i in range(60))


def large_objects(n: int) -> Iterator[str]:
    start = event(0, "hi")[:-1]
    for part in ['"level":"ERROR"', '"message":"x"', '"\\u006cevel":"ERROR"', '"x":[{}]']:
        yield start + f",{part}" * (n // len(part)) + "}"
    yield start + "".join(f',"{word(i)}":1' for i in range(n // 13)) + "}"
    yield start + ',"kubernetes":{' + ",".join(f'"{word(i)}":1' for i in range(n // 13)) + "}}"
    for opens, closes in [("[", "]"), ('{"a":', "}"), ('{"log":', "}")]:
        yield start + ',"log":' + opens * (n // 8) + "1" + closes * (n // 8) + "}"
        yield start + ',"log":' + opens * (n // 8)
    yield start + ',"a":"' + "x" * n
    yield start + ',"a":"' + "\\\\" * (n // 2)


def long_texts(n: int) -> Iterator[str]:
    head = "2026-01-05 08:00:00 "
    for part in ["[", "[a] ", "|", "| a ", " ", '"a ', "a=b ", 'a="b ', ",", "2026-01-05 08:00:00 ", f"{word(1)} "]:
        yield head + part * (n // len(part)) + "x"
        yield part * (n // len(part)) + "x"
    for start, part in [
        ("<13>1 2026-01-05T08:00:00Z h a 1 - [", 'a b="c" '), ("<13>1 2026-01-05T08:00:00Z h a 1 - ", '[a b="c"]'),
        ('1.2.3.4 - - [05/Jan/2026:08:00:00 +0000] "', '\\"'), ("CEF:0|", "a|"), ("", "\t"), ("", "<"), ("", "\x1b[31m"),
    ]:
        yield start + part * (n // len(part))


def long_steps(n: int) -> Iterator[str]:
    """One long line for each step in which a line is read: what is passed over, envelopes, headers, pairs, roles, leniency."""
    time = "2026-01-05T08:00:00Z "
    for start, part in [
        ("", "\ufeff"), ("", "\0"), (time, "\x1b[1;31ma"), (time, "#033[0m "), (time, "#033"),
        (time + "stdout F ", time + "stdout F "), ("<13>Jan  5 08:00:00 h a[1]: ", "<13>Jan  5 08:00:00 h a[1]: "),
        ("api-1  | ", "api-1  | "), (time, "【a】"), (time, "amber-fox "), (time, "a:b "), (time, "(a) "), (time, "<a> "),
        (time, "conn"), (time + "INFO [", "nio"), (time + "INFO ", "a.b"), (time + "INFO done ", "status=503 "),
        (time + "INFO done ", 'a="b" '), (time + "INFO done ", "=,"), (time + "INFO done ", '{"a":1} '),
        (time + "INFO done ", '"GET /a" 500 '), ('{"upstream_response_time":"', "0.1, "), ('{"took":"', "0.1 : "),
        ('{"a":', "NaN,"), ('{"a":[', "1,"), ('{"a":"', "\t"), ('{"stack":["', "at a.b.C.d(C.java:1)\",\""),
        ('{"attributes":[', '{"key":"host.name","value":{"stringValue":"a"}},'), ('{"MESSAGE":[', "104,"),
    ]:
        text = start + part * (n // len(part))
        yield text
        yield text + '"]}'


class Probe(NamedTuple):
    """A stream as long as it is told to be, the shortest of three lengths, and what the filter is told."""

    stream: Callable[[int], Iterator[str]]
    length: int
    config: str = ""
    rule: str = ""


PROBES = {
    "first words": Probe(first_words, 5_000, BARE),
    "first words, full tables": Probe(first_words, 1_500, SMALL),
    "only words": Probe(only_words, 5_000, BARE),
    "words in two places": Probe(words_in_two_places, 2_000),
    "words in two places, by turns": Probe(squares, 4_000, BARE),
    "keys": Probe(keys, 1_500),
    "keys, full tables": Probe(keys, 1_500, SMALL),
    "failing hosts and codes": Probe(failing_hosts, 2_000),
    "failing modules": Probe(failing_modules, 2_000),
    "failing modules, full tables": Probe(failing_modules, 2_000, SMALL),
    "users of a rule": Probe(users, 1_500, BARE, RULE),
    "traces": Probe(traces, 3_000),
    "one trace": Probe(one_trace, 3_000),
    "one trace, joined": Probe(one_trace, 3_000, "[input]\njoin = true\n[output]\ntext = \"json\"\n"),
    "texts": Probe(texts, 2_400),
    "repeated words": Probe(repeated_words, 950, BARE),
    "long messages": Probe(long_messages, 8_192, BARE),
    "large objects": Probe(large_objects, 16_384, BARE),
    "long texts": Probe(long_texts, 8_192, BARE),
    "long steps": Probe(long_steps, 8_192, BARE),
}


def growth(name: str) -> float:
    """How many times as much the second half of the longest stream takes as that of the one before."""
    probe = PROBES[name]
    with tempfile.TemporaryDirectory() as made:
        folder = pathlib.Path(made)
        (folder / "config.toml").write_text(probe.config)
        arguments = ["--config", str(folder / "config.toml")]
        if probe.rule:
            (folder / "rules").mkdir()
            (folder / "rules" / "probe.rhai").write_text(probe.rule)
            arguments += ["--no-shipped-rules", "--rules", str(folder / "rules")]
        counts = [count(arguments, list(probe.stream(probe.length * times)), folder) for times in (1, 2, 4)]
    return (counts[2] - counts[1]) / (counts[1] - counts[0])


def main() -> None:
    names = [name for name in PROBES if not sys.argv[1:] or any(asked in name for asked in sys.argv[1:])]
    begun = time.monotonic()
    grown = []
    with ThreadPoolExecutor(os.cpu_count()) as side_by_side:
        print(f"{'what is new in each event':32}growth for twice as many")
        for name, ratio in zip(names, side_by_side.map(growth, names)):
            print(f"{name:32}{ratio:6.2f}", flush=True)
            if ratio > MOST_GROWTH:
                grown.append(name)
    print(f"{time.monotonic() - begun:.0f} s")
    if grown:
        sys.exit(f"costs more with each event, over {MOST_GROWTH} times for twice as many: {', '.join(grown)}")


if __name__ == "__main__":
    main()
