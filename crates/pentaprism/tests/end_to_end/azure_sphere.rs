//! Image packages from the clients of the field, with the operations behind them, and through kills of the program.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use pentaprism_client::dialects::azure_sphere::AzureSphereClient;
use pentaprism_client::{Credential, HyperTransport};
use pentaprism_core::Body;
use pentaprism_core::dialects::azure_sphere::get_image_metadata::GetImageMetadata;
use pentaprism_core::dialects::azure_sphere::get_image_url::GetImageUrl;
use pentaprism_core::dialects::azure_sphere::get_operation::GetOperation;
use pentaprism_core::dialects::azure_sphere::image_upload::ImageUpload;
use pentaprism_core::dialects::azure_sphere::models::{ErrorResponseCode, Operation, OperationState};
use pentaprism_testkit::server_process::ServerProcess;
use serde_json::Value;
use uuid::{Uuid, uuid};

use crate::azure_sphere_package::{COMPONENT, LONG_SIGNATURE, USUAL_SIGNATURE, application};
use crate::clients::{installed, scripts};
use crate::support::{Fresh, noise, program, succeed};

const TENANT: &str = "768c2cd6-1bf0-4521-9f53-084a331d81cb";
const IMAGE: Uuid = uuid!("985453bb-eb5c-4ff2-8e06-aef4786ac445");
/// How often the program is killed.
const ROUNDS: u128 = 10;
/// How long an operation may take before it counts as one that never ends. Other tests may keep the disk busy meanwhile.
const PATIENCE: Duration = Duration::from_mins(1);

#[test]
fn curl_uploads_a_package_and_follows_its_operation() {
    let fresh = Fresh::start();
    let bytes = application(IMAGE, "DishwasherHighLevelApp", &noise(4, 900_000), LONG_SIGNATURE);
    let file = fresh.file("app.imagepackage", &bytes);
    let tenant = format!("{}/v2/tenants/{TENANT}", fresh.server.url());
    let tenants = json(&[&format!("{}/v2/Tenants", fresh.server.url())]);
    assert_eq!(tenants[0]["Id"], TENANT);
    let upload = |image: &Path| {
        let (data, url) = (format!("@{}", image.display()), format!("{tenant}/images"));
        let octets = "Content-Type: application/octet-stream";
        ended_operation(&fresh, &json(&["-H", octets, "--data-binary", &data, &url]))
    };
    let done = upload(&file);
    assert_eq!((&done["State"], &done["Error"]), (&2.into(), &Value::Null), "{done}");
    let metadata = json(&[&format!("{tenant}/images/{IMAGE}/metadata")]);
    let expected = serde_json::json!({
        "Id": IMAGE, "Name": "DishwasherHighLevelApp", "ComponentId": COMPONENT, "Description": null,
        "ImageType": 10, "Type": 10
    });
    assert_eq!(metadata, expected);
    let place = json(&[&format!("{tenant}/images/{IMAGE}")]);
    let place = place["Uri"].as_str().expect("there is a URL");
    assert!(read_without_token(&fresh, place) == bytes, "the bytes differ");
    let failed = upload(&file);
    let expected =
        serde_json::json!({"Code": 7, "Message": format!("An image with the same ID ('{IMAGE}') already exists.")});
    assert_eq!((&failed["State"], &failed["Error"]), (&3.into(), &expected), "{failed}");
}

#[test]
fn a_package_of_the_vendors_library_comes_back_as_that_library_made_it() {
    let fresh = Fresh::start();
    let file = fresh.folder.path().join("vendor.imagepackage");
    let identity = [IMAGE.to_string(), COMPONENT.to_string(), "Blink".to_owned()];
    let library = |command: &str, file: &Path| {
        let script = scripts().join("azure_sphere/packages.py");
        succeed(Command::new(python()).arg(script).arg(command).arg(file).args(&identity))
    };
    library("make", &file);
    let made = std::fs::read(&file).expect("the package was made");
    let explorer = scripts().join("azure_sphere/explorer.mjs");
    let image = IMAGE.to_string();
    let printed = succeed(Command::new("node").arg(explorer).arg(fresh.server.url()).arg(&file).arg(&image));
    assert!(printed.ends_with("a refusal ends the polling\n"), "{printed}");
    let url = format!("{}/v2/tenants/{TENANT}/images/{IMAGE}", fresh.server.url());
    let place = json(&[&url]);
    let back = read_without_token(&fresh, place["Uri"].as_str().expect("there is a URL"));
    assert!(back == made, "the bytes differ");
    library("check", &fresh.file("back.imagepackage", &back));
}

#[test]
fn python_clients_upload_whatever_they_call_the_body() {
    let fresh = Fresh::start();
    let script = scripts().join("azure_sphere/upload.py");
    let printed = succeed(Command::new(python()).arg(script).arg(fresh.server.url()));
    assert_eq!(printed.matches("bytes without a token").count(), 3, "{printed}");
    assert!(printed.ends_with("no token\n"), "{printed}");
}

