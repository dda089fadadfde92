//! First uploads with the clients that people use: curl, Python's http.client, python-glanceclient, openstackclient and
//! sfctl. And lists with those that have them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::support::{Fresh, noise, succeed};

const IMAGE: &str = "cf433676-4896-400d-8ec1-05118365d9d2";

#[test]
fn curl_uploads_an_image_and_reads_it_back() {
    let fresh = Fresh::start();
    let bytes = noise(1, 3 << 20);
    let file = fresh.file("disk.raw", &bytes);
    let url = format!("{}/v2/images", fresh.server.url());
    let record = format!("{{\"id\":\"{IMAGE}\",\"disk_format\":\"raw\",\"container_format\":\"bare\"}}");
    let token = ["-sS", "--fail-with-body", "-H", "X-Auth-Token: pentaprism-dev"];
    let curl = |arguments: &[&str]| succeed(Command::new("curl").args(token).args(arguments));
    assert!(curl(&["-d", &record, &url]).contains("\"status\":\"queued\""));
    let upload = curl(&[
        "-v",
        "--stderr",
        "-",
        "-H",
        "Expect: 100-continue",
        "-H",
        "Content-Type: application/octet-stream",
        "-T",
        file.to_str().expect("the path is text"),
        &format!("{url}/{IMAGE}/file"),
    ]);
    assert!(upload.contains("< HTTP/1.1 100 Continue") && upload.contains("< HTTP/1.1 204 No Content"), "{upload}");
    let back = fresh.folder.path().join("back.raw");
    curl(&["-o", back.to_str().expect("the path is text"), &format!("{url}/{IMAGE}/file")]);
    assert!(std::fs::read(back).expect("it was downloaded") == bytes, "the bytes differ");
    let with_prior_knowledge = curl(&["--http2-prior-knowledge", "-w", "%{http_version}", &format!("{url}/{IMAGE}")]);
    assert!(with_prior_knowledge.contains("\"status\":\"active\"") && with_prior_knowledge.ends_with('2'));
}

#[test]
fn http_client_sees_early_answers_whatever_it_still_sends() {
    let fresh = Fresh::start();
    let script = scripts().join("http_client.py");
    let address = fresh.server.address();
    let arguments = [address.ip().to_string(), address.port().to_string()];
    let printed = succeed(Command::new("python3").arg(script).args(arguments));
    assert!(printed.contains("409 reaches a client with 64 MiB in chunks"), "{printed}");
    assert!(printed.ends_with("the image is as it was\n"), "{printed}");
}

#[test]
fn glanceclient_creates_an_image_with_its_bytes() {
    let fresh = Fresh::start();
    let bytes = noise(2, (1 << 20) + 17);
    let file = fresh.file("disk.raw", &bytes);
    let back = fresh.folder.path().join("back.raw");
    let glance = |arguments: &[&str]| {
        let url = fresh.server.url();
        let access = ["--os-auth-token", "pentaprism-dev", "--os-image-url", &url];
        succeed(
            Command::new(installed().join("bin/glance")).args(access).args(arguments).env("HOME", fresh.folder.path()),
        )
    };
    let created = glance(&[
        "image-create",
        "--id",
        IMAGE,
        "--name",
        "first",
        "--disk-format",
        "raw",
        "--container-format",
        "bare",
        "--property",
        "colour=red",
        "--file",
        file.to_str().expect("the path is text"),
    ]);
    for part in ["| active", "| red", "| sha512", &format!("| {}", bytes.len())] {
        assert!(created.contains(part), "no `{part}` in\n{created}");
    }
    glance(&["image-download", "--file", back.to_str().expect("the path is text"), IMAGE]);
    assert!(std::fs::read(back).expect("it was downloaded") == bytes, "the bytes differ");
    assert!(glance(&["image-show", IMAGE]).contains("| first"));
    let project = "22222222-2222-4222-8222-222222222222";
    assert!(glance(&["member-create", IMAGE, project]).contains("| pending"));
    assert!(glance(&["member-list", "--image-id", IMAGE]).contains(project));
    glance(&["member-delete", IMAGE, project]);
    glance(&["image-delete", IMAGE]);
}

