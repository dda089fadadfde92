//! Who calls, and what its roles allow whatever the image (D-017).

use http::HeaderMap;
use pentaprism_core::dialects::glance::discover_versions::DiscoverVersions;
use pentaprism_core::dialects::glance::list_versions::ListVersions;
use pentaprism_core::{Operation, OperationInfo};
use pentaprism_server::Refusal;
use uuid::Uuid;

use crate::access::{Presented, Principals};
use crate::settings::{GlanceRights, Role};

/// Who calls.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caller {
    project: Option<Uuid>,
    admin: bool,
    member: bool,
}

impl Caller {
    fn new(rights: &GlanceRights) -> Self {
        Self {
            project: Some(rights.project),
            admin: rights.roles.contains(&Role::Admin),
            member: rights.roles.contains(&Role::Member),
        }
    }

    /// The project that the caller works for, as records name it. Absent for calls without a token.
    pub(super) fn project(&self) -> Option<String> {
        self.project.as_ref().map(ToString::to_string)
    }

    /// Whether `project`, as a record names it, is the caller's own.
    pub(super) fn is_of(&self, project: &str) -> bool {
        self.project().is_some_and(|own| own == project_key(project))
    }

    /// Whether the caller sees and writes everything.
    pub(super) fn is_admin(&self) -> bool {
        self.admin
    }

    /// Whether the caller may change anything at all.
    pub(super) fn may_write(&self) -> bool {
        self.admin || self.member
    }
}

/// The form in which projects are compared. Identity services write their ids without dashes and the settings with them;
/// both mean the same project. What is no UUID is compared as it is.
pub(super) fn project_key(project: &str) -> String {
    match Uuid::try_parse(project) {
        Ok(id) if matches!(project.len(), 32 | 36) => id.to_string(),
        _ => project.to_owned(),
    }
}

/// The forms in which records may name a project that is a UUID: with and without dashes, in small and in capital letters.
pub(super) fn project_forms(project: &str) -> Vec<String> {
    let mut forms = vec![project.to_owned()];
    if let Ok(id) = Uuid::try_parse(&project_key(project)) {
        let (dashed, plain) = (id.to_string(), id.simple().to_string());
        for form in [dashed.to_uppercase(), plain.to_uppercase(), dashed, plain] {
            if form != project {
                forms.push(form);
            }
        }
    }
    forms
}

/// Finds the caller by `X-Auth-Token`. The documents about versions are for everybody.
pub(super) fn identify(
    principals: &Principals,
    headers: &HeaderMap,
    operation: Option<&'static OperationInfo>,
) -> Result<Caller, Refusal> {
    if operation.is_some_and(|operation| [DiscoverVersions::INFO, ListVersions::INFO].contains(operation)) {
        return Ok(Caller::default());
    }
    match principals.by_auth_token(headers) {
        Presented::Known(principal) => match &principal.glance {
            Some(rights) => principals.count(&principal).map(|()| Caller::new(rights)),
            None => Err(principals.refuse(&principal, "the principal has no project in Glance")),
        },
        Presented::Wrong => Err(Refusal::Unauthenticated { token_sent: true }),
        Presented::Nothing => Err(Refusal::Unauthenticated { token_sent: false }),
    }
}

#[cfg(test)]
pub(super) fn for_tests(project: Uuid, roles: &[Role]) -> Caller {
    Caller::new(&GlanceRights { project, user: Uuid::nil(), roles: roles.iter().copied().collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn projects_are_the_same_with_and_without_dashes() {
        let project = Uuid::from_u128(0x8989_4470_62e0_4a81_8baf_9e07_3fd0_4fa7);
        let caller = for_tests(project, &[Role::Member]);
        assert!(caller.is_of("8989447062e04a818baf9e073fd04fa7"));
        assert!(caller.is_of("89894470-62E0-4A81-8BAF-9E073FD04FA7"));
        assert!(!caller.is_of("{89894470-62e0-4a81-8baf-9e073fd04fa7}"));
        assert!(!caller.is_of(""));
        assert!(!Caller::default().is_of(""));
        assert_eq!(project_key("demo"), "demo");
        assert_eq!(project_forms("demo"), ["demo"]);
        let forms = project_forms("8989447062e04a818baf9e073fd04fa7");
        assert_eq!(forms.len(), 4);
        assert!(forms.iter().all(|form| caller.is_of(form)), "{forms:?}");
    }
}
