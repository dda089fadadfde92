//! Bodies: read, refused early, stalled, broken off; `Expect`.

use std::process::Command;
use std::time::Duration;

use pentaprism_server::connection::Limits;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::support::{Server, quick};

const READ: &str = "POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocking_clients_see_answers_that_come_before_the_end_of_their_body() {
    let server = Server::start(Limits::default()).await;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/connection/early_answers.py");
    let port = server.address.port().to_string();
    let ran = tokio::task::spawn_blocking(move || Command::new("python3").args([script, &port]).output().unwrap());
    let output = ran.await.unwrap();
    let (said, failed) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\n{failed}");
    assert_eq!(said.lines().last(), Some("14 early answers seen"), "{said}");
}

#[tokio::test]
async fn a_connection_lives_on_after_a_body_that_was_read() {
    let server = Server::start(Limits::default()).await;
    let mut client = server.connect().await;
    for _ in 0..3 {
        client.send(READ).await;
        assert!(client.answer().await.ends_with("5 bytes"));
    }
    // Two requests at once, the first chunked: both are answered in order.
    let chunked = "POST /read HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    client.send(format!("{chunked}{READ}")).await;
    assert!(client.answer().await.ends_with("3 bytes"));
    assert!(client.answer().await.ends_with("5 bytes"));
}

#[tokio::test]
async fn an_early_answer_says_that_the_connection_ends_and_the_body_is_drained() {
    let server = Server::start(Limits::default()).await;
    for path in ["/refuse", "/first-piece"] {
        let mut client = server.connect().await;
        client.send(format!("PUT {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n0123456789")).await;
        let answer = client.answer().await;
        assert!(answer.contains("connection: close"), "{path}: {answer}");
        client.send(vec![b'x'; 999_990]).await;
        assert_eq!(client.rest().await, "", "{path}");
    }
}

#[tokio::test]
async fn draining_has_a_limit_and_a_deadline() {
    let minute = Duration::from_mins(1);
    for limits in [Limits { drain_bytes: 1000, drain: minute, ..quick() }, Limits { body_idle: minute, ..quick() }] {
        let server = Server::start(limits.clone()).await;
        let mut client = server.connect().await;
        client.send("PUT /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 3000\r\n\r\n").await;
        assert!(client.answer().await.starts_with("HTTP/1.1 409"));
        client.send(vec![b'x'; 2000]).await;
        assert_eq!(client.rest().await, "", "{limits:?}");
    }
}

#[tokio::test]
async fn a_100_is_sent_when_the_body_is_read_and_never_when_it_is_refused() {
    let server = Server::start(Limits::default()).await;
    let head = |path| format!("PUT {path} HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 5\r\n\r\n");

    let mut client = server.connect().await;
    client.send(head("/read")).await;
    assert_eq!(client.answer().await, "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("hello").await;
    let answer = client.answer().await;
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("5 bytes"), "{answer}");
    assert!(!answer.contains("connection: close"), "{answer}");

    client.send(head("/refuse")).await;
    let answer = client.rest().await;
    assert!(answer.starts_with("HTTP/1.1 409 Conflict"), "{answer}");
    assert!(answer.contains("connection: close") && answer.ends_with("refused"), "{answer}");
    assert!(!answer.contains("100"), "{answer}");
}

#[tokio::test]
async fn a_body_that_stalls_is_answered_and_ends_the_connection() {
    let server = Server::start(quick()).await;
    for framing in ["Content-Length: 9\r\n\r\nhalf", "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"] {
        let mut client = server.connect().await;
        client.send(format!("POST /read HTTP/1.1\r\nHost: a\r\n{framing}")).await;
        let answer = client.rest().await;
        assert!(answer.starts_with("HTTP/1.1 408") && answer.ends_with("stalled"), "{answer}");
        assert!(answer.contains("connection: close"), "{answer}");
    }
}

#[tokio::test]
async fn a_body_that_trickles_is_answered_like_one_that_stalls() {
    let limits = Limits { body_idle: Duration::from_millis(200), body_rate: 1 << 20, ..Limits::default() };
    let server = Server::start(limits).await;
    let mut client = server.connect().await;
    client.send("POST /read HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    let (mut reading, mut writing) = client.0.split();
    // One byte at a time, never pausing for as long as the idle deadline, until the server has enough of it.
    let trickle = async {
        let mut pace = tokio::time::interval(Duration::from_millis(50));
        loop {
            pace.tick().await;
            if writing.write_all(b"1\r\nx\r\n").await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    let mut head = [0; 12];
    tokio::select! {
        () = trickle => unreachable!("it never ends"),
        read = reading.read_exact(&mut head) => assert_eq!(read.unwrap(), 12),
    }
    assert_eq!(&head, b"HTTP/1.1 408");
}

#[tokio::test]
async fn a_late_refusal_reaches_a_client_that_no_longer_waits_for_a_100() {
    let server = Server::start(Limits { expect: Duration::ZERO, ..Limits::default() }).await;
    for expectation in ["100-continue", "something-else"] {
        let mut client = server.connect().await;
        let head = format!("Host: a\r\nExpect: {expectation}\r\nContent-Length: 20000000\r\n\r\n");
        client.send(format!("PUT /refuse HTTP/1.1\r\n{head}")).await;
        let answer = client.answer().await;
        assert!(answer.starts_with("HTTP/1.1 4") && answer.contains("connection: close"), "{answer}");
        client.send(vec![b'x'; 20_000_000]).await;
        assert_eq!(client.rest().await, "", "{expectation}");
    }
}

#[tokio::test]
async fn a_body_that_breaks_its_framing_is_an_error_and_never_an_end() {
    let server = Server::start(quick()).await;
    let mut client = server.connect().await;
    client.send("POST /read HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcdX").await;
    let answer = client.rest().await;
    assert!(answer.starts_with("HTTP/1.1 400") && answer.ends_with("the body was interrupted"), "{answer}");
}

#[tokio::test]
async fn a_length_beside_chunked_is_read_as_chunked_and_ends_the_connection() {
    let server = Server::start(Limits::default()).await;
    let (length, chunked) = ("Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n");
    for headers in [[length, chunked].concat(), [chunked, length].concat()] {
        let mut client = server.connect().await;
        client.send(format!("POST /read HTTP/1.1\r\nHost: a\r\n{headers}\r\n5\r\nhello\r\n0\r\n\r\n")).await;
        let answer = client.rest().await;
        assert!(answer.contains("connection: close") && answer.ends_with("5 bytes"), "{answer}");
    }
}
