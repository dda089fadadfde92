//! Times as the command line takes them.

use std::time::Duration;

/// A text is no time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("write a number and s, m or h, such as 90s, 5m or 2h")]
pub struct InvalidDuration;

/// Reads `90`, `90s`, `5m`, `2h`, `1500ms` and several of them in a row, such as `1h30m`.
///
/// # Errors
/// [`InvalidDuration`] for any other text, and for nothing at all.
pub fn read(text: &str) -> Result<Duration, InvalidDuration> {
    if let Ok(seconds) = text.parse::<u32>() {
        return positive(Duration::from_secs(seconds.into()));
    }
    let (mut rest, mut sum) = (text, Duration::ZERO);
    while !rest.is_empty() {
        let digits = rest.find(|character: char| !character.is_ascii_digit()).ok_or(InvalidDuration)?;
        let (number, behind) = rest.split_at(digits);
        let unit_end = behind.find(|character: char| character.is_ascii_digit()).unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(unit_end);
        let number: u32 = number.parse().map_err(|_| InvalidDuration)?;
        let unit = match unit {
            "ms" => Duration::from_millis(1),
            "s" => Duration::from_secs(1),
            "m" => Duration::from_mins(1),
            "h" => Duration::from_hours(1),
            _ => return Err(InvalidDuration),
        };
        sum += unit.checked_mul(number).ok_or(InvalidDuration)?;
        rest = behind;
    }
    positive(sum)
}

fn positive(duration: Duration) -> Result<Duration, InvalidDuration> {
    if duration.is_zero() { Err(InvalidDuration) } else { Ok(duration) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_units() {
        for (text, milliseconds) in
            [("90", 90_000), ("90s", 90_000), ("5m", 300_000), ("2h", 7_200_000), ("1h30m", 5_400_000), ("1s5ms", 1005)]
        {
            assert_eq!(read(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "0", "0s", "s", "-5s", "1.5h", "5 m", "5d", "99999999999s", "5m3"] {
            assert_eq!(read(text), Err(InvalidDuration), "{text}");
        }
    }
}
