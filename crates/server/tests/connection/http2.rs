//! HTTP/2 with prior knowledge, with hyper's own client.

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use pentaprism_server::connection::{Finished, Limits};
use tokio::task::JoinHandle;

use super::support::{Server, quick};

type Sender = SendRequest<Full<Bytes>>;

async fn connect(server: &Server) -> (Sender, JoinHandle<hyper::Result<()>>) {
    let stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
    let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    (sender, tokio::spawn(connection))
}

fn put(path: &str, size: usize) -> Request<Full<Bytes>> {
    let body = Full::new(Bytes::from(vec![b'x'; size]));
    Request::put(format!("http://a{path}")).body(body).unwrap()
}

async fn text(sender: &mut Sender, request: Request<Full<Bytes>>) -> (u16, String) {
    let response = sender.send_request(request).await.unwrap();
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(bytes.to_vec()).unwrap())
}

#[tokio::test]
async fn requests_share_a_connection_and_an_early_answer_does_not_end_it() {
    let server = Server::start(Limits::default()).await;
    let (mut sender, _connection) = connect(&server).await;
    let size = 5 << 20;
    assert_eq!(text(&mut sender, put("/read", size)).await, (200, format!("{size} bytes")));
    assert_eq!(text(&mut sender, put("/refuse", size)).await, (409, "refused".to_owned()));
    let mut other = sender.clone();
    let (first, second) = tokio::join!(text(&mut sender, put("/read", 3)), text(&mut other, put("/panic", 0)));
    assert_eq!(first, (200, "3 bytes".to_owned()));
    assert_eq!(second.0, 500);
}

/// hyper leaves bodies out in HTTP/1, and would send them here.
#[tokio::test]
async fn a_head_is_answered_without_a_byte() {
    let server = Server::start(Limits::default()).await;
    let (mut sender, _connection) = connect(&server).await;
    for (path, status, length) in [("/refuse", 409, Some("7")), ("/endless", 200, None)] {
        let request = Request::head(format!("http://a{path}")).body(Full::default()).unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(response.headers().get("content-length").map(|length| length.to_str().unwrap()), length);
        assert!(response.into_body().collect().await.unwrap().to_bytes().is_empty());
    }
}

#[tokio::test]
async fn an_idle_connection_ends_and_so_does_a_reader_that_takes_nothing() {
    let server = Server::start(quick()).await;
    let (mut sender, connection) = connect(&server).await;
    assert_eq!(text(&mut sender, put("/refuse", 0)).await.0, 409);
    connection.await.unwrap().unwrap();

    let (mut sender, connection) = connect(&server).await;
    // The head and as much of the body as the window takes arrive; nobody asks for more.
    let answer = sender.send_request(put("/endless", 0)).await.unwrap();
    assert_eq!(answer.status(), 200);
    let ended = tokio::time::timeout(std::time::Duration::from_secs(20), connection).await;
    ended.expect("the connection stays open although nobody reads").unwrap().unwrap_err();
    drop(answer);
}

#[tokio::test]
async fn streams_finish_after_the_signal_or_are_cut_at_the_deadline() {
    for (limits, finishes) in [(Limits::default(), true), (quick(), false)] {
        let server = Server::start(limits).await;
        let signals = std::sync::Arc::clone(&server.signals);
        let (mut sender, connection) = connect(&server).await;
        let answer = tokio::spawn(async move { sender.send_request(put("/hold", 0)).await });
        signals.begun.notified().await;
        let serving = server.begin_stop();
        if finishes {
            signals.go_on.notify_one();
        }
        assert_eq!(answer.await.unwrap().is_ok(), finishes);
        assert_eq!(serving.await.unwrap(), Finished { cut: usize::from(!finishes) });
        let _ended = connection.await.unwrap();
    }
}
