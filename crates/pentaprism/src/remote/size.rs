//! Sizes and times as people read them.

use std::time::Duration;

const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// `512 B`, `1.5 KiB`, `2.0 GiB`: three digits at most before the point, one behind it.
#[must_use]
pub fn bytes(count: u64) -> String {
    if count < 1024 {
        return format!("{count} B");
    }
    // In tenths, rounded half up, without floating point: 1023.95 KiB is 1.0 MiB.
    let mut unit = 0;
    let mut divisor = 1024_u128;
    loop {
        let tenths = (u128::from(count) * 20 + divisor) / (divisor * 2);
        if tenths < 10_240 || unit + 1 == UNITS.len() {
            return format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit]);
        }
        unit += 1;
        divisor *= 1024;
    }
}

/// `12 MiB/s`, or nothing for no time at all.
#[must_use]
pub fn rate(count: u64, time: Duration) -> Option<String> {
    let per_second = u128::from(count).checked_mul(1_000_000_000)?.checked_div(time.as_nanos())?;
    Some(format!("{}/s", bytes(u64::try_from(per_second).unwrap_or(u64::MAX))))
}

/// `0.4 s`, `12 s`, `3 min 5 s`, `2 h 10 min`.
#[must_use]
pub fn time(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..10 => format!("{seconds}.{} s", time.subsec_millis() / 100),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_units() {
        for (count, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (1_048_524, "1023.9 KiB"),
            (1_048_525, "1.0 MiB"),
            (2 << 30, "2.0 GiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(bytes(count), text, "{count}");
        }
    }

    #[test]
    fn times_and_rates_are_short() {
        let texts =
            [400, 9_999, 12_000, 185_000, 7_800_000].map(|milliseconds| time(Duration::from_millis(milliseconds)));
        assert_eq!(texts, ["0.4 s", "9.9 s", "12 s", "3 min 5 s", "2 h 10 min"]);
        assert_eq!(rate(3 << 20, Duration::from_millis(1500)).unwrap(), "2.0 MiB/s");
        assert_eq!(rate(1, Duration::ZERO), None);
    }
}
