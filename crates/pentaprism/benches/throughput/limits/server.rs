//! HTTP/1.1, just enough: one thread per connection, one buffer of 1 MiB, every answer without a body.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use super::storage::{Place, Sink, Storage};

/// What is read at once.
const BUFFER: usize = 1 << 20;

/// Serves until the process ends.
pub(super) fn serve(listener: &TcpListener, storage: &Storage) {
    for stream in listener.incoming() {
        let (stream, storage) = (stream.expect("a connection"), storage.clone());
        std::thread::spawn(move || {
            if let Err(error) = answer_all(stream, &storage) {
                eprintln!("a limit server lost a connection: {error}");
            }
        });
    }
}

struct Request {
    method: String,
    place: Place,
    length: u64,
}

fn answer_all(mut stream: TcpStream, storage: &Storage) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; BUFFER];
    // A client sends the next request only after the answer, so that nothing of it is in the buffer behind a body.
    while let Some((request, first, filled)) = read_head(&mut stream, &mut buffer)? {
        let mut sink = storage.begin(&request.method, &request.place, request.length)?;
        let mut left = request.length - (filled - first) as u64;
        sink.take(&buffer[first..filled])?;
        while left > 0 {
            // What has come is written at once. Waiting until the buffer is full was measured to be slower: that much fits in no
            // cache that is near.
            let room = usize::try_from(left).unwrap_or(BUFFER).min(BUFFER);
            let read = stream.read(&mut buffer[..room])?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            sink.take(&buffer[..read])?;
            left -= read as u64;
        }
        finish(sink, &mut stream)?;
    }
    Ok(())
}

fn finish(sink: Sink, stream: &mut TcpStream) -> io::Result<()> {
    sink.finish()?;
    stream.write_all(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
}

/// The next request, with where its body begins in the buffer and where that ends; none when the client has gone.
fn read_head(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<Option<(Request, usize, usize)>> {
    let mut filled = 0;
    loop {
        match stream.read(&mut buffer[filled..])? {
            0 => return Ok(None),
            read => filled += read,
        }
        if let Some(end) = buffer[..filled].windows(4).position(|four| four == b"\r\n\r\n") {
            return Ok(Some((parse(&buffer[..end])?, end + 4, filled)));
        }
    }
}

fn parse(head: &[u8]) -> io::Result<Request> {
    let malformed = || io::Error::from(io::ErrorKind::InvalidData);
    let text = std::str::from_utf8(head).map_err(|_| malformed())?;
    let mut words = text.split(' ');
    let (method, target) = (words.next().ok_or_else(malformed)?, words.next().ok_or_else(malformed)?);
    let field = |wanted: &str| {
        let mut lines = text.lines().filter_map(|line| line.split_once(": "));
        lines.find_map(|(name, value)| name.eq_ignore_ascii_case(wanted).then_some(value))
    };
    let length = field("content-length").map_or(Ok(0), str::parse).map_err(|_| malformed())?;
    let offset = field("content-range").and_then(|range| range.strip_prefix("bytes ")?.split('-').next()?.parse().ok());
    let path = target.split('?').next().unwrap_or_default();
    // No part of a path becomes a folder.
    let place = Place { file: path.trim_matches('/').replace('/', "-"), offset };
    Ok(Request { method: method.to_owned(), place, length })
}
