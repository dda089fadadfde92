//! A relay before a server that understands HTTP/1.1 well enough to count what passes, to cut a request in the middle, and to
//! hold exchanges until a test has done something.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

/// How long a test waits for something before it fails.
const DEADLINE: Duration = Duration::from_mins(1);

/// What passed, and what shall happen to what passes next.
#[derive(Debug, Default)]
pub(crate) struct Passed {
    /// For each chunk, by its `Content-Range`: how often it came.
    pub(crate) begun: BTreeMap<String, u32>,
    /// And how often the server took it.
    pub(crate) taken: BTreeMap<String, u32>,
    /// How many sessions the server made a file of.
    pub(crate) commits: u32,
    /// Bytes of bodies that went to the server.
    pub(crate) sent: u64,
    /// Bytes of bodies that went to the client.
    pub(crate) received: u64,
    /// Connections that were cut so far.
    pub(crate) cuts: u32,
    /// So many are to be cut, each in the middle of a chunk: two of three chunks.
    pub(crate) cuts_wanted: u32,
    /// Chunks are held in their middle once so many have come.
    pub(crate) hold_chunks_at: Option<u32>,
    /// Answers are held once so many bytes have passed.
    pub(crate) hold_answers_at: Option<u64>,
    /// Exchanges that are held.
    pub(crate) held: u32,
    /// Exchanges that were held before the last change of this number are not any more.
    generation: u32,
    /// Whether those that were held go on, or are cut.
    released: bool,
    open: u32,
}

impl Passed {
    /// Notes a chunk. Gives whether its connection is to be cut in the middle of it, or held there.
    fn chunk(&mut self, range: &str) -> (bool, bool) {
        let before = self.chunks();
        *self.begun.entry(range.to_owned()).or_default() += 1;
        if self.hold_chunks_at.is_some_and(|many| before >= many) {
            return (false, true);
        }
        let cut = self.cuts < self.cuts_wanted && !before.is_multiple_of(3);
        self.cuts += u32::from(cut);
        (cut, false)
    }

    /// How many chunks have come, those that came again included.
    pub(crate) fn chunks(&self) -> u32 {
        self.begun.values().sum()
    }

    /// How many bytes the server took as chunks: each once, or the test has failed.
    pub(crate) fn bytes_taken_once(&self) -> u64 {
        let mut ranges: Vec<(u64, u64)> = self
            .taken
            .iter()
            .map(|(range, times)| {
                assert!(*times == 1, "{range} was sent again although it was there: {self:?}");
                let (first, rest) = range["bytes ".len()..].split_once('-').expect("it is a range");
                let (last, _) = rest.split_once('/').expect("it tells the length of the whole");
                (first.parse().expect("it is a number"), last.parse::<u64>().expect("it is a number") + 1)
            })
            .collect();
        ranges.sort_unstable();
        let apart = ranges.windows(2).all(|pair| pair[0].1 <= pair[1].0);
        assert!(apart, "bytes were sent again although they were there: {self:?}");
        ranges.iter().map(|(first, end)| end - first).sum()
    }
}

#[derive(Debug, Default)]
struct Shared {
    passed: Mutex<Passed>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Passed> {
        self.passed.lock().expect("no connection panics")
    }

    fn change<T>(&self, change: impl FnOnce(&mut Passed) -> T) -> T {
        let changed = change(&mut self.lock());
        self.changed.notify_all();
        changed
    }

    /// Waits until [`Relay::drop_held`], which may have been by now if it was not at `generation`.
    /// Whether the exchange goes on.
    fn hold(&self, generation: u32) -> bool {
        self.change(|passed| passed.held += 1);
        let held = self.changed.wait_while(self.lock(), |passed| passed.generation == generation);
        drop(held.expect("no connection panics"));
        self.change(|passed| {
            passed.held -= 1;
            passed.released
        })
    }
}

/// The relay. It ends with the process of the test.
pub(crate) struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Relay {
    pub(crate) fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it listens");
        let shared = Arc::new(Shared::default());
        let relay = Self { address, shared: Arc::clone(&shared) };
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (client, shared) = (client.expect("connections come"), Arc::clone(&shared));
                shared.change(|passed| passed.open += 1);
                std::thread::spawn(move || {
                    // Whatever breaks off is what the test is about.
                    let _broken = exchanges(&client, server, &shared);
                    shared.change(|passed| passed.open -= 1);
                });
            }
        });
        relay
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Looks at what passed, or says what shall happen.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Passed) -> T) -> T {
        self.shared.change(change)
    }

    /// Waits until `enough`.
    pub(crate) fn wait(&self, what: &str, enough: impl Fn(&Passed) -> bool) {
        let waited = self.shared.changed.wait_timeout_while(self.shared.lock(), DEADLINE, |passed| !enough(passed));
        let (passed, _) = waited.expect("no connection panics");
        assert!(enough(&passed), "{what} did not come: {:?}", *passed);
    }

    /// Lets what is held go on, and holds nothing any more.
    pub(crate) fn release(&self) {
        self.change(|passed| {
            passed.generation += 1;
            passed.released = true;
            (passed.hold_chunks_at, passed.hold_answers_at) = (None, None);
        });
    }

    /// Cuts what is held, and waits until no connection is left. Whoever made them has ended.
    pub(crate) fn drop_held(&self) {
        self.change(|passed| {
            passed.generation += 1;
            passed.released = false;
            (passed.hold_chunks_at, passed.hold_answers_at) = (None, None);
        });
        self.wait("the end of all connections", |passed| passed.open == 0);
    }
}

