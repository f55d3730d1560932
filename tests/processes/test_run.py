"""Workers: what they answer, how they die, and that nothing of theirs outlives them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from musicsyncd.errors import BadInput, Permanent, Temporary
from musicsyncd.processes import run
from musicsyncd.processes.run import Message, python_worker, run_worker

MISBEHAVING = (sys.executable, "-P", str(Path(__file__).with_name("misbehaving.py")))
PATIENCE = 20.0


async def ask(
    do: str,
    *,
    deadline: float = PATIENCE,
    on_message: Callable[[Message], None] | None = None,
    **request: Any,
) -> Any:
    """Ask the misbehaving worker to do one thing."""
    return await run_worker(MISBEHAVING, {"do": do, **request}, name="test", deadline=deadline, on_message=on_message)


async def shell(script: str, *, deadline: float = PATIENCE) -> Any:
    """Run a shell script as if it were a worker."""
    return await run_worker(["sh", "-c", script], {}, name="test", deadline=deadline)


def is_gone(pid: int) -> bool:
    """Whether the process has ended; a zombie that nobody has reaped yet has."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return Path("/proc/self").exists() or _cannot_be_signalled(pid)
    return state == "Z"


def open_files() -> int:
    """How many file descriptors this process holds."""
    return len(list(Path("/dev/fd").iterdir()))


