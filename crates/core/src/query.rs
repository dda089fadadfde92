//! A query as a form: parameters that may stand several times, and names that nobody declared.
//!
//! Operations with such parameters read their whole query this way: `+` is a space, as HTML forms and many clients write
//! it, and no pair is lost. What an operation takes once is the first of its name that is not empty; every other pair stays.

use std::borrow::Cow;

use percent_encoding::percent_decode;

use crate::request::{InvalidRequest, Location, RequestView};
use crate::scalar::Scalar;

/// The pairs of a query that were not taken yet, in their order.
#[derive(Debug)]
pub struct FormQuery<'r> {
    pairs: Vec<Pair<'r>>,
}

/// A name and its value, both decoded.
type Pair<'r> = (Cow<'r, [u8]>, Cow<'r, [u8]>);

impl RequestView<'_> {
    /// The query as a form.
    #[must_use]
    pub fn form_query(&self) -> FormQuery<'_> {
        let pairs = self.head.uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        FormQuery { pairs: pairs.map(|(name, value)| (bytes_of(name), bytes_of(value))).collect() }
    }
}

impl FormQuery<'_> {
    /// An optional parameter: the first of its name that is not empty.
    ///
    /// # Errors
    /// [`InvalidRequest::Parameter`].
    pub fn optional<T: Scalar>(&mut self, parameter: &'static str) -> Result<Option<T>, InvalidRequest> {
        let is_meant = |(name, value): &Pair<'_>| **name == *parameter.as_bytes() && !value.is_empty();
        let Some(index) = self.pairs.iter().position(is_meant) else { return Ok(None) };
        let (_, value) = self.pairs.remove(index);
        read(parameter, value).map(Some)
    }

    /// A required parameter.
    ///
    /// # Errors
    /// [`InvalidRequest::Missing`] or [`InvalidRequest::Parameter`].
    pub fn required<T: Scalar>(&mut self, parameter: &'static str) -> Result<T, InvalidRequest> {
        let missing = InvalidRequest::Missing { location: Location::Query, parameter };
        self.optional(parameter)?.ok_or(missing)
    }

    /// All values of a parameter in their order, empty ones too.
    ///
    /// # Errors
    /// [`InvalidRequest::Parameter`].
    pub fn all<T: Scalar>(&mut self, parameter: &'static str) -> Result<Vec<T>, InvalidRequest> {
        let meant = self.pairs.extract_if(.., |(name, _)| **name == *parameter.as_bytes());
        meant.map(|(_, value)| read(parameter, value)).collect()
    }

    /// What was not taken. `parameter` is what a mistake in it is called.
    ///
    /// # Errors
    /// [`InvalidRequest::Parameter`] for a name or value that is no UTF-8.
    pub fn rest(self, parameter: &'static str) -> Result<Vec<(String, String)>, InvalidRequest> {
        let pairs = self.pairs.into_iter();
        pairs.map(|(name, value)| Ok((utf8(parameter, name)?, utf8(parameter, value)?))).collect()
    }
}

fn bytes_of(raw: &str) -> Cow<'_, [u8]> {
    if raw.contains('+') {
        let spaced = raw.replace('+', " ");
        return Cow::Owned(percent_decode(spaced.as_bytes()).collect());
    }
    percent_decode(raw.as_bytes()).into()
}

fn read<T: Scalar>(parameter: &'static str, value: Cow<'_, [u8]>) -> Result<T, InvalidRequest> {
    let location = Location::Query;
    T::from_text(&utf8(parameter, value)?).map_err(|invalid| InvalidRequest::Parameter {
        location,
        parameter,
        expected: invalid.expected,
    })
}

fn utf8(parameter: &'static str, bytes: Cow<'_, [u8]>) -> Result<String, InvalidRequest> {
    let expected = "percent-encoded UTF-8";
    String::from_utf8(bytes.into_owned()).map_err(|_| InvalidRequest::Parameter {
        location: Location::Query,
        parameter,
        expected,
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Request;

    use super::*;
    use crate::path::Captures;
    use crate::request::RequestBuilder;

    fn with_query<R>(query: &str, read: impl FnOnce(FormQuery<'_>) -> R) -> R {
        let (head, ()) = Request::get(format!("/?{query}")).body(()).unwrap().into_parts();
        let view = RequestView { captures: &Captures::none(), head: &head, body: &Bytes::new() };
        read(view.form_query())
    }

    fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn each_pair_is_taken_once_and_none_is_lost() {
        with_query("limit=&tag=a+b&&x%3D=%2B&limit=5&tag=&limit=6&y", |mut query| {
            assert_eq!(query.optional("limit").unwrap(), Some(5));
            assert_eq!(query.optional::<String>("name").unwrap(), None);
            assert_eq!(query.all::<String>("tag").unwrap(), ["a b", ""]);
            let rest = owned(&[("limit", ""), ("x=", "+"), ("limit", "6"), ("y", "")]);
            assert_eq!(query.rest("filters").unwrap(), rest);
        });
    }

    #[test]
    fn mistakes_name_their_parameter() {
        let of = |query: &str, read: fn(FormQuery<'_>) -> Result<(), InvalidRequest>| {
            with_query(query, read).unwrap_err().to_string()
        };
        assert!(of("n=x", |mut query| query.optional::<i32>("n").map(drop)).contains("`n`"));
        assert!(of("n=%FF", |mut query| query.all::<String>("n").map(drop)).contains("`n`"));
        assert!(of("%FF=1", |query| query.rest("filters").map(drop)).contains("`filters`"));
        assert!(of("m=", |mut query| query.required::<String>("m").map(drop)).contains("`m`"));
    }

    #[test]
    fn what_is_written_is_read_again() {
        let (tags, rest) = (["a+b c".to_owned(), String::new()], owned(&[("p&q", "r=s"), ("u", "ü")]));
        let request = RequestBuilder::new(http::Method::GET).query("limit", Some(&7)).query_all("tag", &tags);
        let (head, body) = request.query_pairs(&rest).finish().unwrap().into_parts();
        assert_eq!(head.uri, "/?limit=7&tag=a%2Bb%20c&tag=&p%26q=r%3Ds&u=%C3%BC");
        let view = RequestView { captures: &Captures::none(), head: &head, body: &body };
        let mut query = view.form_query();
        assert_eq!(query.optional("limit").unwrap(), Some(7));
        assert_eq!(query.all::<String>("tag").unwrap(), tags);
        assert_eq!(query.rest("filters").unwrap(), rest);
    }
}