#[test]
fn glanceclient_lists_images() {
    let fresh = Fresh::start();
    let file = fresh.file("disk.raw", &noise(4, 5000));
    let glance = |arguments: &[&str]| {
        let url = fresh.server.url();
        let access = ["--os-auth-token", "pentaprism-dev", "--os-image-url", &url];
        succeed(
            Command::new(installed().join("bin/glance")).args(access).args(arguments).env("HOME", fresh.folder.path()),
        )
    };
    for (name, colour) in [("b one", "red"), ("a one", "blue"), ("c one", "red")] {
        let property = format!("colour={colour}");
        let record = ["--name", name, "--property", &property, "--tags", "every", colour];
        let data = ["--disk-format", "raw", "--container-format", "bare", "--file", file.to_str().expect("it is text")];
        glance(&[&["image-create"], &record[..], &data].concat());
    }
    let listed = |arguments: &[&str]| {
        let printed = glance(&[&["image-list"], arguments].concat());
        let rows = printed.lines().filter_map(|line| Some(line.strip_prefix("| ")?.split('|').nth(1)?.trim()));
        rows.skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(listed(&["--sort", "name:asc"]), ["a one", "b one", "c one"]);
    assert_eq!(listed(&["--sort-key", "name", "--sort-dir", "desc", "--page-size", "1"]), ["c one", "b one", "a one"]);
    assert_eq!(listed(&["--sort", "name:desc", "--limit", "2"]), ["c one", "b one"]);
    let red = ["--property-filter", "colour=red", "--tag", "every", "--tag", "red", "--sort", "name"];
    assert_eq!(listed(&red), ["c one", "b one"]);
    assert_eq!(listed(&["--property-filter", "name=a one", "--property-filter", "status=active"]), ["a one"]);
    assert_eq!(listed(&["--visibility", "public"]), Vec::<String>::new());
    assert_eq!(listed(&["--hidden", "true"]), Vec::<String>::new());
}

#[test]
fn openstackclient_finds_images_by_name() {
    let fresh = Fresh::start();
    let bytes = noise(5, 5000);
    let file = fresh.file("disk.raw", &bytes);
    let back = fresh.folder.path().join("back.raw");
    let openstack = |arguments: &[&str]| {
        let endpoint = format!("{}/v2", fresh.server.url());
        let program = installed().join("bin/openstack");
        let access =
            [("OS_AUTH_TYPE", "admin_token"), ("OS_TOKEN", "pentaprism-dev"), ("OS_ENDPOINT", endpoint.as_str())];
        succeed(Command::new(program).args(arguments).envs(access).env("HOME", fresh.folder.path()))
    };
    for (name, colour) in [("debian:12", "red"), ("ubuntu 24", "blue")] {
        let property = format!("colour={colour}");
        let arguments = ["image", "create", "--disk-format", "raw", "--property", &property, "--tag", "every"];
        let path = file.to_str().expect("it is text");
        openstack(&[&arguments[..], &["--file", path, name]].concat());
    }
    let names = |arguments: &[&str]| {
        let listed = openstack(&[&["image", "list", "-f", "value", "-c", "Name"], arguments].concat());
        listed.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(names(&[]), ["debian:12", "ubuntu 24"]);
    assert_eq!(names(&["--name", "debian:12"]), ["debian:12"]);
    assert_eq!(names(&["--property", "colour=blue", "--tag", "every", "--status", "active"]), ["ubuntu 24"]);
    assert_eq!(names(&["--private"]), Vec::<String>::new());
    assert_eq!(openstack(&["image", "show", "-f", "value", "-c", "status", "debian:12"]), "active\n");
    openstack(&["image", "save", "--file", back.to_str().expect("it is text"), "ubuntu 24"]);
    assert!(std::fs::read(back).expect("it was downloaded") == bytes, "the bytes differ");
    openstack(&["image", "delete", "ubuntu 24"]);
    assert_eq!(names(&[]), ["debian:12"]);
}

#[test]
fn sfctl_uploads_an_application_package() {
    let fresh = Fresh::start();
    let home = fresh.folder.path().join("home");
    std::fs::create_dir(&home).expect("the folder is made");
    fresh.file("Calculator/ApplicationManifest.xml", b"<ApplicationManifest/>");
    fresh.file("Calculator/Service/Code/run me & go.exe", &noise(3, 700_000));
    fresh.file("Calculator/Service/Code/empty.txt", b"");
    let package = fresh.folder.path().join("Calculator");
    let sfctl = |arguments: &[&str]| {
        succeed(
            Command::new(installed().join("bin/sfctl"))
                .args(arguments)
                .env("HOME", &home)
                .env("AZURE_CORE_COLLECT_TELEMETRY", "no"),
        )
    };
    sfctl(&["cluster", "select", "--endpoint", &fresh.server.url()]);
    sfctl(&["application", "upload", "--path", package.to_str().expect("the path is text")]);
    let root = sfctl(&["store", "root-info"]);
    assert!(root.contains("\"fileCount\": \"6\"") && root.contains("\"storeRelativePath\": \"Calculator\""), "{root}");
    let code = sfctl(&["store", "stat", "--content-path", "Calculator/Service/Code"]);
    for part in ["run me & go.exe", "\"fileSize\": \"700000\"", "empty.txt", "_.dir"] {
        assert!(code.contains(part), "no `{part}` in\n{code}");
    }
    sfctl(&["store", "delete", "--content-path", "Calculator"]);
    assert!(sfctl(&["store", "root-info"]).contains("\"storeFolders\": []"));
}

pub(crate) fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/end_to_end/clients")
}

/// The virtual environment with the Python clients, installed by the first test that needs it.
pub(crate) fn installed() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients");
        succeed(Command::new("sh").arg(scripts().join("install.sh")).arg(&folder));
        folder
    })
}
