//! Bodies: written out, repeated, or in base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

/// From how many equal characters on a body is written as `@repeat`.
const REPEAT_FROM: u64 = 64;

/// A body. Long repetitions stay short in memory too, so that an exchange may announce gigabytes that nobody reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// The bytes themselves.
    Bytes(Bytes),
    /// One byte, over and over. At least 64 of them; fewer are written out.
    Repeat {
        /// How many.
        count: u64,
        /// Which.
        byte: u8,
    },
}

impl Payload {
    /// No bytes.
    #[must_use]
    pub const fn empty() -> Self {
        Self::Bytes(Bytes::new())
    }

    /// `count` times `byte`.
    #[must_use]
    pub fn repeat(count: u64, byte: u8) -> Self {
        if count >= REPEAT_FROM {
            return Self::Repeat { count, byte };
        }
        Self::Bytes((0..count).map(|_| byte).collect::<Vec<_>>().into())
    }

    /// The length in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Repeat { count, .. } => *count,
        }
    }

    /// Whether there are no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All bytes in memory.
    ///
    /// # Panics
    /// When they are more than memory can address.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        match self {
            Self::Bytes(bytes) => bytes.clone(),
            Self::Repeat { count, byte } => {
                vec![*byte; usize::try_from(*count).expect("exchanges fit into memory")].into()
            }
        }
    }

    /// The first half (rounded down) and the rest.
    #[must_use]
    pub fn halves(&self) -> (Self, Self) {
        let first = self.len() / 2;
        match self {
            Self::Bytes(bytes) => {
                let middle = bytes.len() / 2;
                (Self::Bytes(bytes.slice(..middle)), Self::Bytes(bytes.slice(middle..)))
            }
            Self::Repeat { count, byte } => (Self::repeat(first, *byte), Self::repeat(count - first, *byte)),
        }
    }

    /// Reads the lines of a body: text, or one `@` line.
    pub(super) fn read(text: &str) -> Result<Self, &'static str> {
        if let Some(rest) = text.strip_prefix("@repeat ") {
            let (count, byte) = rest.split_once(' ').ok_or("`@repeat` needs a count and a character")?;
            let count = count.parse().map_err(|_| "the count of `@repeat` is no number")?;
            return Ok(Self::repeat(count, repeated(byte)?));
        }
        if let Some(rest) = text.strip_prefix("@base64 ") {
            let packed: String = rest.split_ascii_whitespace().collect();
            let bytes = STANDARD.decode(packed).map_err(|_| "the text after `@base64` is no base64")?;
            return Ok(Self::from(Bytes::from(bytes)));
        }
        if text.starts_with('@') {
            return Err("a body that begins with `@` is `@repeat` or `@base64`");
        }
        Ok(Self::from(Bytes::copy_from_slice(text.as_bytes())))
    }

    /// The body as [`read`](Self::read) takes it.
    pub(super) fn write(&self) -> String {
        match self {
            Self::Repeat { count, byte: byte @ b'!'..=b'~' } => format!("@repeat {count} {}", char::from(*byte)),
            Self::Repeat { count, byte } => format!("@repeat {count} 0x{byte:02x}"),
            Self::Bytes(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) if is_plain(text) => text.to_owned(),
                _ => format!("@base64 {}", STANDARD.encode(bytes)),
            },
        }
    }
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Self {
        match bytes.first() {
            Some(&byte) if bytes.len() as u64 >= REPEAT_FROM && bytes.iter().all(|other| *other == byte) => {
                Self::Repeat { count: bytes.len() as u64, byte }
            }
            _ => Self::Bytes(bytes),
        }
    }
}

fn repeated(text: &str) -> Result<u8, &'static str> {
    match text.as_bytes() {
        [byte @ b'!'..=b'~'] => Ok(*byte),
        [b'0', b'x', digits @ ..] if digits.len() == 2 => {
            u8::from_str_radix(&text[2..], 16).map_err(|_| "the byte of `@repeat` is no two hexadecimal digits")
        }
        _ => Err("`@repeat` takes one visible ASCII character, or a byte such as 0x00"),
    }
}

/// Whether the text survives being written out between `###` lines.
fn is_plain(text: &str) -> bool {
    let visible = |character: char| !character.is_control() || matches!(character, '\n' | '\t');
    text.chars().all(visible) && !text.starts_with('@') && !text.lines().any(|line| line.starts_with("### "))
}
