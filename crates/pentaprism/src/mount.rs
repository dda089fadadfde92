//! Which dialect answers which path.

/// A dialect that is mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// The OpenStack Image service.
    Glance,
    /// The Service Fabric Image Store.
    ServiceFabric,
}

impl Dialect {
    /// The name of its specification file, for logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Glance => "glance",
            Self::ServiceFabric => "service_fabric",
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
}

impl Mount {
    /// Who answers `path`, which is still percent-encoded. The first segment decides; Service Fabric drops empty segments,
    /// so they are passed over here too. What nobody claims is Glance's, so that `GET /` is its version document.
    #[must_use]
    pub fn of(path: &str) -> Self {
        match path {
            "/healthz" => Self::Health,
            "/readyz" => Self::Ready,
            _ => match path.split('/').find(|segment| !segment.is_empty()) {
                Some("ImageStore" | "$" | "%24") => Self::Dialect(Dialect::ServiceFabric),
                _ => Self::Dialect(Dialect::Glance),
            },
        }
    }

    /// The dialect's name, or that of the server's own endpoint, for logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dialect(dialect) => dialect.name(),
            Self::Health => "health",
            Self::Ready => "ready",
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
        ] {
            assert_eq!(Mount::of(path), mount, "{path}");
        }
    }

    #[test]
    fn every_operation_of_every_spec_is_mounted_on_its_dialect() {
        use pentaprism_core::dialects::{glance, service_fabric};
        let mounted = [(glance::OPERATIONS, Dialect::Glance), (service_fabric::OPERATIONS, Dialect::ServiceFabric)];
        for (operations, dialect) in mounted {
            assert!(!operations.is_empty());
            for operation in operations {
                assert_eq!(Mount::of(operation.path), Mount::Dialect(dialect), "{}", operation.name);
            }
        }
    }
}
