//! Every operation of the OpenStack Image service.

use pentaprism::settings::DEVELOPMENT_PROJECT;
use pentaprism_client::dialects::glance::GlanceClient;
use pentaprism_client::{Credential, Transport};
use pentaprism_core::dialects::glance::create_image::{CreateImage, CreateImageError};
use pentaprism_core::dialects::glance::create_image_member::{CreateImageMember, CreateImageMemberError};
use pentaprism_core::dialects::glance::delete_image::{DeleteImage, DeleteImageError};
use pentaprism_core::dialects::glance::delete_image_member::{DeleteImageMember, DeleteImageMemberError};
use pentaprism_core::dialects::glance::discover_versions::DiscoverVersions;
use pentaprism_core::dialects::glance::download_image_data::{
    DownloadImageData, DownloadImageDataError, DownloadImageDataOk,
};
use pentaprism_core::dialects::glance::list_image_members::{ListImageMembers, ListImageMembersError};
use pentaprism_core::dialects::glance::list_images::{ListImages, ListImagesError};
use pentaprism_core::dialects::glance::list_versions::ListVersions;
use pentaprism_core::dialects::glance::models::{
    ContainerFormat, DiskFormat, FaultResponse, Image, ImageCreate, ImageStatus, MemberCreate, MemberStatus,
    MemberUpdate, VersionStatus, Visibility,
};
use pentaprism_core::dialects::glance::show_image::{ShowImage, ShowImageError};
use pentaprism_core::dialects::glance::show_image_member::{ShowImageMember, ShowImageMemberError};
use pentaprism_core::dialects::glance::show_image_schema::{ShowImageSchema, ShowImageSchemaError};
use pentaprism_core::dialects::glance::show_images_schema::{ShowImagesSchema, ShowImagesSchemaError};
use pentaprism_core::dialects::glance::show_member_schema::{ShowMemberSchema, ShowMemberSchemaError};
use pentaprism_core::dialects::glance::show_members_schema::{ShowMembersSchema, ShowMembersSchemaError};
use pentaprism_core::dialects::glance::update_image_member::{UpdateImageMember, UpdateImageMemberError};
use pentaprism_core::dialects::glance::upload_image_data::{UploadImageData, UploadImageDataError};
use uuid::Uuid;

use crate::calls::{Calls, refuse, succeed};
use crate::{DEVELOPMENT_TOKEN, OTHER_PROJECT, OTHER_TOKEN, UNKNOWN_TOKEN, Way};

const ABSENT: &str = "1d9d5f62-11d8-4a30-9be5-0a6ae3f2a011";

pub(crate) async fn every_operation<T: Transport + Clone>(way: &Way<T>, calls: &Calls) {
    let client = |token| {
        let (transport, base, credential) = way.showing(Credential::auth_token(token).unwrap());
        GlanceClient::new(transport, base, credential)
    };
    let (owner, other, stranger) = (client(DEVELOPMENT_TOKEN), client(OTHER_TOKEN), client(UNKNOWN_TOKEN));
    versions(&stranger, calls).await;
    schemas(&owner, &stranger, calls).await;
    let image = records(&owner, calls).await;
    data(&owner, image.id.to_string(), calls).await;
    members(&owner, &other, &image, calls).await;
    member_refusals(&owner, &other, &image, calls).await;
    deletion(&owner, &image, calls).await;
}

/// Whoever asks may know them.
async fn versions<T: Transport>(stranger: &GlanceClient<T>, calls: &Calls) {
    let chosen = succeed!(calls, stranger.discover_versions(&DiscoverVersions {})).body.versions;
    let listed = succeed!(calls, stranger.list_versions(&ListVersions {})).body.versions;
    assert_eq!(chosen, listed);
    assert_eq!((listed[0].id.as_str(), &listed[0].status), ("v2.15", &VersionStatus::Current));
}

