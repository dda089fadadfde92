//! Tells HTTP/2 from HTTP/1 by the first bytes of a connection.

use std::io;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

/// What a client with prior knowledge of HTTP/2 sends first (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The protocol of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

/// Reads until the protocol is known, and returns what was read with it. A client that closes before its first byte
/// gives no bytes. It may wait for ever; the caller has the deadline.
pub(super) async fn detect<T: AsyncRead + Unpin>(stream: &mut T) -> io::Result<(Protocol, Bytes)> {
    let mut begun = BytesMut::with_capacity(PREFACE.len());
    loop {
        let compared = begun.len().min(PREFACE.len());
        if begun[..compared] != PREFACE[..compared] {
            return Ok((Protocol::Http1, begun.freeze()));
        }
        if compared == PREFACE.len() {
            return Ok((Protocol::Http2, begun.freeze()));
        }
        if stream.read_buf(&mut begun).await? == 0 {
            return Ok((Protocol::Http1, begun.freeze()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_preface_is_recognised_in_pieces() {
        let (head, rest) = PREFACE.split_at(5);
        let mut stream = head.chain(rest);
        assert_eq!(detect(&mut stream).await.unwrap(), (Protocol::Http2, Bytes::from_static(PREFACE)));
    }

    #[tokio::test]
    async fn everything_else_is_http_1_and_nothing_is_lost() {
        for text in ["GET / HTTP/1.1\r\n\r\n", "PRI", "PRI * HTTP/1.1\r\n\r\n", "P", ""] {
            let mut stream = text.as_bytes();
            let (protocol, begun) = detect(&mut stream).await.unwrap();
            assert_eq!(protocol, Protocol::Http1, "{text:?}");
            assert_eq!([&begun, stream].concat(), text.as_bytes(), "{text:?}");
        }
    }
}
