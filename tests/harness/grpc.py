"""A gRPC service that counts what it sees: by the method, it echoes, refuses, or takes its time.

It says its port in its first line, and what it has counted whenever a line comes in. Messages are
bytes, whatever they hold.
"""

import json
import sys
import threading
from concurrent import futures

import grpc

counts = {"calls": {}, "received": 0, "sent": 0, "refused": 0, "cancelled": 0}
lock = threading.Lock()
metadata = {}


def count(what, times=1):
    with lock:
        counts[what] += times
        return counts[what]


def called(method, context):
    with lock:
        counts["calls"][method] = counts["calls"].get(method, 0) + 1
        metadata[method] = [[k, v if isinstance(v, str) else v.hex()] for k, v in context.invocation_metadata()]
        return counts["calls"][method]


def say(request, context):
    called("Say", context)
    count("received")
    context.send_initial_metadata((("x-head", "first"), ("x-head-bin", b"\x00\xff")))
    context.set_trailing_metadata((("x-tail", "last"),))
    count("sent")
    return request


def refuse(request, context):
    """Refuses each fifth call."""
    count("received")
    if called("Refuse", context) % 5 == 0:
        count("refused")
        context.abort(grpc.StatusCode.UNAVAILABLE, "not today: ü")
    count("sent")
    return request


def slow(request, context):
    called("Slow", context)
    count("received")
    ended = threading.Event()
    context.add_callback(ended.set)
    ended.wait(30)
    count("cancelled")
    return request


def collect(requests, context):
    """Answers with how many bytes came."""
    called("Collect", context)
    size = 0
    for request in requests:
        count("received")
        size += len(request)
    count("sent")
    return str(size).encode()


def many(request, context):
    """Answers with as many messages as the request says."""
    called("Many", context)
    count("received")
    for number in range(int(request)):
        count("sent")
        yield b"%d" % number


def chat(requests, context):
    called("Chat", context)
    for request in requests:
        count("received")
        count("sent")
        yield request


handlers = {
    "Say": grpc.unary_unary_rpc_method_handler(say),
    "Refuse": grpc.unary_unary_rpc_method_handler(refuse),
    "Slow": grpc.unary_unary_rpc_method_handler(slow),
    "Collect": grpc.stream_unary_rpc_method_handler(collect),
    "Many": grpc.unary_stream_rpc_method_handler(many),
    "Chat": grpc.stream_stream_rpc_method_handler(chat),
}
server = grpc.server(
    futures.ThreadPoolExecutor(max_workers=64),
    options=[("grpc.max_receive_message_length", 16 << 20), ("grpc.max_send_message_length", 16 << 20)],
)
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("swell.test.Echo", handlers),))
port = server.add_insecure_port("127.0.0.1:0")
server.start()
print(port, flush=True)
for _ in sys.stdin:
    with lock:
        print(json.dumps(counts | {"metadata": metadata}), flush=True)
