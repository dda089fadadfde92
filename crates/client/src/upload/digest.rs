//! Digests of images, computed beside the transfer: on threads that may block, one batch behind what goes by.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use md5::digest::DynDigest;
use pentaprism_core::{Body, BodyError};
use tokio::task::{JoinHandle, spawn_blocking};

/// Bytes that are hashed at once: enough that the way to another thread and back costs little beside the hashing.
const BATCH_BYTES: usize = 256 * 1024;
/// Pieces that are hashed at once at most, since a small piece may hold on to a large buffer.
const BATCH_PIECES: usize = 64;

/// How a digest is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// MD5: finds damage, not malice.
    Md5,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Algorithm {
    /// The name as services write it, such as `sha512`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// The algorithm of this name, in any case.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        [Self::Md5, Self::Sha256, Self::Sha384, Self::Sha512]
            .into_iter()
            .find(|one| name.eq_ignore_ascii_case(one.name()))
    }

    /// Begins a digest, for whoever has the bytes on a thread that may block.
    ///
    /// ```
    /// use pentaprism_client::upload::Algorithm;
    /// let mut digesting = Algorithm::Md5.begin();
    /// digesting.update(b"ab");
    /// digesting.update(b"c");
    /// assert_eq!(digesting.finish().hex, "900150983cd24fb0d6963f7d28e17f72");
    /// ```
    #[must_use]
    pub fn begin(self) -> Digesting {
        Digesting { algorithm: self, hasher: self.hasher() }
    }

    fn hasher(self) -> Hasher {
        match self {
            Self::Md5 => Box::new(md5::Md5::default()),
            Self::Sha256 => Box::new(sha2::Sha256::default()),
            Self::Sha384 => Box::new(sha2::Sha384::default()),
            Self::Sha512 => Box::new(sha2::Sha512::default()),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// What bytes are known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// How it was computed.
    pub algorithm: Algorithm,
    /// Its value in hexadecimal digits, in lower case.
    pub hex: String,
}

impl Digest {
    /// A digest that a service tells.
    #[must_use]
    pub fn told(algorithm: Algorithm, hex: &str) -> Self {
        Self { algorithm, hex: hex.trim().to_ascii_lowercase() }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.algorithm, self.hex)
    }
}

/// How bytes differ from those they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Difference {
    /// They are more or fewer.
    #[error("there are {got} bytes in place of {expected}")]
    Length {
        /// How many there should be.
        expected: u64,
        /// How many there are.
        got: u64,
    },
    /// They are others.
    #[error("their digest is {got} in place of {expected}")]
    Digest {
        /// The digest of what there should be.
        expected: Digest,
        /// The digest of what there is.
        got: Digest,
    },
}

type Hasher = Box<dyn DynDigest + Send>;

/// A digest of bytes that are still coming.
pub struct Digesting {
    algorithm: Algorithm,
    hasher: Hasher,
}

impl Digesting {
    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
    }

    /// The digest of all bytes.
    #[must_use]
    pub fn finish(self) -> Digest {
        Digest { algorithm: self.algorithm, hex: finished(self.hasher) }
    }
}

impl fmt::Debug for Digesting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Digesting").field(&self.algorithm).finish()
    }
}

/// Hashes pieces in their order.
pub(crate) struct Flow {
    algorithm: Algorithm,
    state: State,
    waiting: VecDeque<Bytes>,
    waiting_bytes: usize,
    bytes: u64,
}

enum State {
    Idle(Hasher),
    Busy(JoinHandle<Hasher>),
    /// The runtime ended before the thread did.
    Lost,
}

