"""Validates the calls that `tests/constrain_lists.rs` has written down, with a validator that is not ours.

    CALLWRIGHT_TEST_LISTS=all cargo test --features candle --test constrain_lists -- --nocapture
    pip install 'jsonschema[format]'
    python3 tests/validate_calls.py target/tmp/calls.jsonl

A call is invalid only where it breaks what was not told beforehand; what was told is counted and listed by keyword.
"""

import collections
import json
import re
import sys

from jsonschema import validators

KNOWN = {"date-time", "date", "time", "duration", "email", "hostname", "ipv4", "ipv6", "uri", "uuid"}


def main(path: str) -> int:
    calls, told_calls, invalid = 0, 0, []
    told = collections.Counter()
    for line in open(path, encoding="utf-8"):
        call = json.loads(line)
        calls += 1
        keywords = {found for cause in call["told"] for found in re.findall(r"^`(\w+)` of", cause)}
        told_calls += bool(keywords)
        kind = validators.validator_for(call["schema"], default=validators.Draft202012Validator)
        checker = kind.FORMAT_CHECKER
        errors = list(kind(call["schema"], format_checker=checker).iter_errors(call["arguments"]))
        for error in errors:
            leaves = [error]
            while any(leaf.context for leaf in leaves):
                leaves = [inner for leaf in leaves for inner in (leaf.context or [leaf])]
            names = {leaf.validator for leaf in leaves} | {error.validator}
            if "format" in names and all(leaf.validator_value not in KNOWN for leaf in leaves if leaf.validator == "format"):
                continue
            if names & keywords:
                told.update(names & keywords)
            else:
                invalid.append(f"{call['place']}: {error.json_path}: {error.message[:200]}")
    print(f"{calls} calls, {told_calls} told something, {len(invalid)} invalid, told and broken: {dict(told)}")
    for text in invalid[:50]:
        print(" ", text)
    return bool(invalid)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
