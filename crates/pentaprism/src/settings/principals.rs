//! Who may do what: principals and their rights in each dialect.

use std::collections::BTreeSet;

use serde::Deserialize;
use uuid::{Uuid, uuid};

use crate::rate::Rate;

use super::Settings;
use super::dialects::{DEFAULT_ENVIRONMENT, DEFAULT_TENANT};
use super::values::{self, Access, Role, Token};

/// The token of the development principal. Whoever listens beyond loopback has to set another one.
pub const DEVELOPMENT_TOKEN: &str = "pentaprism-dev";

/// The Glance project of the development principal.
pub const DEVELOPMENT_PROJECT: Uuid = uuid!("7d1b0c5e-52a4-4e0c-9c58-2f1d6a8be470");

/// The Glance user of the development principal.
pub const DEVELOPMENT_USER: Uuid = uuid!("b6f4a9d2-0a7e-4c0b-8c3f-64c1d0e5a847");

/// The scope that a token for Saved Views needs.
pub const ITWIN_SCOPE: &str = "itwin-platform";

/// Somebody who may do something.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrincipalSettings {
    /// A name for logs; no two principals share one.
    pub name: String,
    /// What the principal sends: letters, digits and `_.-~=+/` only, at least 16 characters beyond loopback.
    pub token: Token,
    /// How many requests it may send, in all dialects together, as in `500/min`; absent, any number.
    pub rate: Option<Rate>,
    /// Who the principal is for Glance; absent, Glance does not know it.
    pub glance: Option<GlanceRights>,
    /// What the principal may do in the Service Fabric Image Store.
    #[serde(default)]
    pub service_fabric: Access,
    /// Which Azure Sphere tenants the principal works with; absent, Azure Sphere does not know it.
    pub azure_sphere: Option<AzureSphereRights>,
    /// Who the principal is for Saved Views; absent, Saved Views does not know it.
    pub saved_views: Option<SavedViewsRights>,
    /// Which PingOne environments the principal works with; absent, PingOne does not know it.
    pub pingone: Option<PingOneRights>,
}

/// Who a principal is for Glance.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GlanceRights {
    /// The project whose images it works with.
    pub project: Uuid,
    /// The user that it is.
    pub user: Uuid,
    /// Its roles in the project.
    #[serde(default)]
    pub roles: BTreeSet<Role>,
}

/// Which Azure Sphere tenants a principal works with.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AzureSphereRights {
    /// The tenants whose images it sees and uploads; each has to be among `azure_sphere.tenants`.
    pub tenants: Vec<Uuid>,
}

/// Who a principal is for Saved Views.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedViewsRights {
    /// The user that it is: it owns the saved views that it creates.
    pub user: Uuid,
    /// What its token is for; without [`ITWIN_SCOPE`] it is refused.
    #[serde(default = "all_scopes")]
    pub scopes: BTreeSet<String>,
    /// Whether it may change the shared saved views of others.
    #[serde(default)]
    pub manage: bool,
}

/// Which PingOne environments a principal works with.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PingOneRights {
    /// The environments whose images it reads and writes; each has to be among `pingone.environments`.
    pub environments: Vec<Uuid>,
}

fn all_scopes() -> BTreeSet<String> {
    BTreeSet::from([ITWIN_SCOPE.to_owned()])
}

impl PrincipalSettings {
    /// The principal of a server without configuration: everything is allowed to whoever knows [`DEVELOPMENT_TOKEN`].
    #[must_use]
    pub fn development() -> Self {
        Self {
            name: "developer".to_owned(),
            token: Token::new(DEVELOPMENT_TOKEN),
            rate: None,
            glance: Some(GlanceRights {
                project: DEVELOPMENT_PROJECT,
                user: DEVELOPMENT_USER,
                roles: values::all_roles(),
            }),
            service_fabric: Access::ReadWrite,
            azure_sphere: Some(AzureSphereRights { tenants: vec![DEFAULT_TENANT] }),
            saved_views: Some(SavedViewsRights { user: DEVELOPMENT_USER, scopes: all_scopes(), manage: true }),
            pingone: Some(PingOneRights { environments: vec![DEFAULT_ENVIRONMENT] }),
        }
    }

    /// The same principal with rights in every tenant and environment of `settings`.
    #[must_use]
    pub(super) fn everywhere(mut self, settings: &Settings) -> Self {
        let tenants = settings.azure_sphere.tenants.iter().map(|tenant| tenant.id).collect();
        self.azure_sphere = Some(AzureSphereRights { tenants });
        let environments = settings.pingone.environments.iter().map(|environment| environment.id).collect();
        self.pingone = Some(PingOneRights { environments });
        self
    }
}
