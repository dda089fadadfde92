//! The document's samples for PingOne, each in its language, as printed but for what the document says has to be filled in:
//! `{{apiPath}}`, `{{envID}}`, `{{accessToken}}` and the contents of the file.
//!
//! Three samples are not here, because no package registry that CI reaches has what they need: the one for PHP (`HTTP_Request2` of
//! PEAR; Debian has none), the one for C# (`RestSharp` of `NuGet`), and the one for Swift (a compiler; Debian has one from its next
//! release on). The two last would also turn the picture into text and back.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use crate::clients::{installed, scripts};
use crate::support::{Fresh, client, packaged, succeed};

const ENVIRONMENT: &str = "abfba8f6-49eb-49f5-a5d9-80ad5c98f9f6";
const TOKEN: &str = "pentaprism-dev";
/// 48 by 32 pixels, with bytes that no text has.
const PICTURE: &[u8] = include_bytes!("../../src/pictures/tests/fixtures/baseline.jpg");
/// What stands in the samples for the picture.
const CONTENTS: &str = "\"<file contents here>\"";
/// How often the server is asked for its numbers, at most, until they are as expected.
const POLLS: usize = 10_000;

#[test]
fn curl() {
    let upload = Upload::new();
    let script = upload.sample("sample.sh", "'@'", "'@200.jpg'");
    upload.succeeds(Command::new("sh").arg(script));
}

#[test]
fn http() {
    let upload = Upload::new();
    let file = upload.sample("sample.http", CONTENTS, "");
    let printed = std::fs::read_to_string(file).expect("it was written");
    let answer = upload.send(&printed);
    assert!(answer.starts_with("HTTP/1.1 404 ") && answer.contains("begin with /v1"), "{answer}");
    // The part of the API path that the sample has no place for.
    let answer = upload.send(&printed.replace("POST /", "POST /v1/"));
    assert!(answer.starts_with("HTTP/1.1 201 Created\r\n"), "{answer}");
    upload.is_there(answer.split_once("\r\n\r\n").expect("an answer has a body").1, "200.jpg");
}

#[test]
fn python_with_requests() {
    let upload = Upload::new();
    let script = upload.sample("sample.py", CONTENTS, "open('200.jpg', 'rb').read()");
    upload.succeeds(Command::new(installed().join("bin/python")).arg(script));
}

#[test]
fn node_with_request() {
    let (Some(node), Some(modules)) = (client("node"), modules()) else { return };
    let upload = Upload::new();
    let script = upload.sample("sample.node.js", CONTENTS, "require('fs').readFileSync('200.jpg')");
    upload.succeeds(Command::new(node).arg(script).env("NODE_PATH", modules));
}

#[test]
fn jquery_in_a_page_of_another_origin() {
    let (Some(node), Some(modules)) = (client("node"), modules()) else { return };
    let upload = Upload::new();
    let script = upload.sample("sample.jquery.js", CONTENTS, "contents");
    let page = |script: &Path| {
        let mut command = Command::new(&node);
        command.arg(scripts().join("pingone/page.js")).arg(script).arg("200.jpg").env("NODE_PATH", modules);
        command.current_dir(upload.fresh.folder.path());
        command
    };
    upload.succeeds(&mut page(&script));
    let refused = upload.sample("refused.jquery.js", "{{server}}", &upload.fresh.server.url());
    assert_eq!(succeed(&mut page(&refused)), "\"kept out\"\n", "the page must be bound by what servers allow");
}

#[test]
fn go() {
    let Some(go) = client("go") else { return };
    let upload = Upload::new();
    let sample = upload.sample("sample.go", CONTENTS, "contents()");
    // The compiler wants both in one folder.
    let contents = upload.fresh.folder.path().join("contents.go");
    std::fs::copy(scripts().join("pingone/contents.go"), &contents).expect("it is copied");
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("go");
    upload.succeeds(Command::new(go).arg("run").arg(sample).arg(contents).env("GOCACHE", cache));
}

#[test]
fn ruby() {
    let Some(ruby) = client("ruby") else { return };
    let upload = Upload::new();
    let script = upload.sample("sample.rb", CONTENTS, "File.binread(\"200.jpg\")");
    upload.succeeds(Command::new(ruby).arg(script));
}

#[test]
fn java_with_okhttp() {
    // A program of one file needs the compiler.
    let (Some(java), Some(_)) = (client("java"), client("javac")) else { return };
    let libraries = ["/usr/share/java/okhttp.jar", "/usr/share/java/okio.jar"].map(packaged);
    let [Some(okhttp), Some(okio)] = libraries else { return };
    let upload = Upload::new();
    let sample = upload.sample("sample.java", CONTENTS, "Files.readAllBytes(Path.of(\"200.jpg\"))");
    let sample = std::fs::read_to_string(sample).expect("it was written");
    let around = std::fs::read_to_string(scripts().join("pingone/Upload.java")).expect("it is there");
    let program = upload.fresh.file("Upload.java", around.replace("// the sample\n", &sample).as_bytes());
    let libraries = std::env::join_paths([okhttp, okio]).expect("the paths have no colons");
    upload.succeeds(Command::new(java).arg("-cp").arg(libraries).arg(program));
}