impl Flow {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        let state = State::Idle(algorithm.hasher());
        Self { algorithm, state, waiting: VecDeque::new(), waiting_bytes: 0, bytes: 0 }
    }

    fn is_full(&self) -> bool {
        self.waiting_bytes >= BATCH_BYTES || self.waiting.len() >= BATCH_PIECES
    }

    /// Waits until there is room for a piece.
    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.is_full() {
            ready!(self.poll_idle(cx));
            self.start();
        }
        Poll::Ready(())
    }

    /// Takes a piece. There is room once [`Flow::poll_ready`] says so.
    pub(crate) fn add(&mut self, piece: Bytes) {
        self.bytes += piece.len() as u64;
        self.waiting_bytes += piece.len();
        self.waiting.push_back(piece);
        if self.is_full() && !matches!(self.state, State::Busy(_)) {
            self.start();
        }
    }

    /// Takes all of `body`.
    pub(crate) async fn read(&mut self, body: &mut Body) -> Result<(), BodyError> {
        while let Some(piece) = body.data().await.transpose()? {
            std::future::poll_fn(|cx| self.poll_ready(cx)).await;
            self.add(piece);
        }
        Ok(())
    }

    /// How many bytes there were, and their digest unless the runtime is ending.
    pub(crate) async fn finish(mut self) -> (u64, Option<Digest>) {
        while !self.waiting.is_empty() {
            std::future::poll_fn(|cx| self.poll_idle(cx)).await;
            self.start();
        }
        std::future::poll_fn(|cx| self.poll_idle(cx)).await;
        let digest = match self.state {
            State::Idle(hasher) => Some(Digest { algorithm: self.algorithm, hex: finished(hasher) }),
            State::Busy(_) | State::Lost => None,
        };
        (self.bytes, digest)
    }

    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let State::Busy(thread) = &mut self.state {
            self.state = ready!(Pin::new(thread).poll(cx)).map_or(State::Lost, State::Idle);
        }
        Poll::Ready(())
    }

    /// Gives what waits to a thread, which nothing else has at the time.
    fn start(&mut self) {
        let batch = std::mem::take(&mut self.waiting);
        self.waiting_bytes = 0;
        if let State::Idle(mut hasher) = std::mem::replace(&mut self.state, State::Lost) {
            self.state = State::Busy(spawn_blocking(move || {
                for piece in batch {
                    hasher.update(&piece);
                }
                hasher
            }));
        }
    }
}

fn finished(mut hasher: Hasher) -> String {
    let mut bytes = vec![0; hasher.output_size()];
    hasher.finalize_into_reset(&mut bytes).expect("the buffer has the size of the digest");
    bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn digest(algorithm: Algorithm, pieces: &[Bytes]) -> String {
        let mut flow = Flow::new(algorithm);
        for piece in pieces {
            std::future::poll_fn(|cx| flow.poll_ready(cx)).await;
            flow.add(piece.clone());
        }
        let (bytes, digest) = flow.finish().await;
        assert_eq!(bytes, pieces.iter().map(|piece| piece.len() as u64).sum::<u64>());
        digest.unwrap().hex
    }

    #[tokio::test]
    async fn digests_are_those_of_the_algorithms() {
        let abc = [Bytes::from("a"), Bytes::new(), Bytes::from("bc")];
        assert_eq!(digest(Algorithm::Md5, &[]).await, "d41d8cd98f00b204e9800998ecf8427e");
        assert_eq!(digest(Algorithm::Md5, &abc).await, "900150983cd24fb0d6963f7d28e17f72");
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest(Algorithm::Sha256, &abc).await, sha256);
        assert!(digest(Algorithm::Sha384, &abc).await.starts_with("cb00753f45a35e8bb5a03d699ac65007"));
        assert!(digest(Algorithm::Sha512, &abc).await.starts_with("ddaf35a193617abacc417349ae204131"));
        assert_eq!(Algorithm::of_name("SHA512"), Some(Algorithm::Sha512));
        assert_eq!(Algorithm::of_name("blake2b"), None);
    }

    #[tokio::test]
    async fn order_is_kept_through_many_batches() {
        let piece = |length| Bytes::from((0..=250).cycle().take(length).collect::<Vec<u8>>());
        let large: Vec<Bytes> = [1, BATCH_BYTES - 1, BATCH_BYTES + 7, 3, 2 * BATCH_BYTES].map(piece).to_vec();
        let small = vec![piece(3); 10 * BATCH_PIECES + 1];
        for pieces in [large, small] {
            let whole = [Bytes::from(pieces.concat())];
            assert_eq!(digest(Algorithm::Md5, &pieces).await, digest(Algorithm::Md5, &whole).await);
        }
    }
}
