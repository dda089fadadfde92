//! How connections end: slow readers, panics, the limit of connections, shutdown.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use pentaprism_server::connection::{Endpoints, Finished, Limits, Listen, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::support::{Server, endless, quick};

const HOLD: &str = "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n";

/// Gives one connection, and no other.
struct Once(Option<DuplexStream>);

impl Listen for Once {
    type Io = DuplexStream;

    async fn accept(&mut self) -> io::Result<(DuplexStream, Endpoints)> {
        let Some(stream) = self.0.take() else { return std::future::pending().await };
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 1));
        Ok((stream, Endpoints { remote: anywhere, local: anywhere, listener: 0, secure: false }))
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_of_its_answer_is_cut() {
    let (mut client, server) = tokio::io::duplex(4096);
    let limits = Limits::default();
    let patience = limits.write;
    let serving = tokio::spawn(serve(Once(Some(server)), endless, limits, std::future::pending()));
    client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    // A client that takes a little before each deadline is served on and on.
    for _ in 0..5 {
        tokio::time::sleep(patience / 2).await;
        client.read_exact(&mut [0; 4096]).await.unwrap();
    }
    tokio::time::sleep(patience * 2).await;
    // The answer has no end of its own: this returns because the server has cut it.
    client.read_to_end(&mut Vec::new()).await.unwrap();
    serving.abort();
}

#[tokio::test]
async fn a_panic_is_an_answer_and_the_server_goes_on() {
    let server = Server::start(Limits::default()).await;
    let mut client = server.connect().await;
    client.send("GET /panic HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(client.answer().await.starts_with("HTTP/1.1 500"));
    client.send("GET /refuse HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(client.answer().await.starts_with("HTTP/1.1 409"));
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_a_slot() {
    let server = Server::start(Limits { connections: 1, ..Limits::default() }).await;
    let mut first = server.connect().await;
    first.send(HOLD).await;
    server.signals.begun.notified().await;
    let mut second = server.connect().await;
    second.send("GET /refuse HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let early = tokio::time::timeout(Duration::from_millis(200), second.answer()).await;
    assert!(early.is_err(), "{early:?}");
    server.signals.go_on.notify_one();
    first.answer().await;
    drop(first);
    assert!(second.answer().await.starts_with("HTTP/1.1 409"));
}

#[tokio::test]
async fn a_running_request_finishes_after_the_signal_and_idle_connections_end_at_once() {
    let server = Server::start(Limits::default()).await;
    let signals = std::sync::Arc::clone(&server.signals);
    let address = server.address;
    let mut idle = server.connect().await;
    idle.send("GET /refuse HTTP/1.1\r\nHost: a\r\n\r\n").await;
    idle.answer().await;
    let mut silent = server.connect().await;
    let mut busy = server.connect().await;
    busy.send(HOLD).await;
    signals.begun.notified().await;

    let serving = server.begin_stop();
    assert_eq!(idle.rest().await, "");
    assert_eq!(silent.rest().await, "");
    assert!(tokio::net::TcpStream::connect(address).await.is_err(), "it still accepts");
    signals.go_on.notify_one();
    let answer = busy.rest().await;
    assert!(answer.contains("connection: close") && answer.ends_with("held"), "{answer}");
    assert_eq!(serving.await.unwrap(), Finished { cut: 0 });
}

#[tokio::test]
async fn what_runs_beyond_the_deadline_is_cut() {
    let server = Server::start(quick()).await;
    let mut busy = server.connect().await;
    busy.send(HOLD).await;
    server.signals.begun.notified().await;
    assert_eq!(server.stop().await, Finished { cut: 1 });
    assert_eq!(busy.rest().await, "");
}