async fn schemas<T: Transport>(owner: &GlanceClient<T>, stranger: &GlanceClient<T>, calls: &Calls) {
    let schema = succeed!(calls, owner.show_image_schema(&ShowImageSchema {})).body;
    assert_eq!(schema["name"], "image");
    let schema = succeed!(calls, owner.show_images_schema(&ShowImagesSchema {})).body;
    assert_eq!(schema["name"], "images");
    let schema = succeed!(calls, owner.show_member_schema(&ShowMemberSchema {})).body;
    assert_eq!(schema["name"], "member");
    let schema = succeed!(calls, owner.show_members_schema(&ShowMembersSchema {})).body;
    assert_eq!(schema["name"], "members");
    refuse!(calls, stranger.show_image_schema(&ShowImageSchema {}), ShowImageSchemaError::Unauthorized(_));
    refuse!(calls, stranger.show_images_schema(&ShowImagesSchema {}), ShowImagesSchemaError::Unauthorized(_));
    refuse!(calls, stranger.show_member_schema(&ShowMemberSchema {}), ShowMemberSchemaError::Unauthorized(_));
    refuse!(calls, stranger.show_members_schema(&ShowMembersSchema {}), ShowMembersSchemaError::Unauthorized(_));
}

async fn records<T: Transport>(owner: &GlanceClient<T>, calls: &Calls) -> Image {
    let create = || CreateImage {
        body: CreateImage::json_body(&ImageCreate {
            id: Some(Uuid::from_u128(0x1234_5678_9abc_4def_8123_4567_89ab_cdef)),
            name: Some("größe, \"debian:12\"".to_owned()),
            disk_format: Some(DiskFormat::Qcow2),
            container_format: Some(ContainerFormat::Bare),
            visibility: Some(Visibility::Shared),
            tags: Some(vec!["a b".to_owned()]),
            additional: [("architecture".to_owned(), "x86_64".to_owned())].into_iter().collect(),
            ..ImageCreate::default()
        })
        .unwrap(),
    };
    let created = succeed!(calls, owner.create_image(&create()));
    let image = created.body;
    assert!(created.location.ends_with(&image.id.to_string()), "{}", created.location);
    assert_eq!(image.name.as_deref(), Some("größe, \"debian:12\""));
    assert_eq!((&image.status, &image.visibility, image.size), (&ImageStatus::Queued, &Visibility::Shared, None));
    assert_eq!(image.additional["architecture"], "x86_64");
    assert_eq!(image.owner, Some(DEVELOPMENT_PROJECT.to_string()));
    refuse!(calls, owner.create_image(&create()), CreateImageError::Conflict(FaultResponse { .. }));

    let id = image.id.to_string();
    assert_eq!(succeed!(calls, owner.show_image(&ShowImage { image_id: id })).body, image);
    refuse!(calls, owner.show_image(&ShowImage { image_id: ABSENT.to_owned() }), ShowImageError::NotFound(_));

    let named = ListImages { name: image.name.clone(), tag: image.tags.clone(), ..ListImages::default() };
    let listed = succeed!(calls, owner.list_images(&named)).body;
    assert_eq!((listed.images.as_slice(), listed.next), (&[image.clone()][..], None));
    let others = ListImages { name: Some("another".to_owned()), ..ListImages::default() };
    assert!(succeed!(calls, owner.list_images(&others)).body.images.is_empty());
    let malformed = ListImages { limit: Some("-1".to_owned()), ..ListImages::default() };
    refuse!(calls, owner.list_images(&malformed), ListImagesError::BadRequest(_));
    image
}

async fn data<T: Transport>(owner: &GlanceClient<T>, id: String, calls: &Calls) {
    let download = |range: Option<&str>| DownloadImageData {
        image_id: id.clone(),
        range: range.map(str::to_owned),
        ..DownloadImageData::default()
    };
    let (nothing, body) = succeed!(calls, owner.download_image_data(&download(None)));
    assert!(matches!(nothing, DownloadImageDataOk::NoContent { .. }), "{nothing:?}");
    assert!(body.collect(1).await.unwrap().is_empty());

    let upload =
        UploadImageData { image_id: id.clone(), x_openstack_image_size: Some("8".to_owned()), ..Default::default() };
    succeed!(calls, owner.upload_image_data(&upload, "an image"));
    refuse!(calls, owner.upload_image_data(&upload, "another"), UploadImageDataError::Conflict(_));
    let image = succeed!(calls, owner.show_image(&ShowImage { image_id: id.clone() })).body;
    assert_eq!((image.status, image.size), (ImageStatus::Active, Some(8)));

    let (whole, body) = succeed!(calls, owner.download_image_data(&download(None)));
    let DownloadImageDataOk::Ok { content_md5, .. } = whole else { panic!("{whole:?}") };
    assert_eq!((content_md5, body.collect(100).await.unwrap()), (image.checksum, "an image".into()));
    let (part, body) = succeed!(calls, owner.download_image_data(&download(Some("bytes=3-7"))));
    let DownloadImageDataOk::PartialContent { content_range, .. } = part else { panic!("{part:?}") };
    assert_eq!((content_range.as_str(), body.collect(100).await.unwrap()), ("bytes 3-7/8", "image".into()));
    let beyond = download(Some("bytes=8-"));
    refuse!(calls, owner.download_image_data(&beyond), DownloadImageDataError::RangeNotSatisfiable(_));
}

