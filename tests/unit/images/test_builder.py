"""What `docker build` prints, of both builders, in words. The texts are what the engines said."""

from __future__ import annotations

import pytest

from laminar.errors import EngineError, UsageError
from laminar.images.builder import build_command, failure

LEGACY_RUN = """
Sending build context to Docker daemon  3.072kB
Step 1/3 : FROM laminar:0.1.0
 ---> a439803e393c
Step 2/3 : RUN pip install nosuch
 ---> Running in aa20ff961ab5
Collecting nosuch
\x1b[91mERROR: No matching distribution found for nosuch
\x1b[0mThe command '/bin/sh -c pip install nosuch' returned a non-zero code: 1
"""
BUILDKIT_RUN = """
#1 [internal] load build definition from Dockerfile
#1 DONE 0.0s
#4 [1/3] FROM docker.io/library/laminar:0.1.0
#4 CACHED
#5 [2/3] RUN pip install nosuch
#5 0.212 Collecting nosuch
#5 0.398 ERROR: No matching distribution found for nosuch
#5 ERROR: process "/bin/sh -c pip install nosuch" did not complete successfully: exit code: 1
------
 > [2/3] RUN pip install nosuch:
------
ERROR: failed to solve: process "/bin/sh -c pip install nosuch" did not complete successfully: exit code: 1
"""
LEGACY_FROM = """
Step 1/2 : FROM nosuch:1
pull access denied for nosuch, repository does not exist or may require 'docker login'
"""
BUILDKIT_FROM = """
#2 [internal] load metadata for docker.io/library/nosuch:1
#2 ERROR: pull access denied, repository does not exist or may require authorization
ERROR: failed to solve: nosuch:1: pull access denied, repository does not exist or may require authorization
"""


@pytest.mark.parametrize("printed", [LEGACY_RUN, BUILDKIT_RUN], ids=["legacy", "buildkit"])
def test_step_that_fails(printed):
    error = failure(printed.splitlines(), "Dockerfile")
    assert isinstance(error, UsageError)
    assert error.message == "Dockerfile fails at step 2 of 3, RUN pip install nosuch: exit code 1"
    assert error.remedy.splitlines() == [
        "Correct that step. Its last lines:",
        "  Collecting nosuch",
        "  ERROR: No matching distribution found for nosuch",
    ]


@pytest.mark.parametrize("printed", [LEGACY_FROM, BUILDKIT_FROM], ids=["legacy", "buildkit"])
def test_image_that_is_not_there(printed):
    error = failure(printed.splitlines(), "Dockerfile")
    assert isinstance(error, EngineError)
    assert "nosuch:1, which is neither on the engine's machine nor to be pulled: " in error.message
    assert "docker login" in error.remedy


def test_laminars_own_image_that_is_not_there():
    error = failure([line.replace("nosuch:1", "laminar:0.1.0") for line in LEGACY_FROM.splitlines()], "Dockerfile")
    assert "laminar build --base" in error.remedy


@pytest.mark.parametrize(
    ("printed", "kind", "words"),
    [
        ("Error response from daemon: dockerfile parse error line 1: unknown instruction: FRO", UsageError, "line 1"),
        ("ERROR: Cannot connect to the Docker daemon at unix:///var/run/docker.sock.", EngineError, "Cannot connect"),
        ("Step 2/2 : RUN x\nwrite /x: no space left on device", EngineError, "no space left"),
        ('invalid argument "A B" for "-t, --tag" flag: invalid reference format\n\nRun help', UsageError, "A B"),
        ("Step 2/2 : RUN x\nexec /bin/sh: exec format error", EngineError, "format error"),
        ("", UsageError, "cannot be built"),
    ],
)
def test_whose_fault_it_is(printed, kind, words):
    error = failure(printed.splitlines(), "Dockerfile")
    assert type(error) is kind
    assert words in error.message
    assert error.remedy


def test_command():
    command = build_command("-odd", "me:1", "/id", platform="linux/arm64", labels={"a": "b c"}, arguments={"BASE": "x"})
    assert command[:2] == ["docker", "build"]
    assert {"--force-rm", "--tag=me:1", "--platform=linux/arm64", "--label=a=b c", "--build-arg=BASE=x"} < set(command)
    assert command[-2:] == ["--", "-odd"]
