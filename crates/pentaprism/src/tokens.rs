//! Secrets for public links: whoever knows one may read what it stands for, so nobody may guess it.

use std::fmt::Write as _;

/// Where new secrets come from, given by the caller so that tests know them beforehand.
pub trait Tokens: Send + Sync {
    /// The next 128 bits; nobody can tell them from those before.
    fn next(&self) -> [u8; 16];

    /// The next secret as it stands in a link: 32 hexadecimal digits.
    fn next_text(&self) -> String {
        self.next().iter().fold(String::with_capacity(32), |mut text, byte| {
            let _infallible = write!(text, "{byte:02x}");
            text
        })
    }
}

/// Secrets from the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomTokens;

impl Tokens for RandomTokens {
    fn next(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).expect("the operating system hands out random bytes once it has started");
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed;

    impl Tokens for Fixed {
        fn next(&self) -> [u8; 16] {
            [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0xf0]
        }
    }

    #[test]
    fn a_secret_has_32_digits() {
        assert_eq!(Fixed.next_text(), "000102030405060708090a0b0c0d0ef0");
        assert_ne!(RandomTokens.next(), RandomTokens.next());
    }
}
