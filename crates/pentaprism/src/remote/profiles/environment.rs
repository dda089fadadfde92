//! Where a service is when no profile is named: what the environment says, else the local server.

use super::clouds;
use super::error::ProfileError;
use super::openstack::Options;
use super::target::{Access, Origin, Places, Server, Target, TlsFiles};
use super::values::{NotText, Secret, ServerUrl, Sources};
use crate::remote::address::Dialect;
use crate::settings::{DEFAULT_ENVIRONMENT, DEFAULT_SAVED_VIEW_ITWIN, DEFAULT_TENANT, DEVELOPMENT_TOKEN, Settings};

/// Where every dialect is.
const SERVER: &str = "PENTAPRISM_SERVER";
/// What is shown there.
const TOKEN: &str = "PENTAPRISM_TOKEN";

/// Variables that, each by itself, say that Glance is OpenStack's. `OS_CLOUD` is asked before them.
const OPENSTACK: [&str; 4] = ["OS_AUTH_URL", "OS_ENDPOINT", "OS_IMAGE_URL", "OS_IMAGE_ENDPOINT_OVERRIDE"];

/// Beside `OS_CLOUD` these variables change what the cloud says; others are left for commands without a cloud.
const BESIDE_CLOUD: [&str; 6] = ["OS_INTERFACE", "OS_ENDPOINT_TYPE", "OS_CACERT", "OS_CERT", "OS_KEY", "OS_INSECURE"];

/// Secrets that a cloud may leave to the environment.
const CLOUD_SECRETS: [&str; 3] = ["OS_PASSWORD", "OS_TOKEN", "OS_APPLICATION_CREDENTIAL_SECRET"];

/// What the environment says about `dialect`: `PENTAPRISM_SERVER` and `PENTAPRISM_TOKEN`, else, for Glance, `OS_CLOUD` or the
/// other `OS_*` variables, else the server that `pentaprism serve` starts without settings (D-156).
///
/// # Errors
/// [`ProfileError`] when what is there is wrong or not enough.
pub fn target(dialect: Dialect, sources: &Sources) -> Result<Target, ProfileError> {
    if sources.variable(SERVER).is_some() || sources.variable(TOKEN).is_some() {
        return own(dialect, sources);
    }
    if dialect == Dialect::Glance {
        if let Some(cloud) = sources.text("OS_CLOUD")? {
            return of_cloud(cloud, sources);
        }
        if OPENSTACK.iter().any(|name| sources.variable(name).is_some()) {
            let options = variables(sources)?;
            return of_options(&options, Origin::OpenStackVariables);
        }
    }
    Ok(target_at(dialect, Origin::Local, local_server(), Access::Token(development_token())))
}

/// The server that `pentaprism serve` starts without settings.
fn local_server() -> ServerUrl {
    let url = format!("http://{}", Settings::default().listen);
    url.parse().expect("an address with a port follows http://")
}

fn development_token() -> Secret {
    Secret::written(DEVELOPMENT_TOKEN)
}

fn own(dialect: Dialect, sources: &Sources) -> Result<Target, ProfileError> {
    let wrong = |source| ProfileError::Variable { variable: SERVER, source };
    let server = sources.text(SERVER)?.map(str::parse::<ServerUrl>).transpose().map_err(wrong)?;
    let server = server.unwrap_or_else(local_server);
    let access = match sources.text(TOKEN)? {
        Some(token) => Access::Token(Secret::written(token.trim())),
        None if server.is_loopback() => Access::Token(development_token()),
        None => Access::Nothing,
    };
    let server = if dialect == Dialect::Glance { server.without_image_version() } else { server };
    Ok(target_at(dialect, Origin::Environment, server, access))
}

fn target_at(dialect: Dialect, origin: Origin, server: ServerUrl, access: Access) -> Target {
    Target {
        dialect,
        origin,
        server: Server::At(server),
        access,
        tls: TlsFiles::default(),
        proxy: true,
        timeout: None,
        places: development_places(),
        warnings: Vec::new(),
    }
}

/// The ids of a server without settings.
fn development_places() -> Places {
    Places {
        tenant: Some(DEFAULT_TENANT.to_string()),
        environment: Some(DEFAULT_ENVIRONMENT.to_string()),
        itwin: Some(DEFAULT_SAVED_VIEW_ITWIN.to_string()),
        imodel: None,
    }
}

fn of_cloud(cloud: &str, sources: &Sources) -> Result<Target, ProfileError> {
    let region = sources.text("OS_REGION_NAME")?;
    let (mut options, origin) = clouds::options(cloud, region, sources)?;
    for name in BESIDE_CLOUD {
        if let Some(value) = sources.text(name)? {
            options.set(option(name), value_of(name, value, sources));
        }
    }
    for name in CLOUD_SECRETS {
        let text = sources.text(name)?;
        if let Some(value) = text.filter(|_| options.get(&[&option(name).to_ascii_lowercase()]).is_none()) {
            options.set(option(name), value);
        }
    }
    of_options(&options, origin)
}

/// The `OS_*` variables as options.
fn variables(sources: &Sources) -> Result<Options, NotText> {
    let mut options = Options::default();
    for (name, value) in &sources.environment {
        let Some(name) = name.to_str().filter(|name| name.starts_with("OS_")) else { continue };
        let value = value.to_str().ok_or_else(|| NotText(name.to_owned()))?;
        options.set(option(name), value_of(name, value, sources));
    }
    Ok(options)
}

fn option(variable: &str) -> &str {
    variable.strip_prefix("OS_").unwrap_or(variable)
}

/// The value of a variable; files are named from where the command runs.
fn value_of(name: &str, value: &str, sources: &Sources) -> String {
    match name {
        "OS_CACERT" | "OS_CERT" | "OS_KEY" if !value.is_empty() => {
            sources.resolve(value.as_ref(), &sources.folder).to_string_lossy().into_owned()
        }
        _ => value.to_owned(),
    }
}

fn of_options(options: &Options, origin: Origin) -> Result<Target, ProfileError> {
    match options.image_service() {
        Ok(service) => Ok(Target {
            dialect: Dialect::Glance,
            origin,
            server: service.server,
            access: service.access,
            tls: service.tls,
            proxy: true,
            timeout: None,
            places: Places::default(),
            warnings: Vec::new(),
        }),
        Err(source) => Err(ProfileError::OpenStack { origin: Box::new(origin), source }),
    }
}

#[cfg(test)]
#[path = "environment_tests.rs"]
mod tests;
