//! Every operation of Azure Sphere.

use pentaprism::settings::DEFAULT_TENANT;
use pentaprism_client::Transport;
use pentaprism_client::dialects::azure_sphere::AzureSphereClient;
use pentaprism_core::dialects::azure_sphere::get_image_metadata::{GetImageMetadata, GetImageMetadataError};
use pentaprism_core::dialects::azure_sphere::get_image_upload_operation::{
    GetImageUploadOperation, GetImageUploadOperationError,
};
use pentaprism_core::dialects::azure_sphere::get_image_url::{GetImageUrl, GetImageUrlError};
use pentaprism_core::dialects::azure_sphere::get_operation::{GetOperation, GetOperationError};
use pentaprism_core::dialects::azure_sphere::image_upload::{ImageUpload, ImageUploadError};
use pentaprism_core::dialects::azure_sphere::list_tenants::{ListTenants, ListTenantsError};
use pentaprism_core::dialects::azure_sphere::models::{ImageType, Operation, OperationState, OperationType};
use uuid::Uuid;

use crate::calls::{Calls, refuse, succeed};
use crate::{DEVELOPMENT_TOKEN, UNKNOWN_TOKEN, Way};

const IMAGE: Uuid = Uuid::from_u128(0x9854_53bb_eb5c_4ff2_8e06_aef4_786a_c445);
const ABSENT: &str = "1d9d5f62-11d8-4a30-9be5-0a6ae3f2a011";

pub(crate) async fn every_operation<T: Transport + Clone>(way: &Way<T>, calls: &Calls) {
    let client = |token| {
        let (transport, base, credential) = way.bearing(token);
        AzureSphereClient::new(transport, base, credential)
    };
    let (maker, stranger) = (client(DEVELOPMENT_TOKEN), client(UNKNOWN_TOKEN));
    let tenants = succeed!(calls, maker.list_tenants(&ListTenants {})).body;
    assert_eq!(tenants.iter().map(|tenant| tenant.id).collect::<Vec<_>>(), [DEFAULT_TENANT]);
    refuse!(calls, stranger.list_tenants(&ListTenants {}), ListTenantsError::Unauthorized(answer)
        if answer.body[0].status == 401);

    let upload = ImageUpload { tenant_id: DEFAULT_TENANT.to_string() };
    let begun = succeed!(calls, maker.image_upload(&upload, package())).body;
    assert_eq!((begun.tenant_id, &begun.operation_type), (DEFAULT_TENANT, &OperationType::ImageUpload));
    refuse!(calls, maker.image_upload(&upload, "no package"), ImageUploadError::BadRequest { body }
        if body[0].error_code == "BadRequest");
    operations(&maker, &begun, calls).await;
    images(&maker, calls).await;
}

/// The package of an application with nothing but an identity.
fn package() -> Vec<u8> {
    let identity = [&[10, 0, 0, 0][..], &[7; 16], &IMAGE.to_bytes_le()].concat();
    let sections = [&b"ID"[..], &36_u16.to_le_bytes(), &identity].concat();
    let metadata = [b"4X4M", &1_u32.to_le_bytes()[..], &sections, &52_u32.to_le_bytes(), &[0; 64]].concat();
    [&b"code"[..], &metadata].concat()
}

async fn operations<T: Transport>(maker: &AzureSphereClient<T>, begun: &Operation, calls: &Calls) {
    let (tenant_id, operation_id) = (DEFAULT_TENANT.to_string(), begun.operation_id.to_string());
    let get = GetImageUploadOperation { tenant_id: tenant_id.clone(), operation_id: operation_id.clone() };
    let complete = loop {
        let asked = succeed!(calls, maker.get_image_upload_operation(&get)).body;
        if asked.state == OperationState::Complete {
            break asked;
        }
        assert!([OperationState::NotStarted, OperationState::InProgress].contains(&asked.state), "{asked:?}");
        tokio::task::yield_now().await;
    };
    assert_eq!(complete.operation_id, begun.operation_id);
    let absent = GetImageUploadOperation { operation_id: ABSENT.to_owned(), ..get };
    refuse!(calls, maker.get_image_upload_operation(&absent), GetImageUploadOperationError::NotFound { body }
        if body[0].status == 404);

    let get = GetOperation { tenant_id, operation_id };
    assert_eq!(succeed!(calls, maker.get_operation(&get)).body, complete);
    let malformed = GetOperation { operation_id: "7".to_owned(), ..get };
    refuse!(calls, maker.get_operation(&malformed), GetOperationError::BadRequest { .. });
}

async fn images<T: Transport>(maker: &AzureSphereClient<T>, calls: &Calls) {
    let get = GetImageUrl { tenant_id: DEFAULT_TENANT.to_string(), image_id: IMAGE.to_string() };
    let url = succeed!(calls, maker.get_image_url(&get)).body;
    assert!(url.is_success && url.uri.as_ref().is_some_and(|uri| uri.contains(&IMAGE.to_string())), "{url:?}");
    let foreign = GetImageUrl { tenant_id: ABSENT.to_owned(), ..get };
    refuse!(calls, maker.get_image_url(&foreign), GetImageUrlError::NotFound { .. });

    let get = GetImageMetadata { tenant_id: DEFAULT_TENANT.to_string(), image_id: IMAGE.to_string() };
    let metadata = succeed!(calls, maker.get_image_metadata(&get)).body;
    assert_eq!((metadata.id, metadata.component_id), (IMAGE, Uuid::from_bytes_le([7; 16])));
    assert_eq!(metadata.image_type, ImageType::Applications);
    let absent = GetImageMetadata { image_id: ABSENT.to_owned(), ..get };
    refuse!(calls, maker.get_image_metadata(&absent), GetImageMetadataError::NotFound { body }
        if body[0].detail.contains(ABSENT));
}
