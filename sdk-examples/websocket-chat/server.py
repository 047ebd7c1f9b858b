"""A chat: what somebody says in a room, everybody in the room hears.

It needs the library `websockets` (Debian: python3-websockets), and says at which port it listens.
"""

import asyncio
import sys
from collections import defaultdict

import websockets

rooms = defaultdict(set)


async def serve(connection, _path=None):
    # The newer interface of the library has the path elsewhere.
    path = getattr(connection, "path", None) or connection.request.path
    room = rooms[path]
    room.add(connection)
    try:
        async for message in connection:
            await asyncio.gather(*(each.send(message) for each in room), return_exceptions=True)
    except websockets.ConnectionClosed:
        pass
    finally:
        room.discard(connection)


async def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8080
    async with websockets.serve(serve, "localhost", port) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()


asyncio.run(main())
