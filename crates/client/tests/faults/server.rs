//! A server that does for each connection what its script says, and keeps every byte that it got.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};

/// What is done next on a connection. After the last act it is closed.
#[derive(Debug, Clone)]
pub enum Act {
    /// Waits for a byte of the request, and takes none.
    Peek,
    /// Takes exactly so many bytes.
    Read(usize),
    /// Takes the head of a request, and of its body what comes along.
    ReadHead,
    /// Takes a whole request.
    ReadAll,
    /// Takes what comes until this is true of all of it.
    Until(fn(&[u8]) -> bool),
    /// Sends in as few writes as possible.
    Send(Bytes),
    /// Sends each byte in a write of its own.
    Trickle(Bytes),
    /// Sends this again and again, until the client hangs up.
    Flood(Bytes),
    /// Tells the test that it has come so far.
    Tell(Arc<Notify>),
    /// Waits for the test.
    Wait(Arc<Notify>),
    /// Takes what comes until the client hangs up.
    Drain,
    /// Keeps the connection without taking anything more, for as long as the server is there.
    Keep,
    /// Closes: orderly if everything was taken, else the client's system learns that the rest was not.
    Close,
    /// Closes at once, and whatever is under way is lost.
    Reset,
}

/// Sends this text or these bytes.
pub fn send(bytes: impl Into<Bytes>) -> Act {
    Act::Send(bytes.into())
}

/// One exchange on a connection of its own.
pub fn whole(answer: impl Into<Bytes>) -> Vec<Act> {
    vec![Act::ReadAll, send(answer), Act::Close]
}

pub struct Server {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

struct Shared {
    script: Mutex<VecDeque<Vec<Act>>>,
    /// What came, by connection.
    got: Mutex<Vec<Vec<u8>>>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Server {
    pub async fn start(script: impl IntoIterator<Item = Vec<Act>>) -> Self {
        Self::serve(TcpListener::bind("127.0.0.1:0").await.unwrap(), script)
    }

    pub fn serve(listener: TcpListener, script: impl IntoIterator<Item = Vec<Act>>) -> Self {
        let script = Mutex::new(script.into_iter().collect());
        let shared = Arc::new(Shared { script, got: Mutex::default() });
        let address = listener.local_addr().unwrap();
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self { address, shared, accepting }
    }

    /// Goes on with these connections when the script is at its end.
    pub fn then(&self, script: impl IntoIterator<Item = Vec<Act>>) {
        self.shared.script.lock().unwrap().extend(script);
    }

    /// What came, by connection. The script is at its end, and no connection was made beyond it.
    pub fn finish(self) -> Vec<Vec<u8>> {
        let left = self.shared.script.lock().unwrap().len();
        assert_eq!(left, 0, "so many connections more were expected");
        self.got()
    }

    pub fn got(&self) -> Vec<Vec<u8>> {
        self.shared.got.lock().unwrap().clone()
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        stream.set_nodelay(true).unwrap();
        let number = {
            let mut got = shared.got.lock().unwrap();
            got.push(Vec::new());
            got.len() - 1
        };
        // A connection beyond the script is seen by its number, and closed.
        let acts = shared.script.lock().unwrap().pop_front().unwrap_or_default();
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            // It ends early when the client hangs up, which the tests see at the client.
            let _ = (Connection { stream, shared, number, request: 0 }).run(acts).await;
        });
    }
}

struct Connection {
    stream: TcpStream,
    shared: Arc<Shared>,
    number: usize,
    /// Where the request begins within what came.
    request: usize,
}

impl Connection {
    async fn run(mut self, acts: Vec<Act>) -> std::io::Result<()> {
        for act in acts {
            match act {
                Act::Peek => drop(self.stream.peek(&mut [0]).await?),
                Act::Read(count) => {
                    let mut bytes = vec![0; count];
                    self.stream.read_exact(&mut bytes).await?;
                    self.note(&bytes);
                }
                Act::ReadHead => while !self.look(|request| head_length(request).is_some()) && self.more().await? {},
                Act::Until(enough) => while !self.look(enough) && self.more().await? {},
                Act::ReadAll => {
                    while !self.look(is_whole) && self.more().await? {}
                    self.request = self.shared.got.lock().unwrap()[self.number].len();
                }
                Act::Send(bytes) => self.stream.write_all(&bytes).await?,
                Act::Trickle(bytes) => {
                    for byte in bytes {
                        self.stream.write_all(&[byte]).await?;
                        tokio::task::yield_now().await;
                    }
                }
                Act::Flood(bytes) => loop {
                    self.stream.write_all(&bytes).await?;
                },
                Act::Tell(test) => test.notify_one(),
                Act::Wait(test) => test.notified().await,
                Act::Drain => while self.more().await? {},
                Act::Keep => std::future::pending().await,
                Act::Close => return Ok(()),
                Act::Reset => return self.stream.set_zero_linger(),
            }
        }
        Ok(())
    }

    fn note(&self, bytes: &[u8]) {
        self.shared.got.lock().unwrap()[self.number].extend_from_slice(bytes);
    }

    fn look(&self, at: impl FnOnce(&[u8]) -> bool) -> bool {
        at(&self.shared.got.lock().unwrap()[self.number][self.request..])
    }

    /// Takes what is there; `false` at the end.
    async fn more(&mut self) -> std::io::Result<bool> {
        let mut bytes = vec![0; 65536];
        let count = self.stream.read(&mut bytes).await?;
        self.note(&bytes[..count]);
        Ok(count > 0)
    }
}

/// How long the head is, its empty line included, if it is there.
pub fn head_length(message: &[u8]) -> Option<usize> {
    message.windows(4).position(|window| window == b"\r\n\r\n").map(|position| position + 4)
}

/// The value of a header, whatever the case of its name.
pub fn header(message: &[u8], name: &str) -> Option<String> {
    let head = String::from_utf8_lossy(&message[..head_length(message)?]).into_owned();
    let mut lines = head.lines().filter_map(|line| line.split_once(':'));
    lines.find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
}

/// Whether the request is there to its last byte.
fn is_whole(request: &[u8]) -> bool {
    let Some(head) = head_length(request) else { return false };
    if header(request, "transfer-encoding").is_some() {
        return request[head..].ends_with(b"0\r\n\r\n");
    }
    let length = header(request, "content-length").map_or(0, |length| length.parse().unwrap());
    request.len() >= head + length
}
