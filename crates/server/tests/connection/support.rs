//! A server with a handler for each thing that a handler can do with a body, and a plain socket to talk to it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response};
use http_body::Frame;
use pentaprism_core::{Body, BodyError};
use pentaprism_server::Refusal;
use pentaprism_server::connection::{Finished, Limits, guarded, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

/// What tests and handlers tell each other.
#[derive(Default)]
pub(crate) struct Signals {
    /// A handler of `/hold` has begun.
    pub(crate) begun: Notify,
    /// Handlers of `/hold` may end.
    pub(crate) go_on: Notify,
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) signals: Arc<Signals>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Finished>,
}

impl Server {
    pub(crate) async fn start(limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let signals = Arc::new(Signals::default());
        let (stop, stopped) = oneshot::channel();
        let shared = Arc::clone(&signals);
        let service = move |request| {
            let signals = Arc::clone(&shared);
            async move { guarded(request, |request| handle(request, signals), |_, refusal| refuse(&refusal)).await }
        };
        let serving = tokio::spawn(serve(listener, service, limits, async move {
            let _ = stopped.await;
        }));
        Self { address, signals, stop, serving }
    }

    pub(crate) async fn connect(&self) -> Client {
        Client(TcpStream::connect(self.address).await.unwrap())
    }

    /// Asks the server to stop and waits until it did.
    pub(crate) async fn stop(self) -> Finished {
        self.stop.send(()).unwrap();
        self.serving.await.unwrap()
    }

    /// Asks the server to stop; what it returns is awaited later.
    pub(crate) fn begin_stop(self) -> JoinHandle<Finished> {
        self.stop.send(()).unwrap();
        self.serving
    }
}

async fn handle(request: Request<Body>, signals: Arc<Signals>) -> Response<Body> {
    let path = request.uri().path().to_owned();
    let mut body = request.into_body();
    match path.as_str() {
        "/refuse" => text(409, "refused"),
        "/read" => match body.collect(u64::MAX).await {
            Ok(bytes) => text(200, format!("{} bytes", bytes.len())),
            Err(BodyError::Stalled(_)) => text(408, "stalled"),
            Err(error) => text(400, error.to_string()),
        },
        "/first-piece" => {
            let first = body.data().await;
            text(413, if first.is_some() { "too much" } else { "nothing" })
        }
        "/hold" => {
            signals.begun.notify_one();
            signals.go_on.notified().await;
            text(200, "held")
        }
        "/endless" => endless(Request::new(body)).await,
        "/panic" => panic!("as asked"),
        _ => text(404, "unknown"),
    }
}

/// An answer without an end.
pub(crate) async fn endless(_: Request<Body>) -> Response<Body> {
    let piece = Bytes::from(vec![b'x'; 65536]);
    let frames = stream::repeat_with(move || Ok::<_, BodyError>(Frame::data(piece.clone())));
    Response::new(Body::stream(http_body_util::StreamBody::new(frames)))
}

fn text(status: u16, text: impl Into<String>) -> Response<Body> {
    Response::builder().status(status).body(Body::from(text.into().into_bytes())).unwrap()
}

fn refuse(refusal: &Refusal) -> Response<Body> {
    let status = match refusal {
        Refusal::MissingHost => 400,
        Refusal::Expectation => 417,
        Refusal::TransferEncoding => 501,
        _ => 500,
    };
    text(status, format!("refused by the dialect: {refusal}"))
}

/// A plain socket.
pub(crate) struct Client(pub(crate) TcpStream);

impl Client {
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Everything until the server closes; a reset counts as closing.
    pub(crate) async fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        let mut buffer = [0; 4096];
        let read = async {
            while let Ok(length @ 1..) = self.0.read(&mut buffer).await {
                bytes.extend_from_slice(&buffer[..length]);
            }
        };
        tokio::time::timeout(Duration::from_secs(20), read).await.expect("the server leaves the connection open");
        String::from_utf8(bytes).unwrap()
    }

    /// One answer with a Content-Length, or one without any body.
    pub(crate) async fn answer(&mut self) -> String {
        let mut text = String::new();
        let mut wanted = None;
        while wanted.is_none_or(|wanted| text.len() < wanted) {
            let byte = self.0.read_u8().await.unwrap_or_else(|error| panic!("{error} after {text:?}"));
            text.push(char::from(byte));
            if wanted.is_none() && text.ends_with("\r\n\r\n") {
                let length = text.to_ascii_lowercase();
                let length = length.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
                wanted = Some(text.len() + length.map_or(0, |length| length.parse().unwrap()));
            }
        }
        text
    }
}

/// Limits with which a test that waits for a deadline is quick.
pub(crate) fn quick() -> Limits {
    Limits {
        head: Duration::from_millis(500),
        idle: Duration::from_millis(500),
        body_idle: Duration::from_millis(500),
        write: Duration::from_millis(500),
        drain: Duration::from_millis(500),
        shutdown: Duration::from_millis(500),
        ..Limits::default()
    }
}
