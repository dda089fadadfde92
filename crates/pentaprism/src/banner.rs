//! What the program says once it listens: where, and a first upload per dialect to paste.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use uuid::Uuid;

use crate::mount::Dialect;
use crate::settings::{
    Access, DEFAULT_SAVED_VIEW, DEVELOPMENT_TOKEN, Durability, ITWIN_SCOPE, PrincipalSettings, Role, Settings,
};

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// The port of all dialects.
    pub all: SocketAddr,
    /// The ports of single dialects.
    pub single: Vec<(Dialect, SocketAddr)>,
    /// Whether connections are encrypted.
    pub secure: bool,
}

/// The banner of a server that listens on `bound`; `image` is the id that the first Glance upload is pasted with.
#[must_use]
pub fn banner(settings: &Settings, bound: &Bound, image: Uuid) -> String {
    let url = url(bound.all, bound.secure);
    let mut text = format!("Pentaprism {} listens on {url}\n", env!("CARGO_PKG_VERSION"));
    for (dialect, address) in &bound.single {
        let _infallible = writeln!(text, "Only {} answers on {}", dialect.name(), self::url(*address, bound.secure));
    }
    if let Some(public_url) = &settings.public_url {
        let _infallible = writeln!(text, "Links it hands out begin with {}", public_url.as_str());
    }
    text.push_str(&data(settings));
    text.push_str(&glance(settings, &url, image));
    text.push_str(&service_fabric(settings, &url));
    text.push_str(&azure_sphere(settings, &url));
    text.push_str(&saved_views(settings, &url));
    text.push_str(&pingone(settings, &url));
    text
}

/// Where a client on this machine finds the server.
fn url(address: SocketAddr, secure: bool) -> String {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let scheme = if secure { "https" } else { "http" };
    format!("{scheme}://{}", SocketAddr::new(ip, address.port()))
}

fn data(settings: &Settings) -> String {
    if settings.ephemeral {
        return "Data are kept for this run only\n".to_owned();
    }
    let promise = match settings.durability {
        Durability::Sync => "uploads are acknowledged when they would survive a power cut",
        Durability::None => "uploads are acknowledged before they are safe on the disk",
    };
    format!("Data are in {}; {promise}\n", settings.data.display())
}

/// How a principal's token stands in a command to paste: only the token that everybody knows is shown.
fn token(principal: &PrincipalSettings) -> String {
    let token = principal.token.reveal();
    if token == DEVELOPMENT_TOKEN { token.to_owned() } else { format!("TOKEN-OF-{}", principal.name) }
}

fn glance(settings: &Settings, url: &str, image: Uuid) -> String {
    let writer = settings.principals.iter().find_map(|principal| {
        let rights = principal.glance.as_ref()?;
        let writes = rights.roles.contains(&Role::Member) || rights.roles.contains(&Role::Admin);
        writes.then_some((principal, rights.project))
    });
    let Some((principal, project)) = writer else {
        return "\nOpenStack Image service: no principal may create images\n".to_owned();
    };
    let token = token(principal);
    format!(
        "
OpenStack Image service, project {project}:
  curl -H 'X-Auth-Token: {token}' -H 'Content-Type: application/json' \\
       -d '{{\"id\":\"{image}\",\"name\":\"first\",\"disk_format\":\"raw\",\"container_format\":\"bare\"}}' \\
       {url}/v2/images
  curl -H 'X-Auth-Token: {token}' -H 'Content-Type: application/octet-stream' \\
       -T FILE {url}/v2/images/{image}/file
  curl -H 'X-Auth-Token: {token}' {url}/v2/images/{image}/file
"
    )
}

fn service_fabric(settings: &Settings, url: &str) -> String {
    let authorization = if settings.service_fabric.anonymous == Access::ReadWrite {
        String::new()
    } else {
        let writer = settings.principals.iter().find(|principal| principal.service_fabric == Access::ReadWrite);
        match writer {
            Some(principal) => format!("-H 'Authorization: Bearer {}' ", token(principal)),
            None => return "\nService Fabric image store: no principal may upload\n".to_owned(),
        }
    };
    format!(
        "
Service Fabric image store:
  curl {authorization}-T FILE '{url}/ImageStore/first/FILE?api-version=6.0'
  curl {authorization}'{url}/ImageStore/first?api-version=6.0'
"
    )
}

