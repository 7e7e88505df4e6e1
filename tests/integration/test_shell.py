"""`laminar shell` in containers: like the attempt's, from the same image, and nothing comes of it."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from laminar.executors.docker_shell import run
from tests.conftest import TIMEOUT_S, wait_until
from tests.terminal import Terminal

MAIN = """
import os
from laminar import Flow, Layer, hooks, layers

class F(Flow): ...

@F.register
class Source(Layer):
    def __call__(self) -> None:
        self.shard(parts=[1, 0, 2])

@F.register(
    foreach=layers.ForEach(parameters=[layers.Parameter(layer=Source, attribute="parts")]),
    retry=layers.Retry(attempts=2, delay=0),
    container=layers.Container(memory=200, secrets={"token": "./token.txt"}, volumes=["./data:/data:ro"], env={"MINE": "1"},
                               network="none", shm_size=16),
)
class Process(Layer):
    @hooks.retry
    def more(self) -> None:
        self.configuration.container.memory += 100

    def __call__(self, source: Source) -> None:
        self.whole = 6 // source.parts
        self.shard(bytes=[b"x" * 2000])

@F.register
class Join(Layer):
    def __call__(self, process: Process) -> None:
        self.memory = self.configuration.container.memory
"""

LOOK = """
import os, sys
print(open("/sys/fs/cgroup/memory.max" if os.path.exists("/sys/fs/cgroup/memory.max")
           else "/sys/fs/cgroup/memory/memory.limit_in_bytes").read().strip())
