//! The bindings of the contract, made of the folder `wit/`.

/// A transaction's handle in the guest's table: its number is the transaction's serial.
#[derive(Debug)]
#[expect(unreachable_pub, reason = "the generated bindings export it again")]
pub struct OpenTransaction;

/// A run's handle in the table of the guest that conducts it: its number is the conductor's.
#[derive(Debug)]
#[expect(unreachable_pub, reason = "the generated bindings export it again")]
pub struct ConductedRun;

/// A WebSocket's handle in the guest's table: its number is its place among those of the user.
#[derive(Debug)]
#[expect(unreachable_pub, reason = "the generated bindings export it again")]
pub struct OpenConnection;

/// A gRPC stream's handle in the guest's table: its number is the user's.
#[derive(Debug)]
#[expect(unreachable_pub, reason = "the generated bindings export it again")]
pub struct OpenCall;

/// A prepared request's handle in the guest's table: its number is the user's.
#[derive(Debug)]
#[expect(unreachable_pub, reason = "the generated bindings export it again")]
pub struct PreparedRequest;

/// An exchange's handle in the guest's table: its number is the user's.
#[derive(Debug)]
#[expect(unreachable_pub, reason = "the generated bindings export it again")]
pub struct OpenExchange;

pub(crate) use self::generated::*;

#[allow(missing_docs, unreachable_pub, clippy::all)]
mod generated {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "scenario",
        imports: {
            "swell:scenario/transactions.begin": async | trappable,
            "swell:scenario/http.send": async | trappable,
            "swell:scenario/http.send-all": async | trappable,
            "swell:scenario/http.compress": async | trappable,
            "swell:scenario/http-prepared.[method]prepared-request.send": async | trappable,
            "swell:scenario/http-stream.[static]exchange.open": async | trappable,
            "swell:scenario/http-stream.[method]exchange.head": async | trappable,
            "swell:scenario/http-stream.[method]exchange.read-chunk": async | trappable,
            "swell:scenario/http-stream.[method]exchange.read-event": async | trappable,
            "swell:scenario/http-stream.[method]exchange.discard": async | trappable,
            "swell:scenario/clock.sleep": async | trappable,
            "swell:scenario/runs.[static]run.start": async | trappable,
            "swell:scenario/runs.[method]run.wait": async | trappable,
            "swell:scenario/runs.[method]run.set-tps": async | trappable,
            "swell:scenario/websocket.connect": async | trappable,
            "swell:scenario/websocket.ready": async | trappable,
            "swell:scenario/websocket.[method]connection.send": async | trappable,
            "swell:scenario/websocket.[method]connection.receive": async | trappable,
            "swell:scenario/websocket.[method]connection.exchange": async | trappable,
            "swell:scenario/websocket.[method]connection.ping": async | trappable,
            "swell:scenario/websocket.[method]connection.close": async | trappable,
            "swell:scenario/grpc.unary": async | trappable,
            "swell:scenario/grpc.ready": async | trappable,
            "swell:scenario/grpc.[static]call-stream.open": async | trappable,
            "swell:scenario/grpc.[method]call-stream.send": async | trappable,
            "swell:scenario/grpc.[method]call-stream.finish": async | trappable,
            "swell:scenario/grpc.[method]call-stream.receive": async | trappable,
            default: trappable,
        },
        exports: { default: async },
        with: {
            "swell:scenario/transactions.transaction": super::OpenTransaction,
            "swell:scenario/http-prepared.prepared-request": super::PreparedRequest,
            "swell:scenario/http-stream.exchange": super::OpenExchange,
            "swell:scenario/runs.run": super::ConductedRun,
            "swell:scenario/websocket.connection": super::OpenConnection,
            "swell:scenario/grpc.call-stream": super::OpenCall,
        },
    });
}
