"""What `list`, `show` and the like print for people. Ids are fixed; times, digests and versions are taken out."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from tests.cli.conftest import Seen

TEXTS = {
    "list": """\
FLOW       EXECUTION  STATE       AGE  TIME  LAYERS
HelloFlow  bad-1      ✗ failed    AGE  0/5
OtherFlow  first      ✓ finished  AGE  SPAN  1/1
HelloFlow  first      ✓ finished  AGE  SPAN  5/5
""",
    "list --flow HelloFlow --limit 1": """\
FLOW       EXECUTION  STATE     AGE  TIME  LAYERS
HelloFlow  bad-1      ✗ failed  AGE  0/5
""",
    "show HelloFlow:first": """\
HelloFlow first  ✓ finished
  target      main:HelloFlow
  began       TIME (AGE)
  took        SPAN
  executor    process, VERSIONS
  parameters  n = 3

  Source   ✓ finished  1/1  SPAN  PEAK
  Process  ✓ finished  3/3  SPAN  PEAK  4 attempts
  Join     ✓ finished  1/1  SPAN  PEAK
  Gate     ─ skipped                                        Gate.only_if_big returned False
  Report   ─ skipped                                        Gate, which it depends on, was skipped
""",
    "show bad": """\
HelloFlow bad-1  ✗ failed
  target      main:HelloFlow
  began       TIME (AGE)
  executor    process, VERSIONS
  parameters  n = -1

  Source   ✗ failed   0/1    PEAK
  Process  ○ waiting                        waits for Source
  Join     ○ waiting                        waits for Process
  Gate     ○ waiting                        waits for Join
  Report   ○ waiting                        waits for Gate

  Source: ValueError: n is -1
    laminar show bad-1/Source
""",
    "show bad/Source": """\
bad-1/Source  ✗ failed
  flow      HelloFlow
  splits    0 of 1 split finished
  attempts  1
  asks for  cpu 1, memory 1500 MiB
  used      N MiB of memory at most, in its largest process

  /0  ✗ failed  attempt 1  SPAN  ValueError: n is -1
""",
    "show bad/Source/0": """\
bad-1/Source/0  ✗ failed
  flow  HelloFlow

  attempt 1  ✗ failed
    Traceback (most recent call last):
      File "HERE/main.py", line 10, in __call__
        raise ValueError(f"n is {parameters.n}")
    ValueError: n is -1
    began      TIME (AGE)
    took       SPAN
    asked for  cpu 1, memory 1500 MiB
    used       SPAN  of processor time, N MiB of memory at most, in its largest process
    log        SIZE

  laminar logs bad-1/Source/0
""",
    "show bad/Join": """\
bad-1/Join  ○ waiting
  flow      HelloFlow
  asks for  cpu 1, memory 1500 MiB
""",
    "show HelloFlow:first/Process": """\
HelloFlow:first/Process  ✓ finished
  flow      HelloFlow
  splits    3 of 3 splits finished
  attempts  4
  began     TIME (AGE)
  took      SPAN
  asks for  cpu 1, memory 1500 MiB, attempts 2, delay 0
  used      N MiB of memory at most, in its largest process

  artifacts
    score  int  3 B  0 (first of 3 splits)

  /0  ✓ finished  attempt 1  SPAN
  /1  ✓ finished  attempt 2  SPAN
  /2  ✓ finished  attempt 1  SPAN
""",
    "show HelloFlow:first/Process --limit 1": """\
HelloFlow:first/Process  ✓ finished
  flow      HelloFlow
  splits    3 of 3 splits finished
  attempts  4
  began     TIME (AGE)
  took      SPAN
  asks for  cpu 1, memory 1500 MiB, attempts 2, delay 0
  used      N MiB of memory at most, in its largest process

  artifacts
    score  int  3 B  0 (first of 3 splits)

  /0  ✓ finished  attempt 1  SPAN
  and 2 splits more (--limit 0 shows all)
""",
    "show HelloFlow:first/Process/1": """\
