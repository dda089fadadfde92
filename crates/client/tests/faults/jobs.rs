//! One upload of each dialect: the answers of its good course, and what follows when one of its exchanges breaks.

use std::future::Future;
use std::net::SocketAddr;
use std::num::{NonZeroU64, NonZeroUsize};
use std::pin::Pin;
use std::sync::Arc;

use pentaprism_client::dialects::azure_sphere::AzureSphereClient;
use pentaprism_client::dialects::glance::GlanceClient;
use pentaprism_client::dialects::pingone::PingoneClient;
use pentaprism_client::dialects::saved_views::SavedViewsClient;
use pentaprism_client::dialects::service_fabric::ServiceFabricClient;
use pentaprism_client::upload::Polling;
use pentaprism_client::upload::azure_sphere::PackageUploadError;
use pentaprism_client::upload::glance::{ImageUploadError, ImageUploadOptions};
use pentaprism_client::upload::pingone::{PictureUploadError, PictureUploadOptions};
use pentaprism_client::upload::saved_views::{PutPictureError, PutPictureOptions};
use pentaprism_client::upload::service_fabric::{FabricUploadError, FabricUploadOptions};
use pentaprism_client::{Counters, Credential, HyperTransport, Source};
use pentaprism_core::dialects::glance::models::ImageCreate;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Kind, answer, base, json as with_json, kind, leaping};

/// What follows when an exchange breaks.
#[derive(Clone)]
pub enum After {
    /// The same exchange once more, and the rest.
    Again,
    /// These answers, with which the job succeeds.
    Succeeds(Vec<Vec<u8>>),
    /// The job fails, after these answers.
    Fails(Vec<Vec<u8>>),
}

/// One exchange of a job.
#[derive(Clone)]
pub struct Exchange {
    pub answer: Vec<u8>,
    pub after: After,
}

/// How a job ended.
#[derive(Debug, PartialEq)]
pub struct End {
    pub failure: Option<Kind>,
    /// Bytes that count as sent, and those that count as acknowledged.
    pub counted: (u64, u64),
}

type Run = Pin<Box<dyn Future<Output = Option<Kind>> + Send>>;

pub struct Job {
    pub name: &'static str,
    pub source: Vec<u8>,
    pub exchanges: Vec<Exchange>,
    run: fn(HyperTransport, SocketAddr, Source) -> Run,
}

impl Job {
    pub async fn run(&self, transport: &HyperTransport, address: SocketAddr) -> End {
        let counters = Arc::new(Counters::default());
        let source = Source::bytes(self.source.clone()).with_progress(counters.clone());
        let failure = (self.run)(transport.clone(), address, source).await;
        End { failure, counted: (counters.bytes_sent(), counters.bytes_acknowledged()) }
    }

    /// What the server answers in all when the exchange with this number breaks, after that one.
    pub fn answers_after(&self, number: usize) -> Vec<Vec<u8>> {
        match &self.exchanges[number].after {
            After::Again => self.exchanges[number..].iter().map(|exchange| exchange.answer.clone()).collect(),
            After::Succeeds(answers) | After::Fails(answers) => answers.clone(),
        }
    }
}

fn exchange(answer: Vec<u8>, after: After) -> Exchange {
    Exchange { answer, after }
}

pub fn all() -> Vec<Job> {
    vec![
        glance(false),
        glance(true),
        azure_sphere(),
        saved_views(),
        pingone(),
        fabric_file(),
        fabric_chunks(false),
        fabric_chunks(true),
    ]
}

pub const ID: &str = "cf433676-4896-400d-8ec1-05118365d9d2";

/// The record of `abc`.
pub fn glance_record(status: &str) -> Value {
    let told = |value: Value| if status == "active" { value } else { Value::Null };
    json!({"status": status, "name": "disk", "disk_format": "raw", "container_format": "bare", "visibility": "shared",
        "size": told(json!(3)), "virtual_size": null, "checksum": told(json!("900150983cd24fb0d6963f7d28e17f72")),
        "protected": false, "min_ram": 0, "min_disk": 0, "owner": "project", "os_hidden": false, "os_hash_algo": null,
        "os_hash_value": null, "id": ID, "created_at": "2026-11-21T00:42:39Z", "updated_at": "2026-11-21T00:42:39Z",
        "tags": [], "self": "/", "file": "/", "schema": "/"})
}

pub fn glance_created() -> Vec<u8> {
    let head = "201 Created\nx-openstack-request-id: req-1\nlocation: /\ncontent-type: application/json";
    answer(head, &glance_record("queued").to_string())
}

