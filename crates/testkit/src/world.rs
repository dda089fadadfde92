//! The fixed world that exchanges are written for: when it is, who asks, and which ids come next.

use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Uuid;

use crate::exchange::{Exchange, Given};

/// 2026-11-21T00:42:39Z, when every exchange begins, in seconds since 1970.
pub const BEGINNING: u64 = 1_795_221_759;

/// What precedes the number in the ids that the program makes.
pub const PROGRAM_IDS: &str = "00000000-0000-4000-a000";

/// What precedes the number in the ids of requests.
pub const REQUEST_IDS: &str = "00000000-0000-4000-8000";

/// The settings of the world, where an exchange does not give others. Keys only: an exchange replaces a whole line.
const SETTINGS: [&str; 5] = [
    "public_url = \"http://127.0.0.1:8470\"",
    "listen = \"127.0.0.1:8470\"",
    "ephemeral = true",
    "durability = \"none\"",
    "saved_views.default_view_owner = \"44444444-4444-4444-8444-444444444444\"",
];

/// What exists beside the defaults: for each API with places one that the world's usual caller has no part in.
const PLACES: &str = r#"
[[azure_sphere.tenants]]
id = "768c2cd6-1bf0-4521-9f53-084a331d81cb"
name = "Pentaprism"

[[azure_sphere.tenants]]
id = "99999999-9999-4999-8999-999999999999"
name = "Other"

[[pingone.environments]]
id = "abfba8f6-49eb-49f5-a5d9-80ad5c98f9f6"
name = "Pentaprism"

[[pingone.environments]]
id = "77777777-7777-4777-8777-777777777777"
name = "Other"
"#;

/// Who may do what.
const PRINCIPALS: &str = r#"
[[principals]]
name = "admin"
token = "token-of-the-admin"
glance.project = "00000000-0000-4000-8000-0000000000aa"
glance.user = "00000000-0000-4000-8000-0000000000bb"
glance.roles = ["admin", "member"]

[[principals]]
name = "owner"
token = "token-of-the-owner"
glance.project = "11111111-1111-4111-8111-111111111111"
glance.user = "11111111-1111-4111-8111-1111111111bb"
glance.roles = ["member"]

[[principals]]
name = "member"
token = "token-of-the-member"
glance.project = "22222222-2222-4222-8222-222222222222"
glance.user = "22222222-2222-4222-8222-2222222222bb"
glance.roles = ["member"]

[[principals]]
name = "stranger"
token = "token-of-a-stranger"
glance.project = "33333333-3333-4333-8333-333333333333"
glance.user = "33333333-3333-4333-8333-3333333333bb"
glance.roles = ["member"]

[[principals]]
name = "reader"
token = "token-of-a-reader"
glance.project = "11111111-1111-4111-8111-111111111111"
glance.user = "11111111-1111-4111-8111-1111111111cc"
glance.roles = ["reader"]

[[principals]]
name = "writer"
token = "token-of-the-writer"
service_fabric = "read-write"

[[principals]]
name = "viewer"
token = "token-of-the-viewer"
service_fabric = "read-only"

[[principals]]
name = "maker"
token = "token-of-the-maker"
azure_sphere.tenants = ["768c2cd6-1bf0-4521-9f53-084a331d81cb"]

[[principals]]
name = "another maker"
token = "token-of-another-maker"
azure_sphere.tenants = ["99999999-9999-4999-8999-999999999999"]

[[principals]]
name = "designer"
token = "token-of-the-designer"
saved_views.user = "44444444-4444-4444-8444-444444444444"

[[principals]]
name = "colleague"
token = "token-of-a-colleague"
saved_views.user = "55555555-5555-4555-8555-555555555555"

[[principals]]
name = "without scope"
token = "token-without-scope"
saved_views.user = "66666666-6666-4666-8666-666666666666"
saved_views.scopes = []

[[principals]]
name = "lead"
token = "token-of-the-lead"
saved_views.user = "12121212-1212-4212-8212-121212121212"
saved_views.manage = true

[[principals]]
name = "identity admin"
token = "token-of-the-identity-admin"
pingone.environments = ["abfba8f6-49eb-49f5-a5d9-80ad5c98f9f6"]

[[principals]]
name = "foreign admin"
token = "token-of-a-foreign-admin"
pingone.environments = ["77777777-7777-4777-8777-777777777777"]

[[principals]]
name = "hasty"
token = "token-of-the-hasty"
rate = "1/min"
glance.project = "11111111-1111-4111-8111-111111111111"
glance.user = "11111111-1111-4111-8111-1111111111dd"
glance.roles = ["member"]
service_fabric = "read-write"
azure_sphere.tenants = ["768c2cd6-1bf0-4521-9f53-084a331d81cb"]
saved_views.user = "44444444-4444-4444-8444-444444444444"
pingone.environments = ["abfba8f6-49eb-49f5-a5d9-80ad5c98f9f6"]
"#;

/// The server's settings for an exchange, as the text of a TOML file.
#[must_use]
pub fn settings(exchange: &Exchange) -> String {
    let given = exchange.given.iter().filter_map(|given| match given {
        Given::Setting(line) => Some(line.as_str()),
        Given::Twist(_) | Given::SessionRanges(_) | Given::Operations(_) => None,
    });
    let given: Vec<&str> = given.collect();
    let key = |line: &str| line.split('=').next().unwrap_or_default().trim().to_owned();
    let kept = SETTINGS.into_iter().filter(|line| !given.iter().any(|other| key(other) == key(line)));
    let lines: Vec<&str> = kept.chain(given.iter().copied()).collect();
    lines.join("\n") + "\n" + PLACES + PRINCIPALS
}

/// Ids that count in decimal digits behind a fixed beginning, so that a reader of an exchange can count along.
#[derive(Debug)]
pub struct CountingIds {
    beginning: &'static str,
    next: AtomicU64,
}

impl CountingIds {
    /// Ids that begin with `beginning`, four groups of a UUID, and end with 1, 2, 3, ….
    #[must_use]
    pub const fn new(beginning: &'static str) -> Self {
        Self { beginning, next: AtomicU64::new(1) }
    }

    /// The next id.
    ///
    /// # Panics
    /// When the beginning is not four groups of a UUID.
    #[must_use]
    pub fn next_id(&self) -> Uuid {
        let number = self.next.fetch_add(1, Ordering::SeqCst);
        let text = format!("{}-{number:012}", self.beginning);
        text.parse().expect("four groups and twelve digits are a UUID")
    }
}

#[cfg(feature = "store")]
impl pentaprism_store::Ids for CountingIds {
    fn next(&self) -> Uuid {
        self.next_id()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_count_in_decimal() {
        let ids = CountingIds::new(PROGRAM_IDS);
        let last = (0..10).map(|_| ids.next_id().to_string()).last();
        assert_eq!(last.as_deref(), Some("00000000-0000-4000-a000-000000000010"));
    }

    #[test]
    fn an_exchange_replaces_a_setting() {
        let text = "# a\ngiven: setting public_url = \"http://a\"\ngiven: setting glance.follow = \"service\"\n\
                    ### request\nGET / HTTP/1.1\n### response\n200";
        let settings = settings(&Exchange::parse("a", text).unwrap());
        assert!(settings.contains("public_url = \"http://a\"\nglance.follow = \"service\"\n"), "{settings}");
        assert!(!settings.contains("public_url = \"http://127.0.0.1:8470\""));
    }
}