fn azure_sphere(settings: &Settings, url: &str) -> String {
    let maker = settings.principals.iter().find_map(|principal| {
        let tenant = principal.azure_sphere.as_ref()?.tenants.first()?;
        Some((token(principal), tenant))
    });
    let Some((token, tenant)) = maker else {
        return "\nAzure Sphere: no principal may upload\n".to_owned();
    };
    format!(
        "
Azure Sphere, tenant {tenant}:
  curl -H 'Authorization: Bearer {token}' --data-binary @FILE.imagepackage {url}/v2/tenants/{tenant}/images
"
    )
}

fn saved_views(settings: &Settings, url: &str) -> String {
    let owner = settings.saved_views.default_view_owner;
    let designer = settings.principals.iter().find_map(|principal| {
        let rights = principal.saved_views.as_ref()?;
        let may = (rights.manage || rights.user == owner) && rights.scopes.contains(ITWIN_SCOPE);
        may.then(|| token(principal))
    });
    let (Some(token), true) = (designer, settings.saved_views.default_view) else {
        return "\nSaved Views: create a saved view first, POST /savedviews\n".to_owned();
    };
    let view = DEFAULT_SAVED_VIEW;
    format!(
        "
Saved Views:
  printf '{{\"image\":\"data:image/png;base64,%s\"}}' \"$(base64 -w0 FILE.png)\" |
    curl -X PUT -H 'Authorization: Bearer {token}' -H 'Content-Type: application/json' --data-binary @- \\
         {url}/savedviews/{view}/image
  curl -H 'Authorization: Bearer {token}' '{url}/savedviews/{view}/image?size=full'
"
    )
}

fn pingone(settings: &Settings, url: &str) -> String {
    let admin = settings.principals.iter().find_map(|principal| {
        let environment = principal.pingone.as_ref()?.environments.first()?;
        Some((token(principal), environment))
    });
    let Some((token, environment)) = admin else {
        return "\nPingOne: no principal may upload\n".to_owned();
    };
    format!(
        "
PingOne, environment {environment}:
  curl -H 'Authorization: Bearer {token}' -H 'Content-Type: image/png' --data-binary @FILE.png \\
       -H 'Content-Disposition: attachment; filename=FILE.png' {url}/v1/environments/{environment}/images
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Token;

    const IMAGE: Uuid = uuid::uuid!("cf433676-4896-400d-8ec1-05118365d9d2");

    fn on(all: SocketAddr) -> Bound {
        Bound { all, single: Vec::new(), secure: false }
    }

    #[test]
    fn a_server_without_configuration_is_ready_to_paste() {
        let settings = Settings::default();
        insta::assert_snapshot!(banner(&settings, &on(settings.listen), IMAGE));
    }

    #[test]
    fn a_configured_server_keeps_its_tokens_to_itself() {
        let mut settings =
            Settings { ephemeral: true, public_url: "https://a.example".parse().ok(), ..Settings::default() };
        settings.principals[0].token = Token::new("0123456789abcdef");
        settings.service_fabric.anonymous = Access::ReadOnly;
        insta::assert_snapshot!(banner(
            &settings,
            &Bound {
                single: vec![(Dialect::PingOne, "127.0.0.1:8471".parse().unwrap())],
                secure: true,
                ..on("[::]:80".parse().unwrap())
            },
            IMAGE
        ));
    }

    #[test]
    fn a_server_that_nobody_may_write_to_says_so() {
        let mut settings = Settings { durability: Durability::None, principals: Vec::new(), ..Settings::default() };
        settings.service_fabric.anonymous = Access::None;
        insta::assert_snapshot!(banner(&settings, &on(settings.listen), IMAGE));
    }
}