pub fn glance_taken() -> Vec<u8> {
    answer("204 No Content\nx-openstack-request-id: req-1", "")
}

pub fn glance_shown(status: &str) -> Vec<u8> {
    let head = "200 OK\nx-openstack-request-id: req-1\ncontent-type: application/json";
    answer(head, &glance_record(status).to_string())
}

pub fn glance_client(transport: HyperTransport, address: SocketAddr) -> GlanceClient<HyperTransport> {
    let credential = Credential::auth_token("secret").unwrap();
    GlanceClient::new(transport, base(address), credential).with_retry(leaping())
}

pub fn glance_kind(error: &ImageUploadError) -> Kind {
    match error {
        ImageUploadError::Create(error) => kind(error),
        ImageUploadError::Upload { source, .. } => kind(source),
        ImageUploadError::Show { source, .. } => kind(source),
        other => panic!("{other:?}"),
    }
}

/// `arrived`: the bytes arrive although their exchange breaks.
fn glance(arrived: bool) -> Job {
    let after_upload = if arrived {
        vec![glance_shown("saving"), glance_shown("active"), glance_shown("active")]
    } else {
        vec![glance_shown("queued"), glance_taken(), glance_shown("active")]
    };
    Job {
        name: "Glance",
        source: b"abc".to_vec(),
        exchanges: vec![
            exchange(glance_created(), After::Fails(Vec::new())),
            exchange(glance_taken(), After::Succeeds(after_upload)),
            exchange(glance_shown("active"), After::Again),
        ],
        run: |transport, address, source| {
            Box::pin(async move {
                let client = glance_client(transport, address);
                let uploaded =
                    client.upload_image(&ImageCreate::default(), source, &ImageUploadOptions::default()).await;
                uploaded.err().map(|error| glance_kind(&error))
            })
        },
    }
}

fn azure_sphere() -> Job {
    let operation = |state: i64| {
        let body = json!({"CompletedDateUTC": null, "CreatedDateUTC": "2026-01-02T03:04:05.678Z", "DetailsLocation": "/",
            "Error": null, "OperationId": ID, "OperationType": 7, "ResourceLocation": null, "StartedDateUTC": null,
            "State": state, "TenantId": ID});
        with_json("200 OK", &body)
    };
    Job {
        name: "Azure Sphere",
        source: b"a package".to_vec(),
        exchanges: vec![
            exchange(operation(0), After::Fails(Vec::new())),
            exchange(operation(1), After::Again),
            exchange(operation(2), After::Again),
        ],
        run: |transport, address, source| {
            Box::pin(async move {
                let credential = Credential::bearer("secret").unwrap();
                let client = AzureSphereClient::new(transport, base(address), credential).with_retry(leaping());
                let uploaded = client.upload_package(ID, source, &Polling::default()).await;
                uploaded.err().map(|error| match &error {
                    PackageUploadError::Upload { source, .. } => kind(source),
                    PackageUploadError::Poll { source, .. } => kind(source),
                    other => panic!("{other:?}"),
                })
            })
        },
    }
}

/// One grey pixel.
const PIXEL: &[u8] = &[
    0x89, b'P', b'N', b'G', 13, 10, 26, 10, 0, 0, 0, 13, b'I', b'H', b'D', b'R', 0, 0, 0, 1, 0, 0, 0, 1, 8, 4, 0, 0, 0,
    0xb5, 0x1c, 0x0c, 0x02, 0, 0, 0, 11, b'I', b'D', b'A', b'T', 0x78, 0xda, 0x63, 0x64, 0x60, 0, 0, 0, 6, 0, 2, 0x30,
    0x81, 0xd0, 0x2f, 0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60, 0x82,
];

fn saved_views() -> Job {
    Job {
        name: "Saved Views",
        source: PIXEL.to_vec(),
        exchanges: vec![
            exchange(answer("204 No Content", ""), After::Again),
            exchange(with_json("200 OK", &json!({"href": "https://views.example/picture"})), After::Again),
        ],
        run: |transport, address, source| {
            Box::pin(async move {
                let credential = Credential::bearer("secret").unwrap();
                let client = SavedViewsClient::new(transport, base(address), credential).with_retry(leaping());
                let put = client.put_picture("a-view", source, &PutPictureOptions::default()).await;
                put.err().map(|error| match &error {
                    PutPictureError::Update { source, .. } => kind(source),
                    PutPictureError::ReadBack { source, .. } => kind(source),
                    other => panic!("{other:?}"),
                })
            })
        },
    }
}

