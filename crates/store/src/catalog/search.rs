//! A search as SQL.
//!
//! First only the rows of the page are found, one way of reaching names after the other, each through its own index and never
//! more than the page has room for; then these are merged and read. `INDEXED BY` makes sure that what is fast stays fast.

use std::fmt::Write as _;

use rusqlite::{Connection, OptionalExtension as _, params_from_iter, types::Value as Sql};

use super::queries::{NAME_COLUMNS, name_of};
use crate::{
    model::Name,
    search::{Companion, Direction, Field, Filter, Reach, Search, Value},
};

/// The names of a page. `writing` are the keys in the scope that an exclusive upload runs for.
pub(super) fn search(db: &Connection, search: &Search, writing: &[String]) -> rusqlite::Result<Vec<Name>> {
    let snapshot = db.unchecked_transaction()?;
    let mut whole = snapshot.prepare_cached(&format!("SELECT {NAME_COLUMNS} FROM name WHERE row = ?1"))?;
    let rows = rows(&snapshot, search, writing)?.into_iter();
    rows.map(|row| whole.query_row([row], |row| name_of(row, &search.dialect, &search.scope))).collect()
}

/// The keys of a page, without what the names have.
pub(super) fn keys(db: &Connection, search: &Search, writing: &[String]) -> rusqlite::Result<Vec<String>> {
    let snapshot = db.unchecked_transaction()?;
    let mut key = snapshot.prepare_cached("SELECT key FROM name WHERE row = ?1")?;
    let rows = rows(&snapshot, search, writing)?.into_iter();
    rows.map(|row| key.query_row([row], |row| row.get(0))).collect()
}

/// Where the names of a page are.
fn rows(db: &Connection, search: &Search, writing: &[String]) -> rusqlite::Result<Vec<i64>> {
    let order = Ordering::of(search);
    let position = match &search.after {
        None => None,
        Some(after) => match position(db, search, &order, after)? {
            Some(position) => Some(position),
            None => return Ok(Vec::new()),
        },
    };
    let page = page(search, &order, position.as_deref(), writing);
    db.prepare_cached(&page.text)?.query_map(params_from_iter(page.values), |row| row.get(0))?.collect()
}

/// A piece of a statement with what belongs to its question marks.
#[derive(Debug, Clone, Default)]
struct Piece {
    text: String,
    values: Vec<Sql>,
}

impl Piece {
    fn new(text: impl Into<String>, values: impl IntoIterator<Item = Sql>) -> Self {
        Self { text: text.into(), values: values.into_iter().collect() }
    }

    fn add(&mut self, text: &str, values: impl IntoIterator<Item = Sql>) {
        self.text.push_str(text);
        self.values.extend(values);
    }

    fn and(&mut self, condition: Self) {
        self.add(" AND ", []);
        self.add(&condition.text, condition.values);
    }

    /// The condition that this one does not hold, or is not known.
    fn negated(self) -> Self {
        Self { text: format!("({}) IS NOT TRUE", self.text), values: self.values }
    }
}

/// What the rows of a list are ordered by, the key at last. No expression is ever null.
struct Ordering(Vec<(String, Direction)>);

impl Ordering {
    fn of(search: &Search) -> Self {
        let mut order: Vec<_> = search.order.iter().map(|(field, direction)| (ordered(*field), *direction)).collect();
        let last = order.last().map_or(Direction::Ascending, |(_, direction)| *direction);
        if !search.order.iter().any(|(field, _)| *field == Field::Key) {
            order.push((ordered(Field::Key), last));
        }
        Self(order)
    }

    fn clause(&self, name: impl Fn(usize, &str) -> String) -> String {
        let terms = self.0.iter().enumerate().map(|(index, (expression, direction))| {
            let direction = if *direction == Direction::Descending { " DESC" } else { "" };
            name(index, expression) + direction
        });
        terms.collect::<Vec<_>>().join(", ")
    }

    /// The condition that a row comes behind a position. Its first part alone lets an index begin there.
    fn behind(&self, position: &[Sql]) -> Piece {
        let sign = |direction: Direction| if direction == Direction::Descending { "<" } else { ">" };
        let (first, direction) = &self.0[0];
        let mut piece = Piece::new(format!("{first} {}= ? AND (", sign(*direction)), [position[0].clone()]);
        for (index, (expression, direction)) in self.0.iter().enumerate() {
            piece.add(if index == 0 { "(" } else { " OR (" }, []);
            for ((equal, _), value) in self.0.iter().zip(position).take(index) {
                piece.add(&format!("{equal} = ? AND "), [value.clone()]);
            }
            piece.add(&format!("{expression} {} ?)", sign(*direction)), [position[index].clone()]);
        }
        piece.add(")", []);
        piece
    }
}

