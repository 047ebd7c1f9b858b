"""A gRPC service that breaks calls off, frame by frame, as the method says; it counts what it did.

It says its port in its first line, and what it has counted whenever a line comes in.
"""

import json
import socket
import struct
import sys
import threading

import h2.config
import h2.connection
import h2.events

counts = {"calls": {}, "received": 0, "sent": 0, "refused": 0, "cancelled": 0}
lock = threading.Lock()

HEAD = [(":status", "200"), ("content-type", "application/grpc")]
OK = [("grpc-status", "0")]


def framed(message):
    return struct.pack(">BI", 0, len(message)) + message


def count(what):
    with lock:
        counts[what] += 1


def answer(connection, stream, method, message):
    """Answers a call whose message has come."""
    with lock:
        counts["calls"][method] = counts["calls"].get(method, 0) + 1
        number = counts["calls"][method]
        counts["received"] += 1
    breaks = number % 5 == 0
    if method == "Broken" and breaks:
        count("cancelled")
        connection.send_headers(stream, HEAD)
        connection.send_data(stream, framed(message)[:-1])
        connection.reset_stream(stream, 2)
    elif method == "Unheard" and breaks:
        count("cancelled")
        connection.reset_stream(stream, 11)
    elif method == "Untold" and breaks:
        count("refused")
        connection.send_headers(stream, HEAD)
        connection.send_data(stream, framed(message), end_stream=True)
    else:
        count("sent")
        connection.send_headers(stream, HEAD)
        connection.send_data(stream, framed(message))
        connection.send_headers(stream, OK, end_stream=True)


def serve(client):
    connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    connection.initiate_connection()
    client.sendall(connection.data_to_send())
    streams = {}
    while data := client.recv(65536):
        for event in connection.receive_data(data):
            if isinstance(event, h2.events.RequestReceived):
                path = dict(event.headers)[b":path"].decode()
                streams[event.stream_id] = [path.rsplit("/", 1)[1], b""]
            elif isinstance(event, h2.events.DataReceived):
                streams[event.stream_id][1] += event.data
                connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.StreamEnded):
                method, body = streams.pop(event.stream_id)
                answer(connection, event.stream_id, method, body[5:])
        client.sendall(connection.data_to_send())


server = socket.create_server(("127.0.0.1", 0))


def accept():
    while True:
        client, _ = server.accept()
        threading.Thread(target=serve, args=(client,), daemon=True).start()


threading.Thread(target=accept, daemon=True).start()
print(server.getsockname()[1], flush=True)
for _ in sys.stdin:
    with lock:
        print(json.dumps(counts), flush=True)