fn pingone() -> Job {
    let record = json!({"_links": {"self": {"href": "x"}, "environment": {"href": "x"}}, "id": ID, "environment": {"id": ID},
        "targets": {"original": {"id": "original", "width": 1, "height": 1, "type": "png", "href": "https://x.example/a"}},
        "createdAt": "2020-02-27T19:49:36.457Z"})
    .to_string();
    let head = |status| format!("{status}\ncorrelation-id: c-1\ncontent-type: application/json");
    Job {
        name: "PingOne",
        source: PIXEL.to_vec(),
        exchanges: vec![
            exchange(answer(&head("201 Created"), &record), After::Fails(Vec::new())),
            exchange(answer(&head("200 OK"), &record), After::Again),
        ],
        run: |transport, address, source| {
            Box::pin(async move {
                let credential = Credential::bearer("secret").unwrap();
                let client = PingoneClient::new(transport, base(address), credential).with_retry(leaping());
                let uploaded = client.upload_picture(ID, "a.png", source, &PictureUploadOptions::default()).await;
                uploaded.err().map(|error| match &error {
                    PictureUploadError::Create { source, .. } => kind(source),
                    PictureUploadError::ReadBack { source, .. } => kind(source),
                    other => panic!("{other:?}"),
                })
            })
        },
    }
}

pub fn fabric_client(transport: HyperTransport, address: SocketAddr) -> ServiceFabricClient<HyperTransport> {
    ServiceFabricClient::new(transport, base(address), Credential::none()).with_retry(leaping())
}

/// A listing with one file of this size.
pub fn fabric_listing(size: usize) -> Vec<u8> {
    let file = json!({"StoreRelativePath": "Images\\a.vhd", "FileVersion": {"VersionNumber": "1"},
        "FileSize": size.to_string(), "ModifiedDate": "2026-11-21T10:00:00.000Z"});
    with_json("200 OK", &json!({"StoreFiles": [file], "StoreFolders": []}))
}

fn fabric_run(transport: HyperTransport, address: SocketAddr, source: Source, chunks: bool) -> Run {
    Box::pin(async move {
        let client = fabric_client(transport, address);
        let options = FabricUploadOptions {
            chunk_bytes: NonZeroU64::new(6).unwrap(),
            parallel: NonZeroUsize::new(1).unwrap(),
            single_put_limit: if chunks { 0 } else { 100 },
            new_session: Arc::new(|| Uuid::from_u128(7)),
            ..FabricUploadOptions::default()
        };
        let uploaded = client.upload("Images/a.vhd", source, &options).await;
        uploaded.err().map(|error| match &error {
            FabricUploadError::Put(source) => kind(source),
            FabricUploadError::Ask(source) => kind(source),
            FabricUploadError::Chunk { source, .. } => kind(source),
            FabricUploadError::Commit(source) => kind(source),
            FabricUploadError::List(source) => kind(source),
            other => panic!("{other:?}"),
        })
    })
}

fn fabric_file() -> Job {
    Job {
        name: "Service Fabric, one request",
        source: b"ten bytes!".to_vec(),
        exchanges: vec![exchange(answer("200 OK", ""), After::Again), exchange(fabric_listing(10), After::Again)],
        run: |transport, address, source| fabric_run(transport, address, source, false),
    }
}

/// `arrived`: the first chunk arrives although its exchange breaks.
fn fabric_chunks(arrived: bool) -> Job {
    let known = |missing_from: &str| {
        let session = json!({"StoreRelativePath": "Images/a.vhd", "SessionId": Uuid::from_u128(7), "FileSize": "10",
            "ModifiedDate": "2026-11-21T10:00:00.000Z",
            "ExpectedRanges": [{"StartPosition": missing_from, "EndPosition": "9"}]});
        with_json("200 OK", &json!({"UploadSessions": [session]}))
    };
    let taken = || answer("200 OK", "");
    let rest = || vec![answer("404 Not Found", ""), taken(), fabric_listing(10)];
    let first = if arrived { vec![known("6"), taken()] } else { vec![known("0"), taken(), taken()] };
    let second = vec![known("6"), taken()];
    let succeeds = |answers: Vec<Vec<u8>>| After::Succeeds([answers, rest()].concat());
    Job {
        name: "Service Fabric, chunks",
        source: b"ten bytes!".to_vec(),
        exchanges: vec![
            exchange(answer("204 No Content", ""), After::Again),
            exchange(taken(), succeeds(first)),
            exchange(taken(), succeeds(second)),
            exchange(answer("404 Not Found", ""), After::Again),
            exchange(taken(), After::Again),
            exchange(fabric_listing(10), After::Again),
        ],
        run: |transport, address, source| fabric_run(transport, address, source, true),
    }
}