def _cannot_be_signalled(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def all_gone(*pids: int) -> bool:
    """Whether all of them end within a few seconds."""
    with anyio.move_on_after(5):
        while not all(map(is_gone, pids)):  # noqa: ASYNC110  the kernel sets no event of ours
            await anyio.sleep(0.02)
        return True
    return False


async def test_a_request_crosses_and_comes_back() -> None:
    """Any text, also half a surrogate pair from an undecodable file name, crosses both ways unchanged."""
    text = "Ünïcode 🎵 \n \udcff"
    assert (await ask("echo", text=text))["text"] == text


async def test_a_request_larger_than_any_pipe_buffer_crosses() -> None:
    """Two megabytes each way neither block nor lose a byte."""
    assert len((await ask("echo", text="x" * 2_000_000))["text"]) == 2_000_000


async def test_messages_arrive_in_order_before_the_result() -> None:
    """Progress lines reach the listener, in order."""
    heard: list[Message] = []
    assert await ask("messages", on_message=heard.append) == {"done": True}
    assert heard == [{"progress": 0}, {"progress": 1}, {"progress": 2}]


async def test_what_the_listener_raises_ends_the_worker() -> None:
    """An exception of the listener's comes out as itself, not wrapped in a group."""

    def refuse(message: Message) -> None:
        raise BadInput("enough")

    with pytest.raises(BadInput, match="enough"):
        await ask("messages", on_message=refuse)


async def test_noise_on_stdout_does_not_reach_the_protocol() -> None:
    """What Python, C or a program prints on stdout in the worker does no harm."""
    assert await ask("noise") == {"quiet": True}


async def test_programs_of_the_worker_find_an_empty_stdin() -> None:
    """A program that reads stdin neither hangs nor swallows the sign that the parent is gone."""
    assert await ask("stdin") == {"read": ""}


async def test_classified_errors_keep_class_and_sentences() -> None:
    """What the worker raised is raised here again."""
    with pytest.raises(BadInput) as caught:
        await ask("bad_input")
    assert str(caught.value) == "The file is no music. It is a poem. Sing it."
    with pytest.raises(Temporary) as later:
        await ask("temporary")
    assert later.value.delay == 12.5


@pytest.mark.parametrize(
    ("do", "says"), [("crash", "ZeroDivisionError"), ("memory", "memory"), ("unserialisable", "TypeError")]
)
async def test_unforeseen_errors_are_permanent_and_named(do: str, says: str) -> None:
    """A library's own exception is told, not swallowed and not retried for ever."""
    with pytest.raises(Permanent, match=says):
        await ask(do)


@pytest.mark.parametrize("status", [0, 3])
async def test_ending_without_an_answer_is_temporary(status: int) -> None:
    """Exit status and last words of a worker that answered nothing are told, also after a status of 0."""
    with pytest.raises(Temporary, match=f"status {status} without a result. last words"):
        await ask("exit", status=status)


async def test_being_killed_is_temporary_and_names_the_signal() -> None:
    """The out-of-memory killer's work is told by its signal."""
    with pytest.raises(Temporary, match="SIGKILL"):
        await ask("suicide")


async def test_a_death_with_a_grandchild_left_is_told_at_once() -> None:
    """A grandchild that holds stderr open delays nothing, and is gone."""
    pids: dict[str, Any] = {}
    begun = time.monotonic()
    with pytest.raises(Temporary, match="status 3"):
        await ask("family", then="die", on_message=pids.update, deadline=30)
    assert time.monotonic() - begun < 10
    assert await all_gone(pids["grandchild"])


async def test_an_answer_with_a_grandchild_left_kills_the_grandchild() -> None:
    """What a worker leaves running behind its answer is ended."""
    answer = await ask("family", then="answer")
    assert await all_gone(answer["left"])


async def test_the_deadline_ends_child_and_grandchild() -> None:
    """A worker over its deadline is Temporary, and nothing of it is left."""
    pids: dict[str, Any] = {}
    with pytest.raises(Temporary, match=r"ended after 1\.5 s"):
        await ask("family", then="hang", on_message=pids.update, deadline=1.5)
    assert await all_gone(pids["child"], pids["grandchild"])


async def test_cancelling_ends_child_and_grandchild() -> None:
    """A cancelled caller returns as cancelled after the whole group is dead."""
    pids: dict[str, Any] = {}
    async with anyio.create_task_group() as tasks:

        def begun(message: Message) -> None:
            pids.update(message)
            tasks.cancel_scope.cancel()

        await ask("family", then="hang", on_message=begun)
    assert is_gone(pids["child"])
    assert await all_gone(pids["grandchild"])


PARENT = """
import anyio, sys
from musicsyncd.processes.run import run_worker
def tell(message): print(message["child"], message["grandchild"], flush=True)
async def main():
    request = {"do": "family", "then": "hang"}
    await run_worker(sys.argv[1:], request, name="orphan", deadline=600, on_message=tell)
anyio.run(main)
"""


async def test_a_killed_parent_takes_child_and_grandchild_along() -> None:
    """kill -9 of the daemon leaves no worker and no program of a worker behind."""
    with subprocess.Popen([sys.executable, "-P", "-c", PARENT, *MISBEHAVING], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        parent.send_signal(signal.SIGKILL)
    assert len(pids) == 2
    assert await all_gone(*pids)


def test_a_worker_that_is_never_asked_ends() -> None:
    """A stdin that closes before the request ends the worker with status 1."""
    assert subprocess.run(MISBEHAVING, stdin=subprocess.DEVNULL, timeout=20, check=False).returncode == 1


async def test_a_long_line_arrives_whole() -> None:
    """A result of a few megabytes, parsed in a thread, is complete."""
    assert len((await ask("giant", size=3_000_000))["text"]) == 3_000_000


async def test_a_line_over_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that never ends its line cannot fill the daemon's memory."""
    monkeypatch.setattr(run, "LONGEST_LINE", 200_000)
    with pytest.raises(Temporary, match="more than 200000 bytes"):
        await shell("yes | tr -d '\\n'")


@pytest.mark.parametrize("line", ["hello", "3", "[1]", '{"result": ', "\\377\\376"])
async def test_a_line_that_is_no_json_object_is_temporary(line: str) -> None:
    """Nonsense on stdout ends the worker in one clear sentence."""
    with pytest.raises(Temporary, match="no JSON object"):
        await shell(f"printf '{line}\\n'; sleep 60", deadline=10)


@pytest.mark.parametrize("answer", ['{"result": 3}', '{"result": null}', '{"error": "what"}'])
async def test_an_answer_of_the_wrong_shape_is_temporary(answer: str) -> None:
    """A result or an error that is no object is told as such."""
    with pytest.raises(Temporary, match="worker"):
        await shell(f"printf '%s\\n' '{answer}'")


async def test_a_program_that_is_not_there_is_permanent() -> None:
    """A missing interpreter is named, with what to do."""
    with pytest.raises(Permanent, match="Install musicsyncd again"):
        await run_worker(["/nonexistent/python"], {}, name="test", deadline=5)


async def test_the_environment_is_a_whitelist(monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret in the daemon's environment is not in the worker's; what the caller names is."""
    monkeypatch.setenv("NOTION_TOKEN", "canary-secret")
    answer = await run_worker(
        MISBEHAVING, {"do": "environment"}, name="test", deadline=PATIENCE, environment={"EXTRA": "1"}, nice=3
    )
    assert "canary-secret" not in str(answer)
    assert answer["environment"]["EXTRA"] == "1"
    assert answer["environment"]["PATH"] == os.environ["PATH"]
    assert answer["flags"] is True
    assert answer["nice"] >= 3


def test_a_module_runs_with_this_interpreter_and_a_safe_path() -> None:
    """A module in the working folder can never be taken for ours."""
    assert python_worker("musicsyncd.x") == (sys.executable, "-P", "-m", "musicsyncd.x")


async def test_many_workers_leave_no_file_descriptor() -> None:
    """Answered, dead and overdue workers give all their pipes back."""
    await shell("echo '{\"result\": {}}'")
    before = open_files()
    for _ in range(5):
        await shell("echo '{\"result\": {}}'")
        with pytest.raises(Temporary):
            await shell("exit 1")
        with pytest.raises(Temporary):
            await shell("sleep 60", deadline=0.05)
    with anyio.fail_after(5):  # the loop closes the last pipe a moment later
        while open_files() > before:  # noqa: ASYNC110
            await anyio.sleep(0.02)