async fn members<T: Transport>(owner: &GlanceClient<T>, other: &GlanceClient<T>, image: &Image, calls: &Calls) {
    let (image_id, member_id) = (image.id.to_string(), OTHER_PROJECT.to_string());
    let body = CreateImageMember::json_body(&MemberCreate { member: member_id.clone() }).unwrap();
    let create = CreateImageMember { image_id: image_id.clone(), body };
    let created = succeed!(calls, owner.create_image_member(&create)).body;
    assert_eq!((created.image_id, &created.member_id), (image.id, &member_id));
    assert_eq!(created.status, MemberStatus::Pending);
    refuse!(calls, owner.create_image_member(&create), CreateImageMemberError::Conflict(_));

    let listed = succeed!(calls, owner.list_image_members(&ListImageMembers { image_id: image_id.clone() })).body;
    assert_eq!(listed.members, [created]);
    let absent = ListImageMembers { image_id: ABSENT.to_owned() };
    refuse!(calls, owner.list_image_members(&absent), ListImageMembersError::NotFound(_));

    let accept = UpdateImageMember {
        image_id: image_id.clone(),
        member_id: member_id.clone(),
        body: UpdateImageMember::json_body(&MemberUpdate { status: MemberStatus::Accepted }).unwrap(),
    };
    let accepted = succeed!(calls, other.update_image_member(&accept)).body;
    assert_eq!(accepted.status, MemberStatus::Accepted);
    let undecided = UpdateImageMember { body: r#"{"status":"maybe"}"#.into(), ..accept };
    refuse!(calls, other.update_image_member(&undecided), UpdateImageMemberError::BadRequest(_));

    let show = ShowImageMember { image_id, member_id };
    assert_eq!(succeed!(calls, other.show_image_member(&show)).body, accepted);
    let images = succeed!(calls, other.list_images(&ListImages::default())).body.images;
    assert_eq!(images.iter().map(|image| image.id).collect::<Vec<_>>(), [image.id]);
}

async fn member_refusals<T: Transport>(owner: &GlanceClient<T>, other: &GlanceClient<T>, image: &Image, calls: &Calls) {
    let (image_id, member_id) = (image.id.to_string(), OTHER_PROJECT.to_string());
    let show = ShowImageMember { image_id: image_id.clone(), member_id: ABSENT.to_owned() };
    refuse!(calls, owner.show_image_member(&show), ShowImageMemberError::NotFound(_));
    let delete = DeleteImageMember { image_id, member_id };
    refuse!(calls, other.delete_image_member(&delete), DeleteImageMemberError::Forbidden(_));
    succeed!(calls, owner.delete_image_member(&delete));
    refuse!(calls, owner.delete_image_member(&delete), DeleteImageMemberError::NotFound(_));
}

async fn deletion<T: Transport>(owner: &GlanceClient<T>, image: &Image, calls: &Calls) {
    let delete = DeleteImage { image_id: image.id.to_string() };
    succeed!(calls, owner.delete_image(&delete));
    refuse!(calls, owner.delete_image(&delete), DeleteImageError::NotFound(_));
    let download = DownloadImageData { image_id: delete.image_id, ..DownloadImageData::default() };
    refuse!(calls, owner.download_image_data(&download), DownloadImageDataError::NotFound(_));
}
