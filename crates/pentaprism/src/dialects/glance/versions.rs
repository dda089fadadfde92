//! The versions that are announced (D-027): clients decide by them what they may call.

use pentaprism_core::dialects::glance::models::{Link, Version, VersionStatus, Versions};

/// What is complete here. 2.10 to 2.14 are about several stores and caches, later ones about calls that are not built.
const CURRENT: &str = "v2.15";
/// What is contained in it.
const SUPPORTED: [&str; 10] = ["v2.9", "v2.8", "v2.7", "v2.6", "v2.5", "v2.4", "v2.3", "v2.2", "v2.1", "v2.0"];

/// The document for a server at `base_url`.
pub(super) fn document(base_url: &str) -> Versions {
    let version = |id: &str, status: VersionStatus| Version {
        id: id.to_owned(),
        status,
        links: vec![Link { rel: "self".to_owned(), href: format!("{base_url}/v2/") }],
    };
    let supported = SUPPORTED.iter().map(|id| version(id, VersionStatus::Supported));
    Versions { versions: std::iter::once(version(CURRENT, VersionStatus::Current)).chain(supported).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_version_is_current_and_each_links_to_the_api() {
        let versions = document("https://images.example.org").versions;
        let named: Vec<_> = versions.iter().map(|version| (version.id.as_str(), version.status.as_str())).collect();
        assert_eq!(
            (named.len(), named[0], named[1], named[10]),
            (11, ("v2.15", "CURRENT"), ("v2.9", "SUPPORTED"), ("v2.0", "SUPPORTED"))
        );
        assert!(versions.iter().all(|version| version.links[0].href == "https://images.example.org/v2/"));
    }
}
