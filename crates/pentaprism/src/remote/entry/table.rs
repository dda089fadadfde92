//! Entries as people read them: a table for `ls`, a block for `stat`.

use std::fmt::Write as _;

use serde_json::Value;

use super::Entry;
use crate::remote::paint::Paint;
use crate::remote::size;
use crate::remote::text::{padded, plain, shortened, width};

/// How many columns a value of a service's own record may take in a block.
const VALUE_COLUMNS: usize = 100;

/// What is written where nothing is known.
const UNKNOWN: &str = "-";

/// A column: what is above it, whether numbers stand in it, and what it says of an entry.
type Column = (&'static str, bool, fn(&Entry) -> Option<String>);

const SHORT: [Column; 3] = [
    ("SIZE", true, |entry| entry.size.map(size::bytes)),
    ("ADDRESS", false, |entry| Some(entry.address.to_string())),
    ("NAME", false, |entry| entry.name.clone()),
];

const LONG: [Column; 6] = [
    ("KIND", false, |entry| Some(entry.kind.name().to_owned())),
    ("STATUS", false, |entry| entry.status.clone()),
    ("SIZE", true, |entry| entry.size.map(|size| size.to_string())),
    ("MODIFIED", false, |entry| entry.modified.clone()),
    ("ADDRESS", false, |entry| Some(entry.address.to_string())),
    ("NAME", false, |entry| entry.name.clone()),
];

/// Entries below each other: size, address and name, without a heading and without columns in which nothing would stand; or,
/// `long`, also kind, status, exact size and time, with a heading and always with all columns.
#[must_use]
pub fn table(entries: &[Entry], long: bool, paint: Paint) -> String {
    let columns: &[Column] = if long { &LONG } else { &SHORT };
    let mut rows: Vec<Vec<String>> = entries
        .iter()
        .map(|entry| {
            let cell =
                |&(_, _, say): &Column| say(entry).map_or_else(|| UNKNOWN.to_owned(), |text| plain(&text).into_owned());
            columns.iter().map(cell).collect()
        })
        .collect();
    if long && !rows.is_empty() {
        rows.insert(0, columns.iter().map(|(heading, ..)| (*heading).to_owned()).collect());
    }
    let widths: Vec<usize> =
        (0..columns.len()).map(|column| rows.iter().map(|row| width(&row[column])).max().unwrap_or(0)).collect();
    let shown: Vec<usize> =
        (0..columns.len()).filter(|&column| long || rows.iter().any(|row| row[column] != UNKNOWN)).collect();
    let mut text = String::new();
    for (number, row) in rows.iter().enumerate() {
        let mut line = String::new();
        for &column in &shown {
            let separator = if line.is_empty() { "" } else { "  " };
            line = line + separator + &padded(&row[column], widths[column], columns[column].1);
        }
        let line = line.trim_end();
        let _infallible = match number {
            0 if long => writeln!(text, "{}", paint.strong(line)),
            _ => writeln!(text, "{line}"),
        };
    }
    text
}

/// Everything that is known of one entry, a line each; what only the service's own record has stands below.
#[must_use]
pub fn block(entry: &Entry, paint: Paint) -> String {
    let mut rows: Vec<(String, String)> = Vec::new();
    let mut row = |name: &str, value: Option<String>| rows.extend(value.map(|value| (name.to_owned(), value)));
    row("kind", Some(entry.kind.name().to_owned()));
    row("name", entry.name.clone());
    row("status", entry.status.clone());
    row(
        "size",
        entry.size.map(|count| match count {
            0..1024 => format!("{count} bytes"),
            _ => format!("{count} bytes ({})", size::bytes(count)),
        }),
    );
    row("modified", entry.modified.clone());
    row("media type", entry.media_type.clone());
    row("pixels", entry.pixels.map(|(width, height)| format!("{width} x {height}")));
    for (algorithm, digits) in &entry.checksums {
        row(algorithm, Some(digits.clone()));
    }
    let own = own_record(entry, &rows);
    let names = rows.iter().chain(&own).map(|(name, _)| width(&plain(name))).max().unwrap_or(0);
    let mut text = format!("{}\n", paint.strong(plain(&entry.address.to_string())));
    for (name, value) in &rows {
        let _infallible = writeln!(text, "  {}  {}", padded(&plain(name), names, false), plain(value));
    }
    if !own.is_empty() {
        let _infallible = writeln!(text, "  {}", paint.faint("in the service's own words:"));
    }
    for (name, value) in &own {
        let value = plain(value);
        let value = shortened(&value, VALUE_COLUMNS);
        let _infallible = writeln!(text, "  {}  {value}", padded(&plain(name), names, false));
    }
    text
}

/// The members of the service's record that say something, and something that was not said above.
fn own_record(entry: &Entry, said: &[(String, String)]) -> Vec<(String, String)> {
    let Value::Object(members) = &entry.details else { return Vec::new() };
    let text = |value: &Value| match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Array(items) if items.is_empty() => None,
        Value::Object(items) if items.is_empty() => None,
        other => Some(other.to_string()),
    };
    let exact = entry.size.map(|size| size.to_string());
    members
        .iter()
        .filter_map(|(name, value)| Some((name.clone(), text(value)?)))
        .filter(|(_, value)| Some(value) != exact.as_ref() && !said.iter().any(|(_, known)| known == value))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::entry::tests::entries;

    #[test]
    fn columns_stand_below_each_other_whatever_is_in_them() {
        insta::assert_snapshot!("short", table(&entries(), false, Paint::NONE));
        insta::assert_snapshot!("long", table(&entries(), true, Paint::NONE));
        assert_eq!(table(&entries()[2..], false, Paint::NONE), "sf:Store/日本\n");
        assert_eq!(table(&[], true, Paint::NONE), "");
    }

    #[test]
    fn a_block_says_everything_once() {
        insta::assert_snapshot!("block", block(&entries()[0], Paint::NONE));
    }
}
