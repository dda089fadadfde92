//! Asks each API for something small that needs its token.

use pentaprism_client::dialects::azure_sphere::AzureSphereClient;
use pentaprism_client::dialects::glance::GlanceClient;
use pentaprism_client::dialects::pingone::PingoneClient;
use pentaprism_client::dialects::saved_views::SavedViewsClient;
use pentaprism_client::dialects::service_fabric::ServiceFabricClient;
use pentaprism_client::{BaseUrl, Credential, Retry};
use pentaprism_core::dialects::azure_sphere::list_tenants::ListTenants;
use pentaprism_core::dialects::glance::list_images::ListImages;
use pentaprism_core::dialects::glance::list_versions::ListVersions;
use pentaprism_core::dialects::pingone::read_environment::ReadEnvironment;
use pentaprism_core::dialects::saved_views::get_all_saved_views::GetAllSavedViews;
use pentaprism_core::dialects::service_fabric::get_image_store_root_content::GetImageStoreRootContent;

use super::witness::Witness;
use crate::remote::address::Dialect;
use crate::remote::failure::{Failure, FailureKind};
use crate::remote::profiles::Places;

/// One API of one service, without tries that would hide what is wrong.
pub(super) struct Patient<'t> {
    pub dialect: Dialect,
    pub base: BaseUrl,
    pub credential: Credential,
    pub witness: Witness,
    pub places: &'t Places,
    pub server: &'t str,
}

/// What came of a question that could be asked.
pub(super) enum Answered {
    /// It was answered as it should be.
    Well(String),
    /// It was answered, but a setting is missing for more.
    NotSet(String, &'static str),
}

impl Patient<'_> {
    /// Asks; the token is shown.
    pub async fn read(&self) -> Result<Answered, Failure> {
        match self.dialect {
            Dialect::Glance => self.glance().await,
            Dialect::AzureSphere => self.azure_sphere().await,
            Dialect::SavedViews => self.saved_views().await,
            Dialect::Pingone => self.pingone().await,
            Dialect::ServiceFabric => self.service_fabric().await,
        }
    }

    pub fn glance_client(&self) -> GlanceClient<Witness> {
        GlanceClient::new(self.witness.clone(), self.base.clone(), self.credential.clone()).with_retry(Retry::none())
    }

    pub fn pingone_client(&self) -> PingoneClient<Witness> {
        PingoneClient::new(self.witness.clone(), self.base.clone(), self.credential.clone()).with_retry(Retry::none())
    }

    pub fn service_fabric_client(&self) -> ServiceFabricClient<Witness> {
        let client = ServiceFabricClient::new(self.witness.clone(), self.base.clone(), self.credential.clone());
        client.with_retry(Retry::none())
    }

    async fn glance(&self) -> Result<Answered, Failure> {
        let client = self.glance_client();
        let input = ListImages { limit: Some("1".to_owned()), ..ListImages::default() };
        client.list_images(&input).await.map_err(|error| self.failed("the list of images", &error))?;
        let version = client.list_versions(&ListVersions::default()).await.ok().and_then(|answer| {
            let current = answer.body.versions.into_iter().find(|version| version.status.as_str() == "CURRENT")?;
            Some(format!(", the API in version {}", current.id.as_str().trim_start_matches('v')))
        });
        Ok(Answered::Well(format!("images can be listed{}", version.unwrap_or_default())))
    }

    async fn azure_sphere(&self) -> Result<Answered, Failure> {
        let client = AzureSphereClient::new(self.witness.clone(), self.base.clone(), self.credential.clone());
        let answer = client.with_retry(Retry::none()).list_tenants(&ListTenants::default()).await;
        let tenants = answer.map_err(|error| self.failed("the list of tenants", &error))?.body;
        let known = tenants.iter().map(|tenant| format!("{} ({})", tenant.id, tenant.name)).collect::<Vec<_>>();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        let Some(wanted) = &self.places.tenant else {
            return Ok(Answered::NotSet(
                format!("the tenants are {known}; none is chosen"),
                "set `tenant` in the table `azure_sphere` of the profile to one of them",
            ));
        };
        if let Some(tenant) = tenants.iter().find(|tenant| tenant.id.to_string().eq_ignore_ascii_case(wanted)) {
            return Ok(Answered::Well(format!("the tenant {} is there ({})", tenant.id, tenant.name)));
        }
        let what = format!("the token may not use the tenant {wanted}; its tenants are {known}");
        Err(Failure::new(FailureKind::NotFound, what).advise("set `tenant` to one of them, or take another token"))
    }

    async fn saved_views(&self) -> Result<Answered, Failure> {
        let (itwin_id, imodel_id) = (self.places.itwin.clone(), self.places.imodel.clone());
        if itwin_id.is_none() && imodel_id.is_none() {
            return Ok(Answered::NotSet(
                "nothing was asked, as saved views are listed by iTwin or iModel".to_owned(),
                "set `itwin` or `imodel` in the table `saved_views` of the profile",
            ));
        }
        let client = SavedViewsClient::new(self.witness.clone(), self.base.clone(), self.credential.clone());
        let top = Some("1".to_owned());
        let input = GetAllSavedViews { itwin_id, imodel_id, top, ..GetAllSavedViews::default() };
        let answer = client.with_retry(Retry::none()).get_all_saved_views(&input).await;
        answer.map_err(|error| self.failed("the list of saved views", &error))?;
        Ok(Answered::Well("saved views can be listed".to_owned()))
    }

    async fn pingone(&self) -> Result<Answered, Failure> {
        let Some(environment_id) = self.places.environment.clone() else {
            return Ok(Answered::NotSet(
                "nothing was asked, as no environment is chosen".to_owned(),
                "set `environment` in the table `pingone` of the profile",
            ));
        };
        let answer = self.pingone_client().read_environment(&ReadEnvironment { environment_id }).await;
        let environment = answer.map_err(|error| self.failed("the environment", &error))?.body;
        Ok(Answered::Well(format!("the environment {} is there ({})", environment.id, environment.name)))
    }

    async fn service_fabric(&self) -> Result<Answered, Failure> {
        let client = self.service_fabric_client();
        let answer = client.get_image_store_root_content(&GetImageStoreRootContent::default()).await;
        answer.map_err(|error| self.failed("the list of the image store's root", &error))?;
        Ok(Answered::Well("the image store can be listed".to_owned()))
    }

    pub fn failed<E>(&self, what: &str, error: &pentaprism_client::Error<E>) -> Failure
    where
        E: pentaprism_core::Message + std::error::Error + 'static,
    {
        // Without a connection it is all the same what was asked for.
        let unreachable = matches!(error, pentaprism_client::Error::Unreachable(_));
        Failure::from_call(if unreachable { "the connection" } else { what }, self.server, error)
    }
}
