//! Reading back, and what is said where that is not to be had.

use pentaprism_client::upload::service_fabric::FabricDownloadError;

use crate::model::{Fault, Kind, Service};
use crate::{numbers, options};

async fn with_files(download: bool) -> Service {
    let service = Service::sound().with(|state| state.download_offered = download);
    for path in ["App/a b", "App/empty"] {
        let bytes = if path == "App/empty" { numbers(0) } else { numbers(900) };
        service.client().upload(path, bytes, &options()).await.unwrap();
    }
    service
}

#[tokio::test(start_paused = true)]
async fn a_file_is_read_from_any_byte_on() {
    let client = with_files(true).await.client();
    for from in [0, 1, 899, 900] {
        let (file, body) = client.download_file("App/a b", from).await.unwrap();
        assert_eq!(file.file_size.unwrap().0, 900);
        assert!(body.collect(1000).await.unwrap() == numbers(900).slice(usize::try_from(from).unwrap()..));
    }
    let (_, body) = client.download_file("App/empty", 0).await.unwrap();
    assert!(body.collect(1000).await.unwrap().is_empty());
    let error = client.download_file("App/a b", 901).await.unwrap_err();
    assert!(matches!(error, FabricDownloadError::BeyondEnd { size: 900, from: 901 }));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_says_why() {
    let client = with_files(false).await.client();
    let error = client.download_file("App/a b", 0).await.unwrap_err();
    assert!(matches!(error, FabricDownloadError::NoDownload), "{error:?}");
    assert_eq!(error.to_string(), "this service has no download; Service Fabric's own API offers none");
    assert!(matches!(client.download_file("App", 0).await.unwrap_err(), FabricDownloadError::Folder));
    assert!(matches!(client.download_file("None", 0).await.unwrap_err(), FabricDownloadError::NotFound));
}

#[tokio::test(start_paused = true)]
async fn a_part_is_of_the_version_that_is_told() {
    // The first file is uploaded in one request; what is read is looked up before.
    let service = Service::new(|kind, _| if kind == Kind::Download { Fault::Replace } else { Fault::None })
        .with(|state| state.download_offered = true);
    service.client().upload("a", numbers(900), &options()).await.unwrap();
    let error = service.client().download_file("a", 5).await.unwrap_err();
    assert!(matches!(error, FabricDownloadError::OtherBytes { from: 5, size: 900, .. }), "{error:?}");
    assert!(error.to_string().starts_with("the service sends bytes of another version"), "{error}");
    // From its beginning on, there is nothing that the bytes must fit to.
    let looks = service.count(Kind::List);
    assert!(service.client().download_file("a", 0).await.is_ok());
    assert_eq!(service.count(Kind::List), looks + 1);
}
