//! Lists by what names have: who owns them, who may read them, what their attributes say. No HTTP, no dialect, no SQL.
//!
//! Attributes that are text and called `name`, `visibility`, `itwin` or `imodel` have an index, and so have owners and companions.

/// Something that names have and can be chosen and ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The key.
    Key,
    /// The status as it is stored; that an upload is running is no part of it.
    Status,
    /// The owner.
    Owner,
    /// The size of the content in bytes; missing before there is any.
    Size,
    /// When it was created, in microseconds since 1970.
    Created,
    /// When it was last changed, in microseconds since 1970.
    Modified,
    /// A member of the attributes, where these are an object.
    Attribute(&'static str),
}

/// A value to compare with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Text, compared bytewise.
    Text(String),
    /// A whole number.
    Number(i64),
    /// True or false.
    Flag(bool),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// What a name must fulfil to be listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// The field has one of these values.
    Is(Field, Vec<Value>),
    /// The field is a number from the first one on, and before the second one. A bound that is missing is none.
    Within(Field, Option<i64>, Option<i64>),
    /// The field is there and not null.
    Present(Field),
    /// The attribute is a list that has this text in it.
    Holds(&'static str, String),
    /// The attribute is a list of pairs of text, and this is one of them.
    HoldsPair(&'static str, String, String),
    /// The status is one of these, while an exclusive upload to the name is running (`true`), is not, or whether or not.
    Status(Vec<(String, Option<bool>)>),
    /// The filter does not hold.
    Not(Box<Filter>),
}

/// A way in which somebody comes to see names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// Names of this owner.
    Owner(String),
    /// Names whose attribute is this text.
    Attribute(&'static str, String),
    /// Names whose attribute is true.
    Flag(&'static str),
    /// Names that have a companion and whose attribute is this text.
    Companion(Companion, &'static str, String),
}

/// Another name of the same dialect that says something about a name with the key `k`: it is called `key` in the scope
/// `{prefix}{k}`. The prefix ends with `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Companion {
    /// What the companion's scope begins with.
    pub prefix: &'static str,
    /// Its key.
    pub key: String,
    /// The status that it must have, if not any.
    pub status: Option<String>,
}

/// Which way a list goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The smallest first.
    Ascending,
    /// The greatest first.
    Descending,
}

/// Which names of a scope to list, files of trees not among them.
///
/// Some orders read only what they list, and what filters leave out on the way: by time of creation; any order among names
/// that a filter on the key or on the attribute `name` singles out; and by the attribute `display_name` among those of one
/// `itwin` or `imodel`. Other orders read everything within reach, but never keep more than the limit, and what is skipped, for
/// each way of reaching it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// The dialect.
    pub dialect: String,
    /// The scope.
    pub scope: String,
    /// The ways to see a name, one of which is enough; none: every name is seen.
    pub reach: Option<Vec<Reach>>,
    /// What a listed name must fulfil, all of it.
    pub filters: Vec<Filter>,
    /// By what the list is ordered, the first one first; what is missing comes before everything else. Where nothing else is
    /// different the keys decide, in the direction of the last one.
    pub order: Vec<(Field, Direction)>,
    /// Continue behind the name of this key, which need not be within reach. One that does not exist lists nothing.
    pub after: Option<String>,
    /// Leave out so many names that would be listed.
    pub skip: usize,
    /// At most this many names.
    pub limit: usize,
}

impl Search {
    /// All names of a scope, the newest first, at most `limit`.
    pub fn new(dialect: impl Into<String>, scope: impl Into<String>, limit: usize) -> Self {
        Self {
            dialect: dialect.into(),
            scope: scope.into(),
            reach: None,
            filters: Vec::new(),
            order: vec![(Field::Created, Direction::Descending)],
            after: None,
            skip: 0,
            limit,
        }
    }
}
