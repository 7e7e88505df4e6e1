from __future__ import annotations

import pytest

from laminar.engine.executor import Exit
from laminar.engine.ledger import Failure
from laminar.engine.outcome import Cause, cause_of
from laminar.errors import EngineError
from laminar.model.configuration import Configuration, Container, Timeout

HOW = Configuration(container=Container(memory=512), timeout=Timeout(seconds=1.5))


def cause(exit_: Exit, failure: Failure | None = None, *, timed_out: bool = False, executor: str = "docker") -> Cause:
    return cause_of(exit_, failure, HOW, timed_out=timed_out, executor=executor)


@pytest.mark.parametrize(
    ("exit_", "kind", "words", "exit_code"),
    [
        (Exit(code=137, oom=True), "user", "out of memory at 512 MiB", 1),
        (Exit(code=137), "infrastructure", "killed (SIGKILL), cause unknown", 3),
        (Exit(code=-9), "infrastructure", "killed (SIGKILL), cause unknown", 3),
        (Exit(code=0), "user", "exited 0 without committing", 1),
        (Exit(code=0, oom=True), "user", "exited 0 without committing", 1),
        (Exit(code=7), "user", "exited 7 without committing and without saying why", 1),
        (Exit(code=139), "user", "crashed (SIGSEGV), exit code 139", 1),
        (Exit(code=-6), "user", "crashed (SIGABRT), exit code -6", 1),
        (Exit(code=143), "infrastructure", "ended by SIGTERM, exit code 143", 3),
        (Exit(code=128 + 33), "infrastructure", "ended by signal 33, exit code 161", 3),
        (Exit(code=255), "user", "exited 255 without committing and without saying why", 1),
        (Exit(vanished=True), "infrastructure", "the container vanished: it is gone and left no exit state", 3),
        (Exit(), "infrastructure", "the container vanished: it is gone and left no exit state", 3),
        (Exit(code=125, error=EngineError("no image.", remedy="Build it.")), "refused", "no image.", 3),
    ],
    ids=repr,
)
def test_how_a_process_ended_without_a_word(exit_: Exit, kind: str, words: str, exit_code: int) -> None:
    found = cause(exit_)
    assert (found.kind, found.words, found.exit_code) == (kind, words, exit_code)
    assert found.remedy


def test_a_process_of_this_machine_is_no_container() -> None:
    assert cause(Exit(vanished=True), executor="process").words.startswith("the process vanished")


def test_what_the_process_recorded_says_more_than_its_exit_code() -> None:
    failure = Failure("user", "ValueError", "on purpose", "", "the traceback")
    found = cause(Exit(code=1), failure)
    assert found == Cause("user", "ValueError: on purpose", "", "the traceback", 1, "the traceback")
    assert cause(Exit(code=1), Failure("user", "ValueError", "")).words == "ValueError"


def test_a_rule_of_laminars_that_the_layer_broke_is_refused_and_the_layers_own() -> None:
    found = cause(Exit(code=1), Failure("refused", "LayerError", "cannot be pickled.", "Keep it elsewhere."))
    assert (found.kind, found.exit_code, found.words) == ("refused", 1, "cannot be pickled.")


def test_other_code_in_the_image_is_refused_and_infrastructure() -> None:
    assert cause(Exit(code=3), Failure("refused", "SkewError", "other code.")).exit_code == 3
    assert cause(Exit(code=3), Failure("infrastructure", "StoreError", "disk full.")).kind == "infrastructure"


def test_a_timeout_is_the_users_whatever_the_exit_looks_like() -> None:
    for exit_ in (Exit(code=143), Exit(code=137), Exit(vanished=True)):
        found = cause(exit_, timed_out=True)
        assert (found.kind, found.words, found.exit_code) == ("user", "timed out after 1.5 s", 1)
