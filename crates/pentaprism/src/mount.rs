//! Which dialect answers which path.

use pentaprism_core::Cors;
use pentaprism_core::dialects::{azure_sphere, glance, pingone, public, saved_views, service_fabric};

/// A dialect that is mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// The OpenStack Image service.
    Glance,
    /// The Service Fabric Image Store.
    ServiceFabric,
    /// The Azure Sphere image upload.
    AzureSphere,
    /// The iTwin Saved Views images.
    SavedViews,
    /// The PingOne images.
    PingOne,
    /// The server's own links to pictures and packages.
    Public,
}

impl Dialect {
    /// All of them, in their order.
    pub const ALL: [Self; 6] =
        [Self::Glance, Self::ServiceFabric, Self::AzureSphere, Self::SavedViews, Self::PingOne, Self::Public];

    /// What pages of other origins may do with it.
    #[must_use]
    pub const fn cors(self) -> Option<Cors> {
        match self {
            Self::Glance => glance::CORS,
            Self::ServiceFabric => service_fabric::CORS,
            Self::AzureSphere => azure_sphere::CORS,
            Self::SavedViews => saved_views::CORS,
            Self::PingOne => pingone::CORS,
            Self::Public => public::CORS,
        }
    }

    /// The name of its specification file, for logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Glance => "glance",
            Self::ServiceFabric => "service_fabric",
            Self::AzureSphere => "azure_sphere",
            Self::SavedViews => "saved_views",
            Self::PingOne => "pingone",
            Self::Public => "public",
        }
    }
}

/// Who answers a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mount {
    /// One of the dialects.
    Dialect(Dialect),
    /// The server itself: whether it lives.
    Health,
    /// The server itself: whether it can work.
    Ready,
    /// The server itself: what it counted.
    Metrics,
}

impl Mount {
    /// Who answers `path`, which is still percent-encoded. The first segments decide; some dialects drop empty ones, so they
    /// are passed over here too. What nobody claims is Glance's, so that `GET /` is its version document.
    #[must_use]
    pub fn of(path: &str) -> Self {
        match path {
            "/healthz" => Self::Health,
            "/readyz" => Self::Ready,
            "/metrics" => Self::Metrics,
            _ => Self::Dialect(Self::dialect(path)),
        }
    }

    fn dialect(path: &str) -> Dialect {
        let mut segments = path.split('/').filter(|segment| !segment.is_empty());
        let (first, second) = (segments.next().unwrap_or_default(), segments.next().unwrap_or_default());
        match (first, second) {
            ("ImageStore" | "$" | "%24", _) => Dialect::ServiceFabric,
            ("savedviews", _) => Dialect::SavedViews,
            ("environments", _) | ("v1", "environments") => Dialect::PingOne,
            ("public", _) => Dialect::Public,
            // Clients of Azure Sphere write both words in any case.
            _ if first.eq_ignore_ascii_case("v2") && second.eq_ignore_ascii_case("tenants") => Dialect::AzureSphere,
            _ => Dialect::Glance,
        }
    }

    /// The dialect's name, or that of the server's own endpoint, for logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dialect(dialect) => dialect.name(),
            Self::Health => "health",
            Self::Ready => "ready",
            Self::Metrics => "metrics",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_segment_decides() {
        let (glance, service_fabric) = (Mount::Dialect(Dialect::Glance), Mount::Dialect(Dialect::ServiceFabric));
        for (path, mount) in [
            ("/healthz", Mount::Health),
            ("/readyz", Mount::Ready),
            ("/metrics", Mount::Metrics),
            ("/healthz/", glance),
            ("/", glance),
            ("*", glance),
            ("", glance),
            ("/versions", glance),
            ("/v2/images/a/file", glance),
            ("/ImageStore", service_fabric),
            ("/ImageStore/", service_fabric),
            ("//ImageStore/a", service_fabric),
            ("/ImageStore/a/$/UploadChunk", service_fabric),
            ("/ImageStorex", glance),
            ("/imagestore", glance),
            ("/$/GetClusterVersion", service_fabric),
            ("/%24/GetClusterVersion", service_fabric),
            ("/$x", glance),
            ("/v2/ImageStore", glance),
            ("/v2/tenants", Mount::Dialect(Dialect::AzureSphere)),
            ("/V2/Tenants/768c/images", Mount::Dialect(Dialect::AzureSphere)),
            ("/v2/tenantsx", glance),
            ("/v1/environments/abfb/images", Mount::Dialect(Dialect::PingOne)),
            ("/environments/abfb/images/2664/a.png", Mount::Dialect(Dialect::PingOne)),
            ("/v1/images", glance),
            ("/savedviews", Mount::Dialect(Dialect::SavedViews)),
            ("/savedviews/ACZb/image", Mount::Dialect(Dialect::SavedViews)),
            ("/public/0123/a.png", Mount::Dialect(Dialect::Public)),
        ] {
            assert_eq!(Mount::of(path), mount, "{path}");
        }
    }

    #[test]
    fn every_operation_of_every_spec_is_mounted_on_its_dialect() {
        let mounted = [
            (glance::OPERATIONS, Dialect::Glance),
            (service_fabric::OPERATIONS, Dialect::ServiceFabric),
            (azure_sphere::OPERATIONS, Dialect::AzureSphere),
            (saved_views::OPERATIONS, Dialect::SavedViews),
            (pingone::OPERATIONS, Dialect::PingOne),
            (public::OPERATIONS, Dialect::Public),
        ];
        for (operations, dialect) in mounted {
            assert!(!operations.is_empty());
            for operation in operations {
                assert_eq!(Mount::of(operation.path), Mount::Dialect(dialect), "{}", operation.name);
            }
        }
    }
}
