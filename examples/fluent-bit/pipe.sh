#!/bin/sh
# Fluent Bit's standard output through seismolog. Fluent Bit does not notice a reader that has died, so this is for a
# look at a stream; for a pipeline take forward.yaml.
set -eu
fluent-bit -q -i tail -p path="$1" -p read_from_head=true -o stdout -p format=json_lines -p json_date_format=iso8601 |
    exec seismolog --log findings.log
