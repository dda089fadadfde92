//! Tenants: which there are, who may work with them, and the ids of what they have (D-072, D-073).

use pentaprism_core::dialects::azure_sphere::models::Tenant;
use uuid::Uuid;

use crate::access::Principal;
use crate::notes;
use crate::settings::{AzureSphereSettings, TenantSettings};

use super::problem::{Noun, Problem};

/// What a principal is in each of its tenants: a right here is the right to everything.
const ROLE: &str = "Administrator";
/// Characters of an id with its hyphens. Other forms of UUIDs are not taken.
const ID_LENGTH: usize = 36;

/// Reads an id of the path, in any case.
pub(super) fn id(noun: Noun, text: &str) -> Result<Uuid, Problem> {
    let wrong = || Problem::NotUuid { noun, text: text.to_owned() };
    Uuid::try_parse(text).ok().filter(|_| text.len() == ID_LENGTH).ok_or_else(wrong)
}

/// The tenants of a principal, in the order of the configuration.
fn tenants<'s>(
    settings: &'s AzureSphereSettings,
    principal: &'s Principal,
) -> impl Iterator<Item = &'s TenantSettings> + use<'s> {
    let rights = principal.azure_sphere.as_ref().map_or(&[][..], |rights| &rights.tenants);
    settings.tenants.iter().filter(|tenant| rights.contains(&tenant.id))
}

/// Whether a principal may work with a tenant. To others it does not exist.
pub(super) fn check(settings: &AzureSphereSettings, principal: &Principal, tenant: Uuid) -> Result<(), Problem> {
    let known = tenants(settings, principal).any(|known| known.id == tenant);
    if known {
        return Ok(());
    }
    let exists = settings.tenants.iter().any(|known| known.id == tenant);
    let what = if exists { "is not the principal's" } else { "is none of the settings" };
    notes::refused(&format!("tenant {tenant} {what}"));
    Err(Problem::NoTenant(tenant))
}

/// The tenants of a principal, as a list shows them.
pub(super) fn list(settings: &AzureSphereSettings, principal: &Principal) -> Vec<Tenant> {
    let tenant =
        |known: &TenantSettings| Tenant { id: known.id, name: known.name.clone(), roles: vec![ROLE.to_owned()] };
    tenants(settings, principal).map(tenant).collect()
}