/// A field as it stands in a condition; null where it is missing.
fn plain(field: Field) -> String {
    match field {
        Field::Key => "n.key".to_owned(),
        Field::Status => "n.status".to_owned(),
        Field::Owner => "n.owner".to_owned(),
        Field::Size => "n.size".to_owned(),
        Field::Created => "n.created".to_owned(),
        Field::Modified => "n.modified".to_owned(),
        Field::Attribute(name) => format!("(n.attributes ->> '{}')", path(name)),
    }
}

/// A field as lists are ordered by it.
fn ordered(field: Field) -> String {
    match field {
        Field::Size => "coalesce(n.size, -1)".to_owned(),
        Field::Owner | Field::Attribute(_) => format!("coalesce({}, '')", plain(field)),
        field => plain(field),
    }
}

/// The place of an attribute. Names are constants of a dialect; anything unusual in one would be a mistake there.
fn path(name: &'static str) -> String {
    let usual = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    assert!(usual, "an attribute's name has letters, digits and underscores only");
    format!("$.{name}")
}

fn sql(value: &Value) -> Sql {
    match value {
        Value::Text(text) => text.clone().into(),
        Value::Number(number) => (*number).into(),
        Value::Flag(flag) => i64::from(*flag).into(),
    }
}

/// Texts and numbers as one parameter, however many they are.
fn list<'v>(values: impl IntoIterator<Item = &'v Value>) -> Sql {
    let json = |value: &Value| match value {
        Value::Text(text) => serde_json::Value::from(text.as_str()),
        Value::Number(number) => (*number).into(),
        Value::Flag(flag) => i64::from(*flag).into(),
    };
    serde_json::Value::Array(values.into_iter().map(json).collect()).to_string().into()
}

fn is_one_of(field: Field, values: &[Value]) -> Piece {
    let expression = plain(field);
    match values {
        [only] => Piece::new(format!("{expression} = ?"), [sql(only)]),
        several => Piece::new(format!("{expression} IN (SELECT value FROM json_each(?))"), [list(several)]),
    }
}

fn condition(filter: &Filter, writing: &[String]) -> Piece {
    match filter {
        Filter::Is(field, values) => is_one_of(*field, values),
        Filter::Within(field, from, before) => {
            let mut piece = Piece::new(format!("{} IS NOT NULL", plain(*field)), []);
            for (bound, sign) in [(from, ">="), (before, "<")] {
                if let Some(bound) = bound {
                    piece.and(Piece::new(format!("{} {sign} ?", plain(*field)), [(*bound).into()]));
                }
            }
            piece
        }
        Filter::Present(field) => Piece::new(format!("{} IS NOT NULL", plain(*field)), []),
        Filter::Holds(attribute, text) => Piece::new(
            format!("EXISTS (SELECT 1 FROM json_each(n.attributes, '{}') WHERE value = ?)", path(attribute)),
            [text.clone().into()],
        ),
        Filter::HoldsPair(attribute, first, second) => Piece::new(
            format!(
                "EXISTS (SELECT 1 FROM json_each(n.attributes, '{}') WHERE value ->> 0 = ? AND value ->> 1 = ?)",
                path(attribute)
            ),
            [first.clone().into(), second.clone().into()],
        ),
        Filter::Status(states) => any(states.iter().map(|(status, is_writing)| {
            let mut piece = Piece::new("n.status = ?", [status.clone().into()]);
            if let Some(is_writing) = is_writing {
                let keys = writing.iter().map(|key| Value::Text(key.clone())).collect::<Vec<_>>();
                let not = if *is_writing { "" } else { "NOT " };
                piece.and(Piece::new(format!("n.key {not}IN (SELECT value FROM json_each(?))"), [list(&keys)]));
            }
            piece
        })),
        Filter::Not(filter) => condition(filter, writing).negated(),
    }
}

/// One of the conditions; without any, nothing fulfils it. A constant would make the index needless that must be used.
fn any(conditions: impl Iterator<Item = Piece>) -> Piece {
    let mut whole = Piece::new("(", []);
    for (index, condition) in conditions.enumerate() {
        whole.add(if index == 0 { "(" } else { " OR (" }, []);
        whole.add(&condition.text, condition.values);
        whole.add(")", []);
    }
    if whole.text == "(" {
        whole.add("n.created <> n.created", []);
    }
    whole.add(")", []);
    whole
}

