//! The links that whoever knows them may read: here, those of a saved view's picture.

use pentaprism::settings::DEFAULT_SAVED_VIEW;
use pentaprism_client::dialects::public::PublicClient;
use pentaprism_client::dialects::saved_views::SavedViewsClient;
use pentaprism_client::upload::saved_views::PutPictureOptions;
use pentaprism_client::{Credential, Source, Transport};
use pentaprism_core::dialects::public::get_public_file::{GetPublicFile, GetPublicFileError, GetPublicFileOk};
use pentaprism_core::dialects::saved_views::get_image::GetImage;

use crate::calls::{Calls, refuse, succeed};
use crate::{DEVELOPMENT_TOKEN, Way, png, segments};

pub(crate) async fn every_operation<T: Transport + Clone>(way: &Way<T>, calls: &Calls) {
    let (transport, base, credential) = way.bearing(DEVELOPMENT_TOKEN);
    let views = SavedViewsClient::new(transport, base, credential);
    let picture = png(300, 200);
    views.put_picture(DEFAULT_SAVED_VIEW, Source::bytes(picture.clone()), &PutPictureOptions::default()).await.unwrap();
    let get = GetImage { saved_view_id: DEFAULT_SAVED_VIEW.to_owned(), size: Some("full".to_owned()) };
    let link = segments(&views.get_image(&get).await.unwrap().body.href);
    let [.., token, file_name] = link.as_slice() else { panic!("{link:?}") };

    let (transport, base, credential) = way.showing(Credential::none());
    let anybody = PublicClient::new(transport, base, credential);
    let get = |range: Option<&str>| GetPublicFile {
        token: token.clone(),
        file_name: file_name.clone(),
        range: range.map(str::to_owned),
        ..GetPublicFile::default()
    };
    let (whole, body) = succeed!(calls, anybody.get_public_file(&get(None)));
    let GetPublicFileOk::Ok { etag, content_type } = whole else { panic!("{whole:?}") };
    assert_eq!((content_type.as_str(), body.collect(100_000).await.unwrap()), ("image/png", picture.into()));
    let same = GetPublicFile { if_none_match: Some(etag), ..get(None) };
    let (unchanged, _) = succeed!(calls, anybody.get_public_file(&same));
    assert!(matches!(unchanged, GetPublicFileOk::NotModified { .. }), "{unchanged:?}");
    let (part, body) = succeed!(calls, anybody.get_public_file(&get(Some("bytes=1-3"))));
    assert!(matches!(part, GetPublicFileOk::PartialContent { .. }), "{part:?}");
    assert_eq!(body.collect(100).await.unwrap(), "PNG");

    let beyond = get(Some("bytes=100000-"));
    refuse!(calls, anybody.get_public_file(&beyond), GetPublicFileError::RangeNotSatisfiable { .. });
    let guessed = GetPublicFile { token: "0".repeat(token.len()), ..get(None) };
    refuse!(calls, anybody.get_public_file(&guessed), GetPublicFileError::NotFound(answer)
        if answer.body == "There is no such file.");
}