HelloFlow:first/Process/1  ✓ finished
  flow      HelloFlow
  element   Source.parts: split 0, item 1
  inputs    Source DIGEST
  commit    DIGEST
  code      DIGEST
  versions  VERSIONS

  attempt 1  ✗ failed
    Traceback (most recent call last):
      File "HERE/main.py", line 26, in __call__
        raise ValueError("part 1 has no header")
    ValueError: part 1 has no header
    began      TIME (AGE)
    took       SPAN
    asked for  cpu 1, memory 1500 MiB, attempts 2, delay 0
    used       SPAN  of processor time, N MiB of memory at most, in its largest process
    log        SIZE

  attempt 2  ✓ finished
    began      TIME (AGE)
    took       SPAN
    asked for  cpu 1, memory 1500 MiB, attempts 2, delay 0
    used       SPAN  of processor time, N MiB of memory at most, in its largest process
    log        SIZE

  artifacts
    score  int  1 B  2

  laminar logs HelloFlow:first/Process/1
""",
    "show HelloFlow:first/Join/0": """\
HelloFlow:first/Join/0  ✓ finished
  flow      HelloFlow
  inputs    Process DIGEST
  commit    DIGEST
  code      DIGEST
  versions  VERSIONS

  caught
    Traceback (most recent call last):
      File "HERE/main.py", line 33, in __call__
        raise KeyError("kept")
    KeyError: 'kept'

  attempt 1  ✓ finished
    began      TIME (AGE)
    took       SPAN
    asked for  cpu 1, memory 1500 MiB
    used       SPAN  of processor time, N MiB of memory at most, in its largest process
    log        SIZE

  artifacts
    total  int  1 B  6

  laminar logs HelloFlow:first/Join/0
""",
    "show HelloFlow:first/Gate": """\
HelloFlow:first/Gate  ─ skipped
  flow      HelloFlow
  splits    0 of 0 splits finished
  skipped   Gate.only_if_big returned False
  asks for  cpu 1, memory 1500 MiB
""",
    "show OtherFlow:first/Only/0": """\
OtherFlow:first/Only/0  ✓ finished
  flow      OtherFlow
  commit    DIGEST
  code      DIGEST
  versions  VERSIONS

  attempt 1  ✓ finished
    began      TIME (AGE)
    took       SPAN
    asked for  cpu 1, memory 1500 MiB
    used       SPAN  of processor time, N MiB of memory at most, in its largest process
    log        SIZE

  artifacts
    escape  str  15 B  '\\x1b[31mred'

  laminar logs OtherFlow:first/Only/0
""",
    "logs HelloFlow:first": """\
Source/0 | reading 3
Process/0 | part 0
Process/0 | of three parts
Process/1 | part 1
Process/1 | of three parts
Process/2 | part 2
Process/2 | of three parts
""",
    "logs HelloFlow:first/Process/1": """\
part 1
of three parts
""",
    "logs HelloFlow:first/Process --tail 1": """\
Process/0 | of three parts
Process/1 | of three parts
Process/2 | of three parts
""",
    "logs HelloFlow:first/Process/1 --follow": """\
part 1
of three parts
""",
    "artifact HelloFlow:first": """\
Source   odd    set    20 B  set of 2
Source   parts  shard        3 items
Source   raw    bytes   2 B  b'\\x00\\xff'
Source   table  dict   13 B  dict of 1
Source   title  str    13 B  'three parts'
Process  score  int     3 B  0
Join     total  int     1 B  6
""",
    "artifact HelloFlow:first/Process/1": """\
Process  score  int  1 B  2
""",
    "artifact bad": """\
""",
    "artifact HelloFlow:first/Process score": """\
0
2
4
""",
    "artifact HelloFlow:first/Process/1 score": """\
2
""",
    "artifact HelloFlow:first/Source parts": """\
0
1
2
""",
    "artifact HelloFlow:first/Source title": """\
three parts""",
    "artifact HelloFlow:first/Source table": """\
{"a": [1, 2]}
""",
    "graph main:HelloFlow": """\
HelloFlow
  Source
  Process  after Source; for each Source.parts
  Join     after Process
  Gate     after Join
  Report   after Gate
