//! Every operation of the PingOne images.

use pentaprism::settings::DEFAULT_ENVIRONMENT;
use pentaprism_client::Transport;
use pentaprism_client::dialects::pingone::PingoneClient;
use pentaprism_core::dialects::pingone::create_image::{CreateImage, CreateImageError};
use pentaprism_core::dialects::pingone::delete_image::{DeleteImage, DeleteImageError};
use pentaprism_core::dialects::pingone::models::{EnvironmentType, Image, ImageType, P1ErrorCode, P1ErrorDetailCode};
use pentaprism_core::dialects::pingone::read_environment::{ReadEnvironment, ReadEnvironmentError};
use pentaprism_core::dialects::pingone::read_image::{ReadImage, ReadImageError};
use pentaprism_core::dialects::pingone::read_image_file::{ReadImageFile, ReadImageFileError, ReadImageFileOk};

use crate::calls::{Calls, refuse, succeed};
use crate::{DEVELOPMENT_TOKEN, OTHER_TOKEN, UNKNOWN_TOKEN, Way, png, segments};

const ABSENT: &str = "1d9d5f62-11d8-4a30-9be5-0a6ae3f2a011";

pub(crate) async fn every_operation<T: Transport + Clone>(way: &Way<T>, calls: &Calls) {
    let client = |token| {
        let (transport, base, credential) = way.bearing(token);
        PingoneClient::new(transport, base, credential)
    };
    let (admin, foreigner, stranger) = (client(DEVELOPMENT_TOKEN), client(OTHER_TOKEN), client(UNKNOWN_TOKEN));
    let get = ReadEnvironment { environment_id: DEFAULT_ENVIRONMENT.to_string() };
    let environment = succeed!(calls, admin.read_environment(&get)).body;
    assert_eq!((environment.id, environment.type_), (DEFAULT_ENVIRONMENT, EnvironmentType::Sandbox));
    refuse!(calls, foreigner.read_environment(&get), ReadEnvironmentError::Forbidden(_));
    refuse!(calls, stranger.read_environment(&get), ReadEnvironmentError::Unauthorized(_));

    let image = creation(&admin, calls).await;
    reading(&admin, &stranger, &image, calls).await;
    let delete = DeleteImage { environment_id: DEFAULT_ENVIRONMENT.to_string(), image_id: image.id.to_string() };
    let deleted = succeed!(calls, admin.delete_image(&delete));
    assert!(!deleted.correlation_id.is_empty());
    refuse!(calls, admin.delete_image(&delete), DeleteImageError::NotFound(answer)
        if answer.body.code == P1ErrorCode::NotFound);
}

async fn creation<T: Transport>(admin: &PingoneClient<T>, calls: &Calls) -> Image {
    let create = CreateImage {
        environment_id: DEFAULT_ENVIRONMENT.to_string(),
        content_disposition: Some("attachment; filename=\"a logo.png\"".to_owned()),
        content_type: Some("image/png".to_owned()),
    };
    let image = succeed!(calls, admin.create_image(&create, png(20, 10))).body;
    let target = &image.targets.original;
    assert_eq!((target.width, target.height, &target.type_), (20, 10, &ImageType::Png));
    assert_eq!(image.environment.id, DEFAULT_ENVIRONMENT);
    refuse!(calls, admin.create_image(&create, "no picture"), CreateImageError::BadRequest(answer)
        if answer.body.details.as_ref().is_some_and(|all| all[0].code == P1ErrorDetailCode::InvalidValue));
    image
}

async fn reading<T: Transport>(admin: &PingoneClient<T>, stranger: &PingoneClient<T>, image: &Image, calls: &Calls) {
    let get = ReadImage { environment_id: DEFAULT_ENVIRONMENT.to_string(), image_id: image.id.to_string() };
    assert_eq!(&succeed!(calls, admin.read_image(&get)).body, image);
    let absent = ReadImage { image_id: ABSENT.to_owned(), ..get };
    refuse!(calls, admin.read_image(&absent), ReadImageError::NotFound(_));

    // The link of the picture needs no token.
    let link = segments(&image.targets.original.href);
    let [.., environment_id, _, image_id, file_name] = link.as_slice() else { panic!("{link:?}") };
    let get = |range: Option<&str>| ReadImageFile {
        environment_id: environment_id.clone(),
        image_id: image_id.clone(),
        file_name: file_name.clone(),
        range: range.map(str::to_owned),
        ..ReadImageFile::default()
    };
    let (whole, body) = succeed!(calls, stranger.read_image_file(&get(None)));
    let ReadImageFileOk::Ok { etag, content_type, .. } = whole else { panic!("{whole:?}") };
    assert_eq!((content_type.as_str(), body.collect(10_000).await.unwrap()), ("image/png", png(20, 10).into()));
    let same = ReadImageFile { if_none_match: Some(etag), ..get(None) };
    let (unchanged, _) = succeed!(calls, stranger.read_image_file(&same));
    assert!(matches!(unchanged, ReadImageFileOk::NotModified { .. }), "{unchanged:?}");
    let (part, body) = succeed!(calls, stranger.read_image_file(&get(Some("bytes=1-3"))));
    assert!(matches!(part, ReadImageFileOk::PartialContent { .. }), "{part:?}");
    assert_eq!(body.collect(100).await.unwrap(), "PNG");
    refuse!(
        calls,
        stranger.read_image_file(&get(Some("bytes=10000-"))),
        ReadImageFileError::RangeNotSatisfiable { content_range, .. } if content_range.starts_with("bytes */")
    );
}