/// The head of a request or an answer.
struct Head {
    text: Vec<u8>,
    first: String,
    fields: BTreeMap<String, String>,
}

impl Head {
    /// Absent when no more comes.
    fn read(from: &mut impl io::BufRead) -> io::Result<Option<Self>> {
        let mut text = Vec::new();
        while !text.ends_with(b"\r\n\r\n") {
            if from.read_until(b'\n', &mut text)? == 0 {
                return Ok(None);
            }
        }
        let lines = String::from_utf8_lossy(&text).into_owned();
        let mut lines = lines.lines();
        let first = lines.next().unwrap_or_default().to_owned();
        let fields = lines.filter_map(|line| line.split_once(": "));
        let fields = fields.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        Ok(Some(Self { text, first, fields }))
    }

    fn length(&self) -> u64 {
        assert!(!self.fields.contains_key("transfer-encoding"), "the relay knows bodies with a length only");
        self.fields.get("content-length").map_or(0, |length| length.parse().expect("a length is a number"))
    }
}

/// One connection after the other end of the client's.
fn exchanges(client: &TcpStream, server: SocketAddr, shared: &Shared) -> io::Result<()> {
    let server = TcpStream::connect(server)?;
    let (mut from_client, mut from_server) = (BufReader::new(client), BufReader::new(&server));
    let ended = loop {
        let Some(request) = Head::read(&mut from_client)? else { break Ok(()) };
        let range = request.fields.get("content-range").cloned();
        if !forward_request(&request, range.as_deref(), &mut from_client, &server, shared)? {
            break Ok(());
        }
        let Some(answer) = Head::read(&mut from_server)? else { break Ok(()) };
        let well = answer.first.contains(" 200 ") || answer.first.contains(" 20");
        shared.change(|passed| {
            if well && let Some(range) = range {
                *passed.taken.entry(range).or_default() += 1;
            }
            passed.commits += u32::from(well && request.first.contains("CommitUploadSession"));
        });
        let mut to_client = client;
        to_client.write_all(&answer.text)?;
        let length = if request.first.starts_with("HEAD ") { 0 } else { answer.length() };
        if !forward_answer(&mut from_server, to_client, length, shared)? {
            break Ok(());
        }
    };
    let _closed = (client.shutdown(Shutdown::Both), server.shutdown(Shutdown::Both));
    ended
}

/// Whether an answer will come.
fn forward_request(
    request: &Head,
    range: Option<&str>,
    from: &mut impl Read,
    mut to: &TcpStream,
    shared: &Shared,
) -> io::Result<bool> {
    let length = request.length();
    let (cut, hold, generation) = shared.change(|passed| {
        let (cut, hold) = range.map_or((false, false), |range| passed.chunk(range));
        (cut, hold, passed.generation)
    });
    to.write_all(&request.text)?;
    let first = if cut || hold { length / 2 } else { length };
    if !forward_body(from, to, first, shared)? || cut || (hold && !shared.hold(generation)) {
        return Ok(false);
    }
    forward_body(from, to, length - first, shared)
}

/// Whether so much came.
fn forward_body(from: &mut impl Read, mut to: &TcpStream, length: u64, shared: &Shared) -> io::Result<bool> {
    let mut buffer = vec![0; 256 << 10];
    let mut left = length;
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let count = from.read(&mut buffer[..most])?;
        if count == 0 {
            return Ok(false);
        }
        to.write_all(&buffer[..count])?;
        left -= count as u64;
        shared.change(|passed| passed.sent += count as u64);
    }
    Ok(true)
}

/// Whether it was whole.
fn forward_answer(from: &mut impl Read, mut to: &TcpStream, length: u64, shared: &Shared) -> io::Result<bool> {
    let mut buffer = vec![0; 64 << 10];
    let mut left = length;
    while left > 0 {
        let held = shared.change(|passed| {
            let enough = passed.hold_answers_at.is_some_and(|bytes| passed.received >= bytes);
            enough.then_some(passed.generation)
        });
        if let Some(generation) = held
            && !shared.hold(generation)
        {
            return Ok(false);
        }
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let count = from.read(&mut buffer[..most])?;
        if count == 0 {
            return Ok(false);
        }
        to.write_all(&buffer[..count])?;
        left -= count as u64;
        shared.change(|passed| passed.received += count as u64);
    }
    Ok(true)
}
