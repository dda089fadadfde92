//! Reading back, and what is said where that is not to be had.

use pentaprism_client::upload::service_fabric::FabricDownloadError;

use crate::model::Service;
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
