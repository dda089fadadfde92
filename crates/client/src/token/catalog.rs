//! The catalog that comes with a token of Keystone: where the services of a cloud are.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use super::exchange::shown;
use crate::base::{BaseUrl, InvalidBaseUrl};

/// Where the services of a cloud are, as one project sees them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalog(Vec<Endpoint>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Endpoint {
    service: String,
    interface: String,
    region: Option<String>,
    url: String,
}

/// For whom an endpoint is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Interface {
    /// For everybody.
    #[default]
    Public,
    /// For the cloud's own services.
    Internal,
    /// For its operators.
    Admin,
}

/// The text names no interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an interface is public, internal or admin")]
pub struct UnknownInterface;

/// Why a catalog does not tell where a service is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// It is empty, as with a token without a scope.
    #[error("the catalog is empty: the token has no scope; log in for a project")]
    Empty,
    /// The service is not in it.
    #[error("there is no service {service} in the catalog; it has {}", list(.there))]
    NoService {
        /// The type that was looked for.
        service: String,
        /// The types that are there.
        there: Vec<String>,
    },
    /// The service has no endpoint of the kind.
    #[error("the service {service} has no {interface} endpoint{}; it has {}", within(.region.as_ref()), list(.there))]
    NoEndpoint {
        /// The type of the service.
        service: String,
        /// The region that was asked for, if any.
        region: Option<String>,
        /// The interface that was asked for.
        interface: Interface,
        /// Interface and region of those that are there.
        there: Vec<String>,
    },
    /// Several regions have one.
    #[error("the service {service} is in several regions; name one of {}", list(.regions))]
    SeveralRegions {
        /// The type of the service.
        service: String,
        /// The regions.
        regions: Vec<String>,
    },
    /// The endpoint's address is none.
    #[error("the catalog's address of the service {service} cannot be used")]
    Address {
        /// The type of the service.
        service: String,
        /// Why not.
        #[source]
        source: InvalidBaseUrl,
    },
}

impl Catalog {
    /// From the `catalog` of a token. Endpoints that lack what they must have are passed over.
    pub(super) fn read(catalog: Option<&Value>) -> Self {
        let mut endpoints = Vec::new();
        for service in array(catalog) {
            for endpoint in array(service.get("endpoints")) {
                let text = |of: &Value, key| of.get(key).and_then(Value::as_str).map(ToOwned::to_owned);
                let region = text(endpoint, "region_id").or_else(|| text(endpoint, "region"));
                let found = (text(service, "type"), text(endpoint, "interface"), text(endpoint, "url"));
                if let (Some(service), Some(interface), Some(url)) = found {
                    endpoints.push(Endpoint { service, interface, region, url });
                }
            }
        }
        Self(endpoints)
    }

    /// Where a service is, by its type: `image` for Glance. The versions that catalogs write at the end of an image service's
    /// address (`/v2`) belong to the operations' paths and are taken off. Without a region there must be but one to choose from.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub fn endpoint(
        &self,
        service: &str,
        region: Option<&str>,
        interface: Interface,
    ) -> Result<BaseUrl, EndpointError> {
        if self.0.is_empty() {
            return Err(EndpointError::Empty);
        }
        let name = || service.to_owned();
        let of_service: Vec<&Endpoint> = self.0.iter().filter(|endpoint| endpoint.service == service).collect();
        if of_service.is_empty() {
            let there = distinct(self.0.iter().map(|endpoint| endpoint.service.clone()));
            return Err(EndpointError::NoService { service: name(), there });
        }
        let asked = |endpoint: &&&Endpoint| {
            let here = region.is_none_or(|region| endpoint.region.as_deref() == Some(region));
            here && endpoint.interface.parse() == Ok(interface)
        };
        let fitting: Vec<&&Endpoint> = of_service.iter().filter(asked).collect();
        let Some(first) = fitting.first() else {
            let there = distinct(of_service.iter().map(ToString::to_string));
            let region = region.map(ToOwned::to_owned);
            return Err(EndpointError::NoEndpoint { service: name(), region, interface, there });
        };
        if fitting.iter().any(|endpoint| endpoint.url != first.url) && region.is_none() {
            let regions = distinct(fitting.iter().filter_map(|endpoint| endpoint.region.clone()));
            if regions.len() > 1 {
                return Err(EndpointError::SeveralRegions { service: name(), regions });
            }
        }
        let url = first.url.trim_end_matches('/');
        let root = if service == "image" { url.strip_suffix("/v2").unwrap_or(url) } else { url };
        root.parse().map_err(|source| EndpointError::Address { service: name(), source })
    }
}

fn array(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}

fn distinct(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut names: Vec<String> = names.collect();
    names.sort();
    names.dedup();
    names
}

/// Names that the cloud's operators chose, in a sentence.
fn list(names: &[String]) -> String {
    shown(&names.join(", "), &[])
}

fn within(region: Option<&String>) -> String {
    region.map(|region| format!(" in the region {region}")).unwrap_or_default()
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.interface)?;
        self.region.as_ref().map_or(Ok(()), |region| write!(formatter, " in {region}"))
    }
}

impl fmt::Display for Interface {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Public => "public",
            Self::Internal => "internal",
            Self::Admin => "admin",
        })
    }
}

impl FromStr for Interface {
    type Err = UnknownInterface;

    /// Also in the older spelling `publicURL`, which settings still have.
    fn from_str(text: &str) -> Result<Self, UnknownInterface> {
        match text.strip_suffix("URL").unwrap_or(text) {
            "public" => Ok(Self::Public),
            "internal" => Ok(Self::Internal),
            "admin" => Ok(Self::Admin),
            _ => Err(UnknownInterface),
        }
    }
}

#[cfg(test)]
#[path = "tests/catalog.rs"]
mod tests;
