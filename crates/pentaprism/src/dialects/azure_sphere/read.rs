//! What can be asked for: operations, images, and where their bytes are.

use std::time::Duration;

use http::request::Parts;
use pentaprism_core::dialects::azure_sphere::models::{ImageMetadata, ImageUrl, Operation};
use uuid::Uuid;

use crate::access::Principal;
use crate::dialects::public::link;
use crate::site::base_url;

use super::AzureSphere;
use super::problem::{Noun, Problem};
use super::record::{self, ImageRecord, OperationKey, OperationRecord};
use super::tenant;

impl AzureSphere {
    /// An operation, by one look into the store: clients ask without pauses.
    pub(super) async fn operation(
        &self,
        caller: &Principal,
        tenant: &str,
        operation: &str,
    ) -> Result<Operation, Problem> {
        let (tenant, id) = self.ids(caller, tenant, Noun::Operation, operation)?;
        let key = OperationKey { tenant, id };
        let missing = || Problem::Missing(Noun::Operation, id);
        let name = self.context.store.get(&key.name()).await?.ok_or_else(missing)?;
        let record: OperationRecord = record::read(&name)?;
        if record.ended.is_some_and(|ended| self.is_forgotten(ended)) {
            return Err(missing());
        }
        Ok(key.show(self.base_path(), &name.status, &record))
    }

    /// What a package says about itself.
    pub(super) async fn metadata(
        &self,
        caller: &Principal,
        tenant: &str,
        image: &str,
    ) -> Result<ImageMetadata, Problem> {
        let (tenant, image) = self.ids(caller, tenant, Noun::Image, image)?;
        Ok(self.image(tenant, image).await?.show())
    }

    /// Where the bytes of an image can be read (D-084).
    pub(super) async fn url(
        &self,
        caller: &Principal,
        head: &Parts,
        tenant: &str,
        image: &str,
    ) -> Result<ImageUrl, Problem> {
        let (tenant, image) = self.ids(caller, tenant, Noun::Image, image)?;
        let ImageRecord { link: token, .. } = self.image(tenant, image).await?;
        let uri = link::url(&base_url(head, &self.context.settings), &token, &file_name(image));
        Ok(ImageUrl { is_success: true, uri: Some(uri), uri_message: None })
    }

    /// The ids of a path, in its order, and then whether the caller may work with the tenant (D-071).
    fn ids(&self, caller: &Principal, tenant: &str, noun: Noun, other: &str) -> Result<(Uuid, Uuid), Problem> {
        let (tenant, other) = (tenant::id(Noun::Tenant, tenant)?, tenant::id(noun, other)?);
        tenant::check(&self.context.settings.azure_sphere, caller, tenant)?;
        Ok((tenant, other))
    }

    async fn image(&self, tenant: Uuid, image: Uuid) -> Result<ImageRecord, Problem> {
        let found = self.context.store.get(&record::image_name(tenant, image)).await?;
        Ok(record::read(&found.ok_or(Problem::Missing(Noun::Image, image))?)?)
    }

    /// Whether an operation that ended then is not shown any more (D-082).
    fn is_forgotten(&self, ended: i64) -> bool {
        let kept = Duration::from_secs(self.context.settings.azure_sphere.operation_seconds);
        ended < self.context.clock.now().minus(kept).as_unix_micros()
    }
}

/// What the file behind a public link is called.
pub(super) fn file_name(image: Uuid) -> String {
    format!("{image}.imagepackage")
}
