"""A greeter over gRPC: one greeting, or one for each name that comes."""

import sys
from concurrent import futures

import grpc

hello, services = grpc.protos_and_services("hello.proto")


class Greeter(services.GreeterServicer):
    def SayHello(self, request, context):
        if not request.name:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "nobody is there")
        return hello.HelloReply(text=f"Hello, {request.name}!")

    def Chat(self, requests, context):
        for request in requests:
            yield hello.HelloReply(text=f"Hello, {request.name}!")


server = grpc.server(futures.ThreadPoolExecutor(max_workers=100))
services.add_GreeterServicer_to_server(Greeter(), server)
port = server.add_insecure_port(f"127.0.0.1:{sys.argv[1]}")
server.start()
print(port, flush=True)
server.wait_for_termination()