""",
    "graph bad": """\
HelloFlow bad-1
  Source   ✗ failed   0/1
  Process  ○ waiting       after Source
  Join     ○ waiting       after Process
  Gate     ○ waiting       after Join
  Report   ○ waiting       after Gate
""",
    "graph HelloFlow:first --format mermaid": """\
flowchart TD
  n0["Source<br/>finished 1/1"]
  n1["Process<br/>for each Source.parts<br/>finished 3/3"]
  n2["Join<br/>finished 1/1"]
  n3["Gate<br/>skipped"]
  n4["Report<br/>skipped"]
  n0 --> n1
  n1 --> n2
  n2 --> n3
  n3 --> n4
  classDef finished fill:#c8e6c9,color:#000
  class n0,n1,n2 finished
  classDef skipped fill:#eeeeee,color:#000
  class n3,n4 skipped
""",
    "graph HelloFlow:first --format dot": """\
digraph "HelloFlow" {
  node [shape=box];
  "Source" [label="Source\\nfinished 1/1", style=filled, fillcolor="#c8e6c9"];
  "Process" [label="Process\\nfor each Source.parts\\nfinished 3/3", style=filled, fillcolor="#c8e6c9"];
  "Join" [label="Join\\nfinished 1/1", style=filled, fillcolor="#c8e6c9"];
  "Gate" [label="Gate\\nskipped", style=filled, fillcolor="#eeeeee"];
  "Report" [label="Report\\nskipped", style=filled, fillcolor="#eeeeee"];
  "Source" -> "Process";
  "Process" -> "Join";
  "Join" -> "Gate";
  "Gate" -> "Report";
}
""",
    "plan main:HelloFlow -p n=1": """\
HelloFlow
  Source   ● to run
  Process  ● to run   one split for each of Source.parts; waits for Source
  Join     ● to run   waits for Process
  Gate     ? unknown  decided by Gate.only_if_big at run time
  Report   ? unknown  skipped if Gate is
  To run: 5 of 5 layers, 2 splits and those that the run decides.
""",
    "plan main:HelloFlow first": """\
HelloFlow on first
  Source   ✓ done     committed AGE
  Process  ✓ done     committed AGE
  Join     ✓ done     committed AGE
  Gate     ─ skipped  Gate.only_if_big returned False
  Report   ─ skipped  Gate, which it depends on, was skipped
  Nothing is left to run.
""",
    "plan bad": """\
HelloFlow on bad-1
  Source   ● to run   1 of 1 split: 1 failed
  Process  ● to run   one split for each of Source.parts; waits for Source
  Join     ● to run   waits for Process
  Gate     ? unknown  decided by Gate.only_if_big at run time
  Report   ? unknown  skipped if Gate is
  To run: 5 of 5 layers, 2 splits and those that the run decides.
""",
    "config": """\
flow          -         default
app_dir       .         default
executor      docker    default
datastore     .laminar  default
image         -         default
images        -         default
mount         -         default
hardened      false     default
max_parallel  -         default
fail_fast     false     default
allow_skew    false     default
pickle        allow     default
progress      auto      default
logs          false     default
""",
}
"""Command -> all that it prints."""


@pytest.mark.parametrize("command", TEXTS)
def test_what_people_read(seen: Seen, command: str) -> None:
    assert seen.look(command) == TEXTS[command]


@pytest.mark.parametrize("what", ["main:HelloFlow", "bad"])
def test_a_picture_is_all_that_stands_on_stdout(seen: Seen, what: str) -> None:
    picture = seen.look(f"graph {what} --format svg")
    root = ElementTree.fromstring(picture)
    texts = [text for element in root.iter() if element.tag.endswith("text") and (text := element.text)]
    assert [text for text in texts if text in ("Source", "Process", "Join", "Gate", "Report", "failed", "waiting")] == (
        ["Source", "Process", "Join", "Gate", "Report"]
        if what != "bad"
        else ["Source", "failed", "Process", "waiting", "Join", "waiting", "Gate", "waiting", "Report", "waiting"]
    )