/// Whether one name is within reach.
fn within(search: &Search, reach: &Reach) -> Piece {
    match reach {
        Reach::Owner(owner) => Piece::new("n.owner = ?", [owner.clone().into()]),
        Reach::Attribute(attribute, text) => is_one_of(Field::Attribute(attribute), &[Value::Text(text.clone())]),
        Reach::Flag(attribute) => is_one_of(Field::Attribute(attribute), &[Value::Flag(true)]),
        Reach::Companion(companion, attribute, text) => {
            let mut piece = Piece::new(
                "EXISTS (SELECT 1 FROM name AS m WHERE m.dialect = ? AND m.scope = ? || n.key AND m.key = ?",
                [search.dialect.clone().into(), companion.prefix.to_owned().into(), companion.key.clone().into()],
            );
            if let Some(status) = &companion.status {
                piece.add(" AND m.status = ?", [status.clone().into()]);
            }
            piece.add(")", []);
            piece.and(is_one_of(Field::Attribute(attribute), &[Value::Text(text.clone())]));
            piece
        }
    }
}

/// The rows that a way of reaching them may have: what they are read from, and what they fulfil beyond filters and position.
fn source(search: &Search, reach: &Reach) -> (Piece, Piece) {
    let indexed = |index: &str| Piece::new(format!("name AS n INDEXED BY {index}"), []);
    match reach {
        Reach::Owner(_) => (indexed("name_owner"), within(search, reach)),
        Reach::Flag(_) => (indexed("name_newest"), within(search, reach)),
        Reach::Attribute(attribute, _) => {
            let index = index_of(attribute).unwrap_or("name_newest");
            let mut condition = within(search, reach);
            condition.and(Piece::new(format!("{} IS NOT NULL", plain(Field::Attribute(attribute))), []));
            (indexed(index), condition)
        }
        Reach::Companion(companion, attribute, text) => {
            let Companion { prefix, key, status } = companion;
            let length = i64::try_from(prefix.len()).unwrap_or(i64::MAX).saturating_add(1);
            let from = Piece::new(
                "name AS m INDEXED BY name_companion CROSS JOIN name AS n INDEXED BY sqlite_autoindex_name_1 \
                 ON n.key = substr(m.scope, ?)",
                [length.into()],
            );
            // `0` is the character behind `/`, which the prefix ends with.
            let end = format!("{}0", prefix.strip_suffix('/').expect("a prefix of companions ends with a slash"));
            let mut condition = Piece::new(
                "m.dialect = ? AND m.key = ? AND m.scope >= ? AND m.scope < ? AND m.parent IS NULL AND instr(m.scope, '/') > 0",
                [search.dialect.clone().into(), key.clone().into(), (*prefix).to_owned().into(), end.into()],
            );
            if let Some(status) = status {
                condition.and(Piece::new("m.status = ?", [status.clone().into()]));
            }
            condition.and(is_one_of(Field::Attribute(attribute), &[Value::Text(text.clone())]));
            (from, condition)
        }
    }
}

/// The index of an attribute that has one.
fn index_of(attribute: &str) -> Option<&'static str> {
    match attribute {
        "name" => Some("name_named"),
        "visibility" => Some("name_visibility"),
        _ => None,
    }
}

/// What finds a few names, when the filters single them out.
#[derive(Debug, Clone, Copy)]
struct Singled {
    index: &'static str,
    /// The attribute that names must have to be in the index.
    attribute: Option<&'static str>,
}

fn singled_out(filters: &[Filter]) -> Option<Singled> {
    let by = |wanted: Field| filters.iter().any(|filter| matches!(filter, Filter::Is(field, _) if *field == wanted));
    if by(Field::Key) {
        return Some(Singled { index: "sqlite_autoindex_name_1", attribute: None });
    }
    let indexed = [("name", "name_named"), ("itwin", "name_itwin"), ("imodel", "name_imodel")];
    let (attribute, index) = indexed.into_iter().find(|(attribute, _)| by(Field::Attribute(attribute)))?;
    Some(Singled { index, attribute: Some(attribute) })
}

