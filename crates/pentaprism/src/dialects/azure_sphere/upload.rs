//! `POST /v2/tenants/{tenantId}/images`: a package is stored and waits to become an image.

use http_body::Body as _;
use pentaprism_core::Body;
use pentaprism_core::dialects::azure_sphere::image_upload::ImageUpload;
use pentaprism_core::dialects::azure_sphere::models::Operation;
use pentaprism_store::{Change, NewContent, NewName, UploadRequest};

use crate::access::Principal;

use super::AzureSphere;
use super::package::{PackageError, PackageTail};
use super::problem::{Noun, Problem};
use super::record::{self, NOT_STARTED, OperationKey, OperationRecord, WAITING};
use super::tenant;

impl AzureSphere {
    /// Stores a package. All checks that need no body come before its first byte is asked for, in the order of D-071.
    pub(super) async fn upload(
        &self,
        caller: &Principal,
        input: &ImageUpload,
        mut body: Body,
    ) -> Result<Operation, Problem> {
        let settings = &self.context.settings.azure_sphere;
        let tenant = tenant::id(Noun::Tenant, &input.tenant_id)?;
        tenant::check(settings, caller, tenant)?;
        let (limit, declared) = (settings.package_bytes, body.size_hint().exact());
        match declared {
            Some(0) => return Err(PackageError::Empty.into()),
            Some(size) if size > limit => return Err(Problem::DeclaredTooLarge { size, limit }),
            _ => {}
        }
        let request = UploadRequest::new(record::account(tenant, settings.quota_bytes)).declared(declared);
        let mut upload = self.context.store.begin(request).await?;
        let mut tail = PackageTail::default();
        while let Some(piece) = body.data().await {
            let piece = piece.map_err(Problem::Body)?;
            tail.push(&piece);
            if tail.size() > limit {
                return Err(Problem::TooLarge { limit });
            }
            upload.push(piece).await?;
        }
        let about = tail.read()?.into();
        let received = upload.finish().await?;
        let key = OperationKey { tenant, id: self.context.ids.next() };
        let created = self.context.clock.now().as_unix_micros();
        let record = OperationRecord { about, created, started: None, ended: None, failure: None };
        let operation =
            NewName::new(key.name(), NOT_STARTED).attributes(record::write(&record)).content(NewContent::Uploaded);
        let waiting = NewName::new(key.listed(WAITING, self.turns.take(created)), WAITING);
        let change = Change::new().create(operation).create(waiting);
        // Whatever becomes of this request, the worker looks what there is to do.
        let _rings = self.bell.ring_at_end();
        received.commit(change).await?;
        Ok(key.show(self.base_path(), NOT_STARTED, &record))
    }
}
