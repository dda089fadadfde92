//! Where a service is.

use std::fmt;
use std::str::FromStr;

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};

/// The absolute address of a service: scheme, host, and a path (often none) that stands before every operation's.
///
/// ```
/// use pentaprism_client::BaseUrl;
/// assert!("http://127.0.0.1:8470".parse::<BaseUrl>().is_ok());
/// assert!("127.0.0.1:8470".parse::<BaseUrl>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    scheme: Scheme,
    authority: Authority,
    /// Without a slash at its end.
    prefix: String,
}

/// The text is no address of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a base URL needs http or https and a host, and takes no query; write it as in http://127.0.0.1:8470")]
pub struct InvalidBaseUrl;

impl FromStr for BaseUrl {
    type Err = InvalidBaseUrl;

    fn from_str(text: &str) -> Result<Self, InvalidBaseUrl> {
        let parts = text.parse::<Uri>().map_err(|_| InvalidBaseUrl)?.into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else { return Err(InvalidBaseUrl) };
        let known = scheme == Scheme::HTTP || scheme == Scheme::HTTPS;
        let path = parts.path_and_query.unwrap_or_else(|| PathAndQuery::from_static("/"));
        if !known || path.query().is_some() {
            return Err(InvalidBaseUrl);
        }
        Ok(Self { scheme, authority, prefix: path.path().trim_end_matches('/').to_owned() })
    }
}

/// As a URL, without a slash at its end and without a user.
impl fmt::Display for BaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = self.authority.as_str();
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        write!(formatter, "{}://{host}{}", self.scheme, self.prefix)
    }
}

impl BaseUrl {
    /// The absolute form of an operation's origin-form URI.
    pub(crate) fn join(&self, relative: &Uri) -> Result<Uri, http::Error> {
        let path = relative.path_and_query().map_or("/", PathAndQuery::as_str);
        let builder = Uri::builder().scheme(self.scheme.clone()).authority(self.authority.clone());
        builder.path_and_query(format!("{}{path}", self.prefix)).build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_shown_without_what_may_be_secret() {
        let base: BaseUrl = "http://user:word@a.example:80/store/".parse().unwrap();
        assert_eq!(base.to_string(), "http://a.example:80/store");
    }

    #[test]
    fn a_path_stands_before_every_operations() {
        let base: BaseUrl = "https://a.example/store/".parse().unwrap();
        let joined = base.join(&Uri::from_static("/v2/images?limit=1")).unwrap();
        assert_eq!(joined, "https://a.example/store/v2/images?limit=1");
        for wrong in ["localhost:8470", "/v2", "ftp://a.example", "http://a.example/?q=1", ""] {
            assert_eq!(wrong.parse::<BaseUrl>(), Err(InvalidBaseUrl), "{wrong}");
        }
    }
}
