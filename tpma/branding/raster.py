"""Draws an SVG in a process of its own, with a limit on its time and memory.

A small drawing can be made to take hours or all memory (nested references, huge masks), and a
native renderer cannot be stopped from a thread. This file is also that process, so it imports
nothing of ours.
"""

import contextlib
import subprocess
import sys

_SECONDS = 10
_MEMORY = 1 << 30  # bytes


class NotDrawable(Exception):
    """The drawing is faulty, or took more time or memory than a logo may."""


def png(svg: str, width: int, *, fonts: bool = False) -> bytes:
    """`svg` as a PNG of `width` px, on transparent ground. Raises NotDrawable.

    With `fonts` texts are drawn in those of this machine; what people upload gets none.
    """
    command = [sys.executable, "-I", __file__, str(width), *(["fonts"] if fonts else [])]
    try:
        done = subprocess.run(command, input=svg.encode(), capture_output=True, timeout=_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise NotDrawable("too slow") from error
    if done.returncode != 0 or not done.stdout:
        raise NotDrawable("faulty")
    return done.stdout


def _limit() -> None:
    with contextlib.suppress(ImportError):  # there is no such module on Windows
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))


def _draw() -> int:
    import resvg_py

    _limit()
    svg = sys.stdin.buffer.read().decode()
    try:
        drawn = resvg_py.svg_to_bytes(
            svg_string=svg, width=int(sys.argv[1]), skip_system_fonts="fonts" not in sys.argv[2:]
        )
    except ValueError:
        return 1
    sys.stdout.buffer.write(bytes(drawn))
    return 0


if __name__ == "__main__":
    sys.exit(_draw())
