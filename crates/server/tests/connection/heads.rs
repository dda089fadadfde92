//! Heads: refused by the dialect, refused by hyper, too large, too slow.

use std::time::{Duration, Instant};

use pentaprism_server::connection::Limits;

use super::support::{Server, quick};

#[tokio::test]
async fn what_a_dialect_has_words_for_is_refused_in_its_words() {
    let server = Server::start(Limits::default()).await;
    for (head, status) in [
        ("GET /read HTTP/1.1\r\n\r\n", 400),
        ("GET /read HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        ("GET /read HTTP/1.1\r\nHost: a\r\nExpect: 200-maybe\r\n\r\n", 417),
        ("PUT /read HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    ] {
        let mut client = server.connect().await;
        client.send(head).await;
        let answer = client.answer().await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{head:?}: {answer}");
        assert!(answer.contains("refused by the dialect: "), "{head:?}: {answer}");
    }
}

#[tokio::test]
async fn a_head_is_answered_without_a_byte() {
    let server = Server::start(Limits::default()).await;
    let mut client = server.connect().await;
    client.send("HEAD /refuse HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    let answer = client.rest().await;
    assert!(answer.starts_with("HTTP/1.1 409 ") && answer.ends_with("\r\n\r\n"), "{answer}");
    assert_eq!(answer.matches("content-length: 7\r\n").count(), 1, "{answer}");
    let mut client = server.connect().await;
    client.send("HEAD /endless HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    let answer = client.rest().await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn what_cannot_be_read_at_all_is_refused_without_a_body() {
    let server = Server::start(Limits::default()).await;
    let long = |length: usize| format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "y".repeat(length));
    for (head, status) in [
        ("GET / HTTP/1.1\r\nHost a\r\n\r\n".to_owned(), 400),
        ("PUT /read HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n".to_owned(), 400),
        ("PUT /read HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n".to_owned(), 400),
        (long(66_000), 431),
        (long(900_000), 431),
        (format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(200)), 431),
    ] {
        let mut client = server.connect().await;
        client.send(&head).await;
        let answer = client.rest().await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{} bytes: {answer}", head.len());
        assert!(answer.contains("content-length: 0\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
    }
    let mut client = server.connect().await;
    client.send(long(60_000)).await;
    assert!(client.answer().await.starts_with("HTTP/1.1 404"), "a long head within the limit");
}

#[tokio::test]
async fn a_head_that_does_not_end_or_begin_is_cut() {
    let server = Server::start(Limits { idle: Duration::from_mins(1), ..quick() }).await;
    for begun in ["", "P", "GET / HTTP/1.1\r\nHost: a\r\n"] {
        let began = Instant::now();
        let mut client = server.connect().await;
        client.send(begun).await;
        assert_eq!(client.rest().await, "", "{begun:?}");
        assert!(began.elapsed() < Duration::from_secs(20), "{begun:?}");
    }
    // The second head on a connection has the same deadline, although the connection may stay idle for longer.
    let mut client = server.connect().await;
    client.send("GET /refuse HTTP/1.1\r\nHost: a\r\n\r\n").await;
    client.answer().await;
    client.send("GET /refuse HTTP/1.1\r\n").await;
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn a_connection_without_requests_ends() {
    let server = Server::start(Limits { head: Duration::from_mins(1), ..quick() }).await;
    let mut client = server.connect().await;
    client.send("GET /refuse HTTP/1.1\r\nHost: a\r\n\r\n").await;
    client.answer().await;
    assert_eq!(client.rest().await, "");
}