/// Each round kills the program as soon as an upload is acknowledged; the next start ends what it began.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_packages_become_images_however_often_the_program_dies() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for round in 0..ROUNDS {
        let server = ServerProcess::start(program(), folder.path(), &[]);
        let begun = upload(&client(&server), round).await;
        server.kill();
        let server = ServerProcess::start(program(), folder.path(), &[]);
        let client = client(&server);
        let done = ended(&client, begun).await;
        assert_eq!((done.state, &done.error), (OperationState::Complete, &None), "round {round}: {done:?}");
        for earlier in 0..=round {
            assert!(read(&client, earlier).await == content(earlier), "round {round}: image {earlier} has other bytes");
        }
        let begun = upload(&client, round).await;
        server.kill();
        let server = ServerProcess::start(program(), folder.path(), &[]);
        let failed = ended(&self::client(&server), begun).await;
        let code = failed.error.as_ref().map(|error| error.code);
        assert_eq!((failed.state, code), (OperationState::Failed, Some(ErrorResponseCode::Conflict)), "{failed:?}");
        assert!(server.stop().success());
    }
    succeed(Command::new(program()).args(["fsck", "--data"]).arg(folder.path()));
}

fn client(server: &ServerProcess) -> AzureSphereClient<HyperTransport> {
    let transport = HyperTransport::new().expect("the system has root certificates");
    let token = Credential::bearer("pentaprism-dev").expect("the token is text");
    AzureSphereClient::new(transport, server.url().parse().expect("the URL is one"), token)
}

fn image(round: u128) -> Uuid {
    Uuid::from_u128(0x4000_8000_0000_0000_0000 + round)
}

/// Packages that the store keeps together with others, and packages with files of their own.
fn content(round: u128) -> Vec<u8> {
    let sizes = [100, 300_000, 20_000, 2 << 20];
    let seed = u64::try_from(round).expect("there are few rounds");
    let payload = noise(seed, sizes[usize::try_from(round).expect("there are few rounds") % sizes.len()]);
    application(image(round), &format!("round {round}"), &payload, USUAL_SIGNATURE)
}

async fn upload(client: &AzureSphereClient<HyperTransport>, round: u128) -> Operation {
    let input = ImageUpload { tenant_id: TENANT.to_owned() };
    client.image_upload(&input, Body::from(content(round))).await.expect("the package is taken over").body
}

async fn ended(client: &AzureSphereClient<HyperTransport>, mut operation: Operation) -> Operation {
    let operation_id = operation.operation_id.to_string();
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if !matches!(operation.state, OperationState::NotStarted | OperationState::InProgress) {
            return operation;
        }
        let input = GetOperation { tenant_id: TENANT.to_owned(), operation_id: operation_id.clone() };
        operation = client.get_operation(&input).await.expect("an acknowledged operation is there").body;
    }
    panic!("the operation does not end: {operation:?}");
}

/// The bytes behind the link of an image, whose metadata are right.
async fn read(client: &AzureSphereClient<HyperTransport>, round: u128) -> Vec<u8> {
    let (tenant_id, image_id) = (TENANT.to_owned(), image(round).to_string());
    let input = GetImageMetadata { tenant_id: tenant_id.clone(), image_id: image_id.clone() };
    let metadata = client.get_image_metadata(&input).await.expect("a complete operation made the image").body;
    assert_eq!((metadata.id, metadata.component_id), (image(round), COMPONENT));
    assert_eq!(metadata.name, format!("round {round}"));
    let place = client.get_image_url(&GetImageUrl { tenant_id, image_id }).await.expect("the image has a link").body;
    let place = place.uri.expect("there is a URL");
    let downloaded = Command::new("curl").args(["-sS", "--fail-with-body", &place]).output().expect("curl runs");
    assert!(downloaded.status.success(), "{place} does not answer");
    downloaded.stdout
}

fn python() -> std::path::PathBuf {
    installed().join("bin/python")
}

/// What curl got, with the developer's token.
fn json(arguments: &[&str]) -> Value {
    let token = ["-sS", "--fail-with-body", "-H", "Authorization: Bearer pentaprism-dev"];
    let printed = succeed(Command::new("curl").args(token).args(arguments));
    serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error} in {printed}"))
}

/// The operation at its end; asked for without pauses, as all clients do.
fn ended_operation(fresh: &Fresh, begun: &Value) -> Value {
    let place = begun["DetailsLocation"].as_str().expect("an operation has a place");
    let url = format!("{}{place}", fresh.server.url());
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        let operation = json(&[&url]);
        if operation["State"] != 0 && operation["State"] != 1 {
            return operation;
        }
    }
    panic!("the operation does not end: {begun}");
}

fn read_without_token(fresh: &Fresh, url: &str) -> Vec<u8> {
    let file = fresh.folder.path().join("back");
    let types = ["-sS", "--fail-with-body", "-w", "%{content_type}", "-o"];
    assert_eq!(succeed(Command::new("curl").args(types).arg(&file).arg(url)), "application/octet-stream");
    std::fs::read(file).expect("it was downloaded")
}