/// Nothing says what comes: the generated clients write `image/*` and no name, curl by itself the type of forms.
#[test]
fn what_clients_send_when_nobody_tells_them() {
    let upload = Upload::new();
    let url = upload.images();
    let token = format!("Authorization: Bearer {TOKEN}");
    for headers in [
        &["-H", "Content-Type: image/*"][..],
        &[],
        &["-H", "Content-Type:"],
        &["-H", "Content-Type: application/octet-stream", "-H", "Transfer-Encoding: chunked"],
    ] {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--fail-with-body", "-H", &token, "--data-binary", "@200.jpg"]).args(headers).arg(&url);
        let printed = succeed(curl.current_dir(upload.fresh.folder.path()));
        let image: Value = serde_json::from_str(&printed).expect("the answer is JSON");
        let id = image["id"].as_str().expect("the image has an id");
        upload.is_there(&printed, &format!("{id}.jpg"));
    }
    upload.answered(4);
}

/// A server, and the file that is uploaded to it.
struct Upload {
    fresh: Fresh,
}

impl Upload {
    fn new() -> Self {
        let fresh = Fresh::start();
        fresh.file("200.jpg", PICTURE);
        Self { fresh }
    }

    fn images(&self) -> String {
        format!("{}/v1/environments/{ENVIRONMENT}/images", self.fresh.server.url())
    }

    /// Fills a sample in, and writes it beside the picture. `contents` stands for `mark`, which stands for the picture.
    fn sample(&self, name: &str, mark: &str, contents: &str) -> PathBuf {
        let text = std::fs::read_to_string(scripts().join("pingone").join(name)).expect("the sample is there");
        let address = self.fresh.server.url();
        // A request as such has room for the host only.
        let path = if name == "sample.http" { address.replace("http://", "") } else { address + "/v1" };
        assert!(text.contains(mark), "{name} has no {mark}");
        let filled = text.replace("{{apiPath}}", &path).replace("{{envID}}", ENVIRONMENT);
        let filled = filled.replace("{{accessToken}}", TOKEN).replace(mark, contents);
        assert!(!filled.contains("{{") && !filled.contains("here>"), "something is not filled in: {filled}");
        self.fresh.file(name, filled.as_bytes())
    }

    /// Runs a filled sample where the picture is: it prints the image, which is there.
    fn succeeds(&self, command: &mut Command) {
        let printed = succeed(command.current_dir(self.fresh.folder.path()));
        self.is_there(&printed, "200.jpg");
        self.answered(1);
    }

    /// Sends a request whose picture and length are not in it yet. Returns the answer.
    fn send(&self, head: &str) -> String {
        let head = head.trim_end().replace('\n', "\r\n");
        let mut connection = TcpStream::connect(self.fresh.server.address()).expect("the server listens");
        let length = PICTURE.len();
        write!(connection, "{head}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n").expect("it is sent");
        connection.write_all(PICTURE).expect("it is sent");
        let mut answer = String::new();
        connection.read_to_string(&mut answer).expect("the answer is text");
        answer
    }

    /// The printed image describes the picture, is what the API says later too, and its link needs no token.
    fn is_there(&self, printed: &str, file_name: &str) {
        let image: Value = serde_json::from_str(printed).unwrap_or_else(|error| panic!("{error} in {printed}"));
        let id = image["id"].as_str().expect("the image has an id");
        let (itself, environment) = (format!("{}/{id}", self.images()), &image["environment"]["id"]);
        assert_eq!((image["_links"]["self"]["href"].as_str(), environment), (Some(&*itself), &ENVIRONMENT.into()));
        let href = format!("{}/environments/{ENVIRONMENT}/images/{id}/{file_name}", self.fresh.server.url());
        let original = serde_json::json!({"id": "original", "width": 48, "height": 32, "type": "jpg", "href": href});
        assert_eq!(image["targets"]["original"], original, "{printed}");
        let read = |arguments: &[&str]| {
            let output = Command::new("curl").args(["-sS", "--fail-with-body"]).args(arguments).output();
            output.expect("curl is there").stdout
        };
        let later: Value = serde_json::from_slice(&read(&["-H", &format!("Authorization: Bearer {TOKEN}"), &itself]))
            .expect("the API knows it");
        assert_eq!(later, image);
        // Without a token, and the media type behind the bytes.
        assert!(read(&["-w", "%{content_type}", &href]) == [PICTURE, b"image/jpeg"].concat(), "the bytes differ");
    }

    /// The server counted `times` uploads, all answered 201. It counts an answer once it is sent, maybe after it was read.
    fn answered(&self, times: u32) {
        let uploads = "pentaprism_requests_total{dialect=\"pingone\",operation=\"CreateImage\",status=\"";
        let expected = format!("{uploads}201\"}} {times}");
        let mut last = String::new();
        for _ in 0..POLLS {
            last = succeed(Command::new("curl").args(["-sS", &format!("{}/metrics", self.fresh.server.url())]));
            if last.lines().filter(|line| line.starts_with(uploads)).eq([&*expected]) {
                return;
            }
        }
        panic!("not {times} uploads answered 201: {last}");
    }
}

/// The packages of the JavaScript samples, installed by the first test that needs them.
fn modules() -> Option<&'static Path> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        client("npm")?;
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pingone");
        succeed(Command::new("sh").arg(scripts().join("pingone/install.sh")).arg(&folder));
        Some(folder.join("node_modules"))
    });
    folder.as_deref()
}
