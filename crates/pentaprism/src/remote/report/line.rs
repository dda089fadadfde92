//! How far a copy is, in one line of a terminal or of a log.

use std::time::Duration;

use crate::remote::size;
use crate::remote::text::{padded, shortened};

/// Columns of the parts beside the name.
const PERCENT: usize = 5;
const AMOUNT: usize = 22;
const STATE: usize = 27;
const GRAPHIC: usize = 20;
/// Columns that a name needs at least, and takes at most.
const NAME: std::ops::RangeInclusive<usize> = 12..=40;

/// What takes longer is not foretold.
const LONGEST: Duration = Duration::from_hours(100);

/// What is known of a copy.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct View<'a> {
    pub name: &'a str,
    /// What it does when no bytes move.
    pub stage: Option<&'a str>,
    pub position: u64,
    pub length: Option<u64>,
    /// Bytes in a second; 0 when it is not known.
    pub rate: u64,
    pub left: Option<Duration>,
}

impl View<'_> {
    /// A line of at most `columns`. In a narrow one the less important parts are missing.
    pub(super) fn bar(&self, columns: usize) -> String {
        // In the last column a terminal may begin a new line.
        let mut room = columns.saturating_sub(1).saturating_sub(*NAME.start());
        let mut takes = |part: usize| {
            let fits = room > part;
            room -= if fits { part + 1 } else { 0 };
            fits
        };
        let percent = self.percent().filter(|_| takes(PERCENT));
        let amount = takes(AMOUNT).then(|| self.amount());
        let state = takes(STATE).then(|| shortened(&self.state(), STATE).into_owned());
        let graphic = self.share().filter(|_| takes(GRAPHIC)).map(graphic);
        let name_columns = (room + NAME.start()).min(*NAME.end()).min(columns.saturating_sub(1));
        let mut line = padded(&shortened(self.name, name_columns), name_columns, false);
        for part in [
            graphic,
            percent.map(|percent| padded(&percent, PERCENT, true)),
            amount.map(|amount| padded(&amount, AMOUNT, true)),
            state,
        ] {
            line.extend(part.map(|part| format!(" {part}")));
        }
        shortened(line.trim_end(), columns.saturating_sub(1)).into_owned()
    }

    /// A line for a log, without columns.
    pub(super) fn log(&self) -> String {
        let mut parts = vec![format!("{}: {}", self.name, self.amount())];
        parts.extend(self.percent());
        parts.extend(Some(self.state()).filter(|state| !state.is_empty()));
        parts.join(", ")
    }

    fn amount(&self) -> String {
        let position = size::bytes(self.position);
        self.length.map_or_else(|| position.clone(), |length| format!("{position} of {}", size::bytes(length)))
    }

    /// In thousandths, never more than all.
    fn share(&self) -> Option<u64> {
        let length = u128::from(self.length.filter(|length| *length > 0)?);
        u64::try_from(u128::from(self.position) * 1000 / length).ok().map(|share| share.min(1000))
    }

    fn percent(&self) -> Option<String> {
        Some(format!("{} %", self.share()? / 10))
    }

    fn state(&self) -> String {
        match (self.stage, self.rate, self.left) {
            (Some(stage), ..) => stage.to_owned(),
            (None, 0, _) => String::new(),
            (None, rate, Some(left)) if self.length.is_some() && left < LONGEST => {
                format!("{}/s, {} left", size::bytes(rate), clock(left))
            }
            (None, rate, _) => format!("{}/s", size::bytes(rate)),
        }
    }
}

/// `0:09`, `12:00`, `1:02:03`: it takes the same room while it sinks.
fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

fn graphic(share: u64) -> String {
    let full = usize::try_from(share).unwrap_or(1000) * GRAPHIC / 1000;
    "━".repeat(full) + &"┄".repeat(GRAPHIC - full)
}

/// What a finished copy says: `2.0 GiB in 18 s, 113.8 MiB/s`.
pub(super) fn sum(bytes: u64, time: Duration) -> String {
    let rate = size::rate(bytes, time).filter(|_| bytes > 0 && time >= Duration::from_millis(10));
    let sum = format!("{} in {}", size::bytes(bytes), size::time(time));
    rate.map_or_else(|| sum.clone(), |rate| format!("{sum}, {rate}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::text::width;

    const HALF: View<'static> = View {
        name: "Store/App/Code.zip -> prod/sf:Store/App/Code.zip",
        stage: None,
        position: 1 << 30,
        length: Some(2 << 30),
        rate: 119 << 20,
        left: Some(Duration::from_secs(9)),
    };

    #[test]
    fn a_line_takes_what_the_terminal_has() {
        let lines = [120, 100, 80, 60, 40, 20, 10].map(|columns| {
            let line = HALF.bar(columns);
            assert!(width(&line) < columns, "{columns}: {line}");
            line
        });
        insta::assert_snapshot!(lines.join("\n"));
        for columns in 0..200 {
            let wide =
                View { name: "画像画像画像画像画像画像画像画像画像画像画像画像", ..HALF };
            assert!(width(&wide.bar(columns)) < columns.max(1));
        }
    }

    #[test]
    fn what_is_not_known_is_not_said() {
        let unknown = View { length: None, left: None, ..HALF };
        assert_eq!(unknown.log(), "Store/App/Code.zip -> prod/sf:Store/App/Code.zip: 1.0 GiB, 119.0 MiB/s");
        let waiting = View { name: "a", stage: Some("waiting for the service"), position: 9, length: Some(9), ..HALF };
        assert_eq!(waiting.log(), "a: 9 B of 9 B, 100 %, waiting for the service");
        assert_eq!(View { name: "a", length: Some(0), ..View::default() }.log(), "a: 0 B of 0 B");
        assert_eq!(sum(2 << 30, Duration::from_secs(16)), "2.0 GiB in 16 s, 128.0 MiB/s");
        assert_eq!(sum(0, Duration::ZERO), "0 B in 0.0 s");
    }
}