print(os.getuid(), os.getcwd(), os.environ["MINE"], open("/run/secrets/token").read(), open("/data/file").read())
print(layer.attempt, layer.configuration.container.memory, source.parts)
"""


def schedule(project, *options, main=MAIN):
    project.write("main.py", main)
    project.write("token.txt", "secret")
    project.write("data/file", "content")
    result = project.laminar("schedule", "main:F", "--execution", "one", "--progress", "quiet", *options)
    assert result.code == 1, result.err
    return project.digest()


def test_it_is_the_attempts_container_and_nothing_changes(project, engine):
    before = schedule(project)
    owner = project.store.stat().st_uid
    for attempt, memory in ((1, 200), (2, 300)):
        result = project.laminar("shell", "one/Process/1", "--attempt", str(attempt), "--command", LOOK)
        assert (result.code, result.err) == (0, "")
        assert result.out.splitlines() == [
            str(memory << 20),
            f"{owner} /laminar 1 secret content",
            f"{attempt} {memory} 0",
        ]
    failed = project.laminar("shell", "one/Process/1", "-c", "call()")
    assert (failed.code, failed.err.splitlines()[-1]) == (1, "ZeroDivisionError: integer division or modulo by zero")
    done = project.laminar("shell", "one/Process/0", "-c", "print(call().whole, [len(each) for each in layer.bytes])")
    assert (done.code, done.out) == (0, "6 [2000]\n")
    waits = project.laminar("shell", "one/Join", "-c", "call()\nprint(layer.memory)")
    assert (waits.code, waits.out) == (0, "1500\n")
    killed = project.laminar("shell", "one/Process/1", "-c", "b'x' * (1 << 30)")
    killed.fails(137, "the container was killed", "300 MiB of memory", "raise container.memory of layer Process")
    program = ("--", "sh", "-c", "env | grep -c ^LAMINAR_; touch /mnt/laminar/made; exit 9")
    typed = project.laminar("shell", "one/Process/1", *program)
    assert (typed.code, typed.out) == (9, "0\n")
    assert "Read-only file system" in typed.err
    assert project.digest() == before


def test_the_image_is_the_attempts_as_long_as_it_is_there(project, engine, image):
    first = image("shell", "ENV WHICH=first", "COPY main.py ./", main=MAIN)
    schedule(project, "--image", first)
    kept = engine.docker("images", "--quiet", "--no-trunc", first).strip()
    ask = ("shell", "one/Process/1", "-c", "import os; print(os.environ['WHICH'])")
    engine.docker("tag", image("shell-later", "ENV WHICH=second", "COPY main.py ./", main=MAIN), first)
    assert project.laminar(*ask).out == "first\n"
    never = project.laminar("shell", "one/Join", "--image", first, "-c", "import os; print(os.environ['WHICH'])")
    assert never.out == "second\n", never.err

    assert project.laminar("resume", "one", "--image", first, "--progress", "quiet").code == 1
    assert project.laminar(*ask).out == "second\n", "the image of the launch that started that attempt"
    assert project.laminar(*ask, "--attempt", "2").out == "first\n"

    ask = (*ask, "--attempt", "2")
    engine.docker("rmi", kept)
    gone = project.laminar(*ask)
    gone.fails(3, "attempt 2 at Process/1", first, kept[:19], "not on this machine any more", f"--image {first}")
    assert project.laminar(*ask, "--image", first).out == "second\n"
    assert project.laminar(*ask, "--image", "laminar-test:nosuch").code == 3


def test_today_s_code_is_mounted_where_that_is_asked_for(project, engine, image):
    held = image("shell-code", "COPY main.py ./", main=MAIN)
    schedule(project, "--image", held)
    project.write("main.py", MAIN.replace("6 // source.parts", "6 // (source.parts or 1)"))
    ask = ("shell", "one/Process/1", "-c", "print(call().whole)")
    assert project.laminar(*ask).code == 1
    mounted = project.laminar(*ask, "--mount", ".")
    assert (mounted.code, mounted.out) == (0, "6\n"), mounted.err


def test_it_is_hardened_where_the_attempt_was(project, engine):
    project.environ["LAMINAR_HARDENED"] = "1"
    schedule(project)
    del project.environ["LAMINAR_HARDENED"]
    ask = "import os; print(os.access('/usr', os.W_OK), open('/proc/self/status').read().split('CapEff:')[1].split()[0]); "
    result = project.laminar("shell", "one/Process/0", "-c", f"{ask}print(call().whole)")
    assert (result.code, result.out) == (0, "False 0000000000000000\n6\n"), result.err


@pytest.mark.parametrize("at_terminal", [False, True], ids=["no-terminal", "terminal"])
def test_a_program_that_is_not_there_and_one_that_has_its_own_exit_code(project, engine, at_terminal):
    schedule(project)

    def shell(*program: str) -> tuple[int, str]:
        command = ["shell", "one/Process/2", "--", *program]
        if not at_terminal:
            result = project.laminar(*command)
            return result.code, result.out + result.err
        with Terminal([*project.script, *command], project.path) as terminal:
            return terminal.end(), terminal.shown

    code, said = shell("nosuch", "--option")
    assert (code, "-- sh" in said) == (2, True), said
    assert "error: the image of layer Process cannot run 'nosuch': " in " ".join(said.split())
    assert at_terminal or "tini" not in said
    code, said = shell("sh", "-c", "echo mine; nosuch")
    assert (code, "mine" in said, "error:" in said) == (127, True, False), said
    code, said = shell("sh", "-c", "echo docker: mine >&2; exit 126")
    assert (code, "docker: mine" in said, "error:" in said) == (126, True, False), said
    assert engine.containers() == []


def test_a_container_that_cannot_be_started(project, engine):
    schedule(project)
    bad = "@F.register(container=layers.Container(options=['--device=/dev/nosuch']))\nclass Join"
    project.write("main.py", MAIN.replace("@F.register\nclass Join", bad))
    result = project.laminar("shell", "one/Join", "-c", "1")
    result.fails(3, "a container like that of Join/0 cannot be started: ", "/dev/nosuch", "the Container of layer Join")
    assert "docker: " not in result.err


@pytest.fixture
def terminal(project, engine):
    schedule(project)
    with Terminal([*project.script, "shell", "one/Process/1"], project.path) as made:
        yield made


def test_a_shell_at_a_terminal_is_no_attempt_to_anybody_else(project, engine, terminal):
    shown = terminal.until(">>> ")
    assert "one/Process/1  ✗ attempt 2 failed: ZeroDivisionError" in shown
    assert f"  image  laminar:{engine.image.partition(':')[2]}@sha256:" in shown
    assert f"with {project.path} mounted over /laminar" in " ".join(shown.split())
    (name,) = engine.containers("label=laminar.shell=one/Process/1")
    labels = engine.inspect(name)["Config"]["Labels"]
    assert not {"laminar.flow", "laminar.execution", "laminar.layer"} & set(labels)

    project.write("main.py", MAIN.replace("6 // source.parts", "6 // (source.parts or 1)"))
    assert project.laminar("resume", "one", "--progress", "quiet").code == 0
    assert project.laminar("gc", "--keep-last", "1").code == 0
    terminal.type("source.parts, layer.attempt\n")
    assert "(0, 2)" in terminal.until(">>> ")
    terminal.type("import signal; print('wait' + 'ing'); signal.pause()\n")
    terminal.until("waiting")
    terminal.type("\x03")
    assert "KeyboardInterrupt" in terminal.until(">>> ")
    for _ in range(2):
        terminal.type("\0")  # Ctrl-Space: sets the mark, and is a key to leave for no Docker
    terminal.type("print('still ' + 'here')\n")
    terminal.until("still here")
    terminal.until(">>> ")
    terminal.type("\x04")
    assert terminal.end() == 0
    assert engine.containers() == []


def test_no_container_outlives_a_client_that_has_just_detached(project, engine):
    name = f"laminar-shell-{project.path.name}"
    label = f"--label={engine.label}"
    assert run(["docker", "run", "--detach", label, f"--name={name}", engine.image, "sleep", "600"], name) == (0, "")
    assert engine.containers() == []


@pytest.mark.parametrize("how", ["hang up", "kill"])
def test_no_container_outlives_its_terminal(engine, terminal, how):
    terminal.until(">>> ")
    (name,) = engine.containers("label=laminar.shell=one/Process/1")
    with subprocess.Popen(["docker", "wait", name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as ended:
        if how == "kill":
            os.kill(terminal.pid, signal.SIGKILL)
        else:
            terminal.hang_up()
        try:
            ended.wait(TIMEOUT_S)
        finally:
            ended.kill()
    wait_until(lambda: not engine.containers())  # the engine removes it after that
