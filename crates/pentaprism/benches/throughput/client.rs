//! The client that loads the servers: blocking sockets, heads that were rendered before, bodies from one buffer. It knows as much of
//! HTTP/1.1 as the servers answer with: a status, and a body of announced length.

use std::io::{IoSlice, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::time::Duration;

/// What is read at once.
const BUFFER: usize = 256 * 1024;
/// How long a server may keep the client waiting.
const PATIENCE: Duration = Duration::from_mins(2);
/// Stands in a head for a number that every request changes.
const PLACE: &str = "########";

/// Text with places for a number of eight digits: the head of a request, or a small body.
#[derive(Debug, Clone)]
pub(crate) struct Numbered {
    bytes: Vec<u8>,
    places: Vec<Range<usize>>,
}

impl Numbered {
    /// Text in which `########` is where numbers go.
    pub(crate) fn text(text: &str) -> Self {
        let places = text.match_indices(PLACE).map(|(first, place)| first..first + place.len()).collect();
        Self { bytes: text.as_bytes().to_vec(), places }
    }

    /// The head of a request, with fields of the form `Name: value`.
    pub(crate) fn head(method: &str, target: &str, fields: &[&str]) -> Self {
        let mut text = format!("{method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n");
        for field in fields {
            text.push_str(field);
            text.push_str("\r\n");
        }
        text.push_str("\r\n");
        Self::text(&text)
    }

    /// The bytes with a number in their places.
    pub(crate) fn with(&mut self, number: u64) -> &[u8] {
        for place in &self.places {
            let mut rest = number;
            for digit in self.bytes[place.clone()].iter_mut().rev() {
                *digit = b"0123456789"[usize::try_from(rest % 10).expect("a digit")];
                rest /= 10;
            }
        }
        &self.bytes
    }

    /// The bytes as they are.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// What a server answered, without the body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer {
    status: u16,
    length: u64,
}

/// A connection that is kept alive.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// What was read and not yet used.
    unused: Range<usize>,
}

impl Connection {
    /// Connects.
    pub(crate) fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_nodelay(true).expect("a socket can be set");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket can be set");
        stream.set_write_timeout(Some(PATIENCE)).expect("a socket can be set");
        Self { stream, buffer: vec![0; BUFFER], unused: 0..0 }
    }

    /// Sends all slices, in as few writes as the system allows.
    pub(crate) fn send(&mut self, slices: &mut [IoSlice<'_>]) {
        let mut rest = slices;
        while !rest.is_empty() {
            match self.stream.write_vectored(rest) {
                Ok(written) => IoSlice::advance_slices(&mut rest, written),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => self.broken(&error),
            }
        }
    }

    /// A server that refuses a body says why before it closes.
    fn broken(&mut self, error: &std::io::Error) -> ! {
        let mut said = vec![0; 4096];
        let read = self.stream.read(&mut said).unwrap_or_default();
        panic!("cannot send a request: {error}; the server said: {}", String::from_utf8_lossy(&said[..read]));
    }

    /// Sends a request without a body.
    pub(crate) fn ask(&mut self, head: &[u8]) {
        self.send(&mut [IoSlice::new(head)]);
    }

    /// Sends a request with a body that is at hand.
    pub(crate) fn ask_with(&mut self, head: &[u8], body: &[u8]) {
        self.send(&mut [IoSlice::new(head), IoSlice::new(body)]);
    }

    /// Reads an answer that must have the status, and forgets its body. Returns how long that was.
    pub(crate) fn expect(&mut self, status: u16) -> u64 {
        let answer = self.answer(status);
        let mut left = answer.length;
        self.unused.start += self.take(&mut left);
        while left > 0 {
            let read = self.stream.read(&mut self.buffer).expect("the answer arrives");
            assert!(read > 0, "the answer broke off");
            let of_this = usize::try_from(left).unwrap_or(usize::MAX).min(read);
            left -= of_this as u64;
            self.unused = of_this..read;
        }
        answer.length
    }

    /// Reads an answer that must have the status, and its body.
    pub(crate) fn collect(&mut self, status: u16) -> Vec<u8> {
        let mut body = Vec::new();
        self.collect_pieces(status, |piece| body.extend_from_slice(piece));
        body
    }

    /// Reads an answer that must have the status, and shows its body piece by piece.
    pub(crate) fn collect_pieces(&mut self, status: u16, mut show: impl FnMut(&[u8])) -> u64 {
        let answer = self.answer(status);
        let mut left = answer.length;
        loop {
            let first = self.unused.start;
            let taken = self.take(&mut left);
            show(&self.buffer[first..first + taken]);
            self.unused.start += taken;
            if left == 0 {
                return answer.length;
            }
            let read = self.stream.read(&mut self.buffer).expect("the answer arrives");
            assert!(read > 0, "the answer broke off");
            self.unused = 0..read;
        }
    }

    /// How much of what is unused belongs to a body of which `left` bytes are missing; takes it off.
    fn take(&self, left: &mut u64) -> usize {
        let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(self.unused.len());
        *left -= taken as u64;
        taken
    }

    fn answer(&mut self, status: u16) -> Answer {
        let answer = self.read_head();
        if answer.status != status {
            let mut left = answer.length;
            let taken = self.take(&mut left);
            let said = String::from_utf8_lossy(&self.buffer[self.unused.start..self.unused.start + taken]);
            panic!("the server answered {} instead of {status}: {said}", answer.status);
        }
        answer
    }

    fn read_head(&mut self) -> Answer {
        loop {
            let unused = &self.buffer[self.unused.clone()];
            if let Some(end) = unused.windows(4).position(|four| four == b"\r\n\r\n") {
                let answer = parse(&unused[..end]);
                self.unused.start += end + 4;
                return answer;
            }
            self.buffer.copy_within(self.unused.clone(), 0);
            self.unused = 0..self.unused.len();
            let read = self.stream.read(&mut self.buffer[self.unused.end..]).expect("the server answers");
            assert!(read > 0, "the server closed the connection instead of answering");
            self.unused.end += read;
        }
    }
}

fn parse(head: &[u8]) -> Answer {
    let text = std::str::from_utf8(head).expect("a head is text");
    let status = text.get(9..12).and_then(|status| status.parse().ok()).expect("an answer begins with its status");
    let mut length = None;
    for line in text.lines().skip(1) {
        let Some((name, value)) = line.split_once(':') else { continue };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok();
        }
        assert!(!name.eq_ignore_ascii_case("transfer-encoding"), "this client reads no answers in chunks: {text}");
    }
    Answer { status, length: length.unwrap_or_default() }
}
