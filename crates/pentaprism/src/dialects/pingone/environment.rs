//! Environments: which there are, who may work with them, and ids as paths write them (D-113, D-127).

use pentaprism_core::Timestamp;
use pentaprism_core::dialects::pingone::models::{
    Environment, EnvironmentLinks, EnvironmentStatus, EnvironmentType, Link, Reference, Region,
};
use uuid::Uuid;

use crate::access::Principal;
use crate::notes;
use crate::settings::{EnvironmentSettings, PingOneSettings};

use super::problem::Problem;

/// Reads an id of a path. Only the form that this server writes can be right.
pub(super) fn id(text: &str) -> Result<Uuid, Problem> {
    let id = Uuid::try_parse(text).ok();
    id.filter(|id| id.hyphenated().encode_lower(&mut Uuid::encode_buffer()) == text).ok_or(Problem::NotFound)
}

/// The environment with an id.
pub(super) fn find<'s>(settings: &'s PingOneSettings, text: &str) -> Result<&'s EnvironmentSettings, Problem> {
    let id = id(text)?;
    settings.environments.iter().find(|environment| environment.id == id).ok_or_else(|| {
        notes::refused(&format!("environment {id} is none of the settings"));
        Problem::NotFound
    })
}

/// The environment with an id, when the caller may work with it.
pub(super) fn of_caller<'s>(
    settings: &'s PingOneSettings,
    caller: &Principal,
    text: &str,
) -> Result<&'s EnvironmentSettings, Problem> {
    let environment = find(settings, text)?;
    let rights = caller.pingone.as_ref().map_or(&[][..], |rights| &rights.environments);
    if rights.contains(&environment.id) {
        return Ok(environment);
    }
    notes::refused(&format!("environment {} is not the principal's", environment.id));
    Err(Problem::Forbidden)
}

/// Where an environment can be read.
pub(super) fn link(base_url: &str, environment: Uuid) -> Link {
    Link { href: format!("{base_url}/v1/environments/{environment}") }
}

/// An environment as clients see it. Clients repeat requests for one that is young, so each is as old as can be.
pub(super) fn show(environment: &EnvironmentSettings, base_url: &str) -> Environment {
    let EnvironmentSettings { id, name } = environment;
    let beginning = Timestamp::from_milliseconds(0);
    Environment {
        links: EnvironmentLinks { self_: link(base_url, *id) },
        id: *id,
        name: name.clone(),
        description: None,
        type_: EnvironmentType::Sandbox,
        region: Region::Na,
        status: Some(EnvironmentStatus::Active),
        icon: None,
        license: Reference { id: id.to_string() },
        organization: None,
        created_at: beginning,
        updated_at: Some(beginning),
        soft_deleted_at: None,
        hard_deleted_allowed_at: None,
    }
}
