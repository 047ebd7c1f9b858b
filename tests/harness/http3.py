"""An HTTP/3 service that counts what it sees: by the path it answers, resets, says goodbye or ends.

Its arguments are a certificate and a key. It says its port in its first line, and what it has counted
whenever a line comes in.
"""

import asyncio
import json
import sys
from collections import Counter

from aioquic.asyncio import QuicConnectionProtocol, serve
from aioquic.buffer import encode_uint_var
from aioquic.h3.connection import H3_ALPN, FrameType, H3Connection, encode_frame
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ConnectionTerminated, ProtocolNegotiated

H3_INTERNAL_ERROR = 0x102
H3_REQUEST_CANCELLED = 0x10C

counts = {"connections": 0, "requests": 0, "bytes": 0, "resets": 0, "lost": 0}
statuses, methods, closed = Counter(), Counter(), Counter()


class Service(QuicConnectionProtocol):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.http = None
        self.asked = 0
        self.under_way = {}

    def quic_event_received(self, event):
        if isinstance(event, ProtocolNegotiated):
            counts["connections"] += 1
            self.http = H3Connection(self._quic)
        if isinstance(event, ConnectionTerminated):
            closed[hex(event.error_code)] += 1
        if self.http is not None:
            for event in self.http.handle_event(event):
                self.http_event_received(event)

    def http_event_received(self, event):
        if isinstance(event, HeadersReceived):
            counts["requests"] += 1
            self.under_way[event.stream_id] = dict(event.headers)
        if isinstance(event, DataReceived):
            counts["bytes"] += len(event.data)
        if isinstance(event, (HeadersReceived, DataReceived)) and event.stream_ended:
            self.asked += 1
            self.answer(event.stream_id, self.under_way.pop(event.stream_id))

    def answer(self, stream, headers):
        path = headers[b":path"].decode()
        methods[headers[b":method"].decode()] += 1
        if path == "/reset" and counts["requests"] % 5 == 0:
            counts["resets"] += 1
            self._quic.reset_stream(stream, H3_REQUEST_CANCELLED)
            return
        if path == "/end" and self.asked == 10:
            counts["lost"] += 1
            self.http.send_headers(stream, [(b":status", b"200")])
            self.http.send_data(stream, b"some of it", end_stream=False)
            self.transmit()
            self._quic.close(error_code=H3_INTERNAL_ERROR, reason_phrase="as asked")
            return
        body = b"x" * int(path[1:]) if path[1:].isdigit() else b"ok"
        status = b"200" if path != "/404" else b"404"
        statuses[status.decode()] += 1
        length = str(len(body)).encode()
        self.http.send_headers(stream, [(b":status", status), (b"content-length", length)])
        self.http.send_data(stream, body, end_stream=True)
        if path == "/goodbye" and self.asked == 10:
            goodbye = encode_frame(FrameType.GOAWAY, encode_uint_var(stream + 4))
            self._quic.send_stream_data(self.http._local_control_stream_id, goodbye)


async def main():
    configuration = QuicConfiguration(alpn_protocols=H3_ALPN, is_client=False)
    configuration.load_cert_chain(*sys.argv[1:3])
    server = await serve("127.0.0.1", 0, configuration=configuration, create_protocol=Service)
    print(server._transport.get_extra_info("sockname")[1], flush=True)
    lines = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(lines)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    while await lines.readline():
        seen = counts | {"statuses": statuses, "methods": methods, "closed": closed}
        print(json.dumps(seen), flush=True)


asyncio.run(main())
