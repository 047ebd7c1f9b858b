"""A WebSocket service that counts what it sees: by the path, it echoes, breaks off or closes.

It says its port in its first line, and what it has counted whenever a line comes in.
"""

import asyncio
import json
import socket
import struct
import sys

import websockets

counts = {"opened": 0, "received": 0, "sent": 0, "resets": 0, "closed": {}}


async def serve(connection, _path=None):
    counts["opened"] += 1
    # The newer interface of the library has the path elsewhere.
    path = getattr(connection, "path", None) or connection.request.path
    try:
        async for message in connection:
            counts["received"] += 1
            if path == "/reset" and counts["received"] % 5 == 0:
                return reset(connection)
            if path.startswith("/close/"):
                return await connection.close(int(path.rsplit("/", 1)[1]), "as asked")
            if path != "/silent":
                await connection.send(message)
                counts["sent"] += 1
        code = str(connection.close_code)
        counts["closed"][code] = counts["closed"].get(code, 0) + 1
    except websockets.ConnectionClosed:
        code = str(connection.close_code)
        counts["closed"][code] = counts["closed"].get(code, 0) + 1


def reset(connection):
    """Ends a connection in the middle of a message, as a crash does."""
    counts["resets"] += 1
    transport = connection.transport
    linger = struct.pack("ii", 1, 0)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.write(b"\x82\x7e\x40\x00" + b"half" * 100)
    transport.abort()


async def main():
    async with websockets.serve(serve, "127.0.0.1", 0, max_size=None, compression=None) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        lines = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(lines)
        await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
        while await lines.readline():
            print(json.dumps(counts), flush=True)


asyncio.run(main())