/// Selects the rows of a page in their order.
fn page(search: &Search, order: &Ordering, position: Option<&[Sql]>, writing: &[String]) -> Piece {
    // What one arm skips need not be merged; several have to find it first.
    let alone = arms_of(search) == 1;
    let (inner, outer) = if alone { ([search.limit, search.skip], 0) } else { ([merged(search), 0], search.skip) };
    let arm = |from: Piece, condition: Option<Piece>| {
        let mut arm = arm(search, order, position, writing, from, condition);
        arm.add(" LIMIT ? OFFSET ?", inner.map(count));
        arm
    };
    let indexed = |index: &str| Piece::new(format!("name AS n INDEXED BY {index}"), []);
    let singled = singled_out(&search.filters).map(|singled| singled.index);
    let arms: Vec<Piece> = match (&search.reach, singled) {
        (None, index) => vec![arm(indexed(index.unwrap_or("name_newest")), None)],
        (Some(reach), Some(index)) => {
            vec![arm(indexed(index), Some(any(reach.iter().map(|reach| within(search, reach)))))]
        }
        (Some(reach), None) if reach.is_empty() => vec![arm(indexed("name_newest"), Some(any(std::iter::empty())))],
        (Some(reach), None) => {
            let arms = reach.iter().enumerate().map(|(index, way)| {
                let (from, mut condition) = source(search, way);
                // What an earlier way reached is not listed twice.
                for earlier in &reach[..index] {
                    condition.and(within(search, earlier).negated());
                }
                arm(from, Some(condition))
            });
            arms.collect()
        }
    };
    let mut whole = Piece::new("SELECT row FROM (", []);
    for (index, arm) in arms.into_iter().enumerate() {
        whole.add(if index == 0 { "SELECT * FROM (" } else { " UNION ALL SELECT * FROM (" }, []);
        whole.add(&arm.text, arm.values);
        whole.add(")", []);
    }
    let order = order.clause(|index, _| format!("k{index}"));
    whole.add(&format!(") ORDER BY {order} LIMIT ? OFFSET ?"), [search.limit, outer].map(count));
    whole
}

/// How many selections are merged into a page.
fn arms_of(search: &Search) -> usize {
    match &search.reach {
        Some(reach) if singled_out(&search.filters).is_none() => reach.len().max(1),
        _ => 1,
    }
}

/// How many names each of several arms must find.
fn merged(search: &Search) -> usize {
    search.limit.saturating_add(search.skip)
}

fn count(names: usize) -> Sql {
    i64::try_from(names).unwrap_or(i64::MAX).into()
}

fn arm(
    search: &Search,
    order: &Ordering,
    position: Option<&[Sql]>,
    writing: &[String],
    from: Piece,
    condition_of_arm: Option<Piece>,
) -> Piece {
    let mut text = "SELECT n.row AS row".to_owned();
    for (index, (expression, _)) in order.0.iter().enumerate() {
        write!(text, ", {expression} AS k{index}").expect("a string takes all text");
    }
    text.push_str(" FROM ");
    let mut piece = Piece::new(text, []);
    piece.add(&from.text, from.values);
    piece.add(
        " WHERE n.dialect = ? AND n.scope = ? AND n.parent IS NULL",
        [search.dialect.clone().into(), search.scope.clone().into()],
    );
    if let Some(condition) = condition_of_arm {
        piece.and(condition);
    }
    if let Some(Singled { attribute: Some(attribute), .. }) = singled_out(&search.filters) {
        piece.and(Piece::new(format!("{} IS NOT NULL", plain(Field::Attribute(attribute))), []));
    }
    search.filters.iter().for_each(|filter| piece.and(condition(filter, writing)));
    if let Some(position) = position {
        piece.and(order.behind(position));
    }
    piece.add(&format!(" ORDER BY {}", order.clause(|_, expression| expression.to_owned())), []);
    piece
}

/// What a name has in the place of each expression of the order.
fn position(db: &Connection, search: &Search, order: &Ordering, key: &str) -> rusqlite::Result<Option<Vec<Sql>>> {
    let expressions: Vec<&str> = order.0.iter().map(|(expression, _)| expression.as_str()).collect();
    let text = format!(
        "SELECT {} FROM name AS n WHERE n.dialect = ?1 AND n.scope = ?2 AND n.key = ?3",
        expressions.join(", ")
    );
    db.prepare_cached(&text)?
        .query_row([&search.dialect, &search.scope, key], |row| {
            (0..order.0.len()).map(|index| row.get(index)).collect()
        })
        .optional()
}

#[cfg(test)]
#[path = "search_tests.rs"]
mod tests;
