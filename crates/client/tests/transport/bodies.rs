//! What is said when the request's own body fails, which HTTP/2 does not hand back, and when the service goes silent.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::Frame;
use pentaprism_core::{Body, BodyError};

use crate::support::{Authority, Server, send, server_config, told, trusting};

/// Some bytes, then an error.
struct Failing {
    pieces: usize,
    end: fn() -> BodyError,
}

impl http_body::Body for Failing {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some(rest) = self.pieces.checked_sub(1) else { return Poll::Ready(Some(Err((self.end)()))) };
        self.pieces = rest;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(vec![7; 65536])))))
    }
}

fn unread() -> BodyError {
    BodyError::Source(std::io::Error::other("the disk is gone").into())
}

fn interrupted() -> BodyError {
    BodyError::Interrupted("the other service hung up".into())
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_told_from_a_broken_connection() {
    let authority = Authority::new("own");
    let pair = authority.certify(&["127.0.0.1"]);
    let transport = trusting(&authority).build().unwrap();
    for protocols in [["h2"], ["http/1.1"]] {
        let server = Server::encrypted(server_config(&pair, None, &protocols)).await;
        let url = format!("https://{}/", server.address);
        for pieces in [0, 1, 40] {
            let body = Body::stream(Failing { pieces, end: unread });
            let error = send(&transport, "PUT", &url, body).await.unwrap_err();
            assert!(error.is_local() && error.is_lasting(), "{protocols:?} {pieces}: {}", told(&error));
            assert!(told(&error).ends_with(": the body could not be read to its end: the disk is gone"));
        }
        let body = Body::stream(Failing { pieces: 3, end: interrupted });
        let error = send(&transport, "PUT", &url, body).await.unwrap_err();
        assert!(!error.is_local(), "another service's body may be whole the next time");
        assert!(told(&error).ends_with(": the body was interrupted: the other service hung up"), "{}", told(&error));
        assert!(!server.seen().iter().any(|line| !line.ends_with("body=broken")), "no part counts as a whole");
    }
}

#[tokio::test]
async fn an_answer_before_the_end_of_the_body_is_heard() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        // Hangs up with bytes unread, which the client's system learns as a reset connection.
        stream
            .write_all(b"HTTP/1.1 413 Too Much\r\nconnection: close\r\ncontent-length: 7\r\n\r\nenough\n")
            .await
            .unwrap();
    });
    let transport = trusting(&Authority::new("own")).build().unwrap();
    let body = Body::stream(Failing { pieces: 4096, end: unread });
    let said = send(&transport, "PUT", &format!("http://{address}/"), body).await.unwrap();
    assert_eq!(said, "enough\n");
    server.await.unwrap();
}

#[tokio::test]
async fn a_service_that_hangs_up_without_a_word_may_have_received_something() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        tokio::io::AsyncReadExt::read_u8(&mut stream).await.unwrap();
    });
    let transport = trusting(&Authority::new("own")).build().unwrap();
    let body = Body::stream(Failing { pieces: 4096, end: unread });
    let error = send(&transport, "PUT", &format!("http://{address}/"), body).await.unwrap_err();
    assert!(error.was_sent() && !error.is_local() && !error.is_lasting(), "{}", told(&error));
    server.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_silent_service_is_given_up() {
    // The system takes the connection and some bytes, and nobody answers.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let idle = Duration::from_secs(70);
    let transport = trusting(&Authority::new("own")).idle_deadline(idle).build().unwrap();
    let error = send(&transport, "GET", &format!("http://{address}/"), Body::empty()).await.unwrap_err();
    assert!(error.was_sent() && !error.is_lasting());
    assert!(told(&error).contains("nothing moved for 70 seconds"), "{}", told(&error));
}
