#!/bin/sh
# A station of a production line: flashes all boards, and keeps a report and a verdict of each.
#
#     examples/production_line.sh firmware.elf      the boards of ocd.toml in this folder or above
#     examples/production_line.sh                   three virtual boards; needs an `ocd` with the
#                                                   feature `virtual`, and `openocd`
#
# It writes report.jsonl, prints PASS or FAIL for each board, and ends with the status of `ocd`.
set -u

if [ $# -eq 0 ]; then
    folder=$(mktemp -d)
    trap 'rm -r "$folder"' EXIT
    firmware=$(cd "$(dirname "$0")" && pwd)/firmware/counter.elf
    cd "$folder" || exit 71
    for slot in 1 2 3; do
        printf '[boards.slot%s]\nvirtual = true\n' "$slot"
    done >ocd.toml
    # The last one is another chip than the line is for.
    echo 'expect = "0x12345678"' >>ocd.toml
else
    firmware=$1
fi

# Standard output has a line of JSON for each board, and nothing else.
ocd flash "$firmware" --all-boards --json --progress none --timeout 60s >report.jsonl
status=$?

# The last line of a board has its exit status; 0 means written, verified and started.
sed -n 's/.*"board":"\([^"]*\)","type":"[a-z]*","status":\([0-9]*\),.*/\1 \2/p' report.jsonl | sort |
    while read -r board result; do
        case $result in
            0) echo "$board PASS" ;;
            72 | 76) echo "$board FAIL: check the station ($result)" ;;
            73) echo "$board FAIL: check the contact, or it is another chip" ;;
            *) echo "$board FAIL ($result)" ;;
        esac
    done

case $status in
    64 | 71) echo "the command or a setting is wrong: stop the line" >&2 ;;
esac
exit $status
