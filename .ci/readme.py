#!/usr/bin/env python3
"""Runs the shell blocks of a README, each as it stands, and compares what they print with the block that follows.

A block ```sh is run by bash; it must exit with 0. A block ```text that follows at once is what it must print, where
a line of only `…` stands for any lines. A block ```sh that holds `# not run here` is for the reader's own pipeline.
"""
import re
import subprocess
import sys


def same(wanted, got):
    pattern = "".join(".*" if line.strip() == "…" else re.escape(line) + "\n" for line in wanted.rstrip("\n").split("\n"))
    return re.fullmatch(pattern, got.rstrip("\n") + "\n", re.DOTALL) is not None


def main():
    text = open(sys.argv[1], encoding="utf-8").read()
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    failed = 0
    for i, (kind, body) in enumerate(blocks):
        if kind != "sh" or "# not run here" in body or "make test" in body:
            continue
        print("$ " + body.strip().replace("\n", "\n  "), flush=True)
        ran = subprocess.run(["bash", "-euo", "pipefail", "-c", body], stdout=subprocess.PIPE, text=True)
        if ran.returncode != 0:
            print(f"exit {ran.returncode}")
            failed += 1
        elif i + 1 < len(blocks) and blocks[i + 1][0] == "text" and not same(blocks[i + 1][1], ran.stdout):
            print("printed:\n" + ran.stdout + "\nbut the README says:\n" + blocks[i + 1][1])
            failed += 1
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
