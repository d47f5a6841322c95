"""Closed-loop clients, a process of their own: python -P web_client.py port seconds connections.

Requests come as pickled bytes on standard input and are sent in turn, each once, then from the
first again unless `once` is said; the answers' counts go to standard output as JSON. What was
asked when the time is over is waited for, so that every request is counted.
"""

import asyncio
import json
import pickle
import sys
import time
from collections import Counter
from collections.abc import Iterator
from itertools import cycle

_END, _LENGTH = b"\r\n\r\n", b"content-length:"


async def _ask(port: int, requests: Iterator[bytes], until: float, told: Counter[str]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for request in requests:
        if time.perf_counter() >= until:
            break
        writer.write(request)
        head = await reader.readuntil(_END)
        lines = head.lower().split(b"\r\n")
        length = next((int(line[15:]) for line in lines if line[:15] == _LENGTH), 0)
        if length:
            await reader.readexactly(length)
        told[head[9:12].decode()] += 1
        if b"connection: close" in head.lower():
            writer.close()
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.close()


async def _all(port: int, seconds: float, connections: int, once: bool) -> None:
    made: list[bytes] = pickle.load(sys.stdin.buffer)
    requests = iter(made) if once else cycle(made)
    told: Counter[str] = Counter()
    begun = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _connection in range(connections):
            group.create_task(_ask(port, requests, begun + seconds, told))
    json.dump({"seconds": time.perf_counter() - begun, "told": dict(told)}, sys.stdout)


if __name__ == "__main__":
    _port, _seconds, _connections = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    asyncio.run(_all(_port, _seconds, _connections, "once" in sys.argv))
